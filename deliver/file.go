package deliver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// file is the body of an upload: it counts what is read, and puts the end of
// an attempt off while it is. It hides the other methods of os.File, which
// would let a copy pass Read by.
type file struct {
	f     *os.File
	size  int64
	sent  *atomic.Int64
	stall time.Duration
	watch *time.Timer
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.f.Read(p)
	f.sent.Add(int64(n))
	f.watch.Reset(f.stall)
	return n, err
}

func (f *file) Close() error { return f.f.Close() }

// open opens a file inside Dir; links cannot lead out of it.
func (u *Uploads) open(path string) (*file, error) {
	f, err := os.OpenInRoot(u.opts.Dir, filepath.FromSlash(path))
	if err != nil {
		return nil, unreadable(err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, unreadable(err)
	}
	return &file{f: f, size: info.Size()}, nil
}

func unreadable(err error) error {
	switch {
	case err == nil:
		return recording.Errorf(CodeFileChanged, "it is not a regular file")
	case errors.Is(err, fs.ErrNotExist):
		return recording.Errorf(CodeFileChanged, "the file is gone")
	}
	return recording.Errorf(CodeFileChanged, "the file cannot be opened: %w", err)
}
