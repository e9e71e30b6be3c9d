package egress

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/livekit/psrpc"
	"golang.org/x/sys/unix"
)

// checkPlace refuses an absolute name outside the folder for files.
func (w *Worker) checkPlace(f file) error {
	if w.remote(f) {
		return nil
	}
	_, err := w.below(clean(f.path))
	return err
}

// remote reports whether a file goes to where this worker's disk is not.
func (w *Worker) remote(f file) bool { return f.bucket != nil || w.opts.Storage != nil }

// below returns a file's name relative to the folder for files.
func (w *Worker) below(name string) (string, error) {
	if !filepath.IsAbs(name) {
		return name, nil
	}
	folder, err := filepath.Abs(w.opts.Output)
	if err != nil {
		return "", fmt.Errorf("find folder for files: %w", err)
	}
	inside, ok := strings.CutPrefix(name, strings.TrimSuffix(folder, "/")+"/")
	if !ok {
		return "", refuse(psrpc.InvalidArgument, "filepath %q is not below %s, where this worker may write: use a relative name, or set egress.output", name, folder)
	}
	return inside, nil
}

// place puts a file where its output wants it, and returns where that is.
func (w *Worker) place(ctx context.Context, f file, name, made string) (location string, err error) {
	key := strings.TrimPrefix(name, "/")
	switch {
	case f.bucket != nil:
		location, err = w.opts.Bucket(ctx, f.bucket, key, made)
	case w.opts.Storage != nil:
		location, err = w.opts.Storage(ctx, key, made)
	default:
		return w.placeHere(name, made)
	}
	if err != nil {
		return "", refuse(psrpc.InvalidArgument, "s3 upload failed: %w", err)
	}
	return location, nil
}

// placeHere puts a file into the folder for files, and returns where that is.
func (w *Worker) placeHere(name, made string) (location string, err error) {
	inside, err := w.below(name)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(w.opts.Output, 0o755); err != nil {
		return "", fmt.Errorf("make folder for files: %w", err)
	}
	root, err := os.OpenRoot(w.opts.Output)
	if err != nil {
		return "", fmt.Errorf("open folder for files: %w", err)
	}
	defer root.Close()
	if err := settle(root, inside, made); err != nil {
		return "", err
	}
	return filepath.Join(root.Name(), inside), nil
}

// settle makes name, below root, a durable copy of the file made: the same file
// where the file system allows. One of that name is replaced.
func settle(root *os.Root, name, made string) error {
	folder, base := filepath.Split(filepath.Clean(name))
	if folder != "" {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folder of file: %w", err)
		}
	}
	dir, err := root.Open(filepath.Join(".", folder))
	if err != nil {
		return fmt.Errorf("open folder of file: %w", err)
	}
	defer dir.Close()
	passing := "." + base + ".part"
	if err := root.Remove(filepath.Join(folder, passing)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("clear way of file: %w", err)
	}
	if err := unix.Linkat(unix.AT_FDCWD, made, int(dir.Fd()), passing, 0); err != nil {
		if err := copyTo(root, filepath.Join(folder, passing), made); err != nil {
			return err
		}
	}
	if err := root.Rename(filepath.Join(folder, passing), filepath.Join(folder, base)); err != nil {
		return fmt.Errorf("name file: %w", err)
	}
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync folder of file: %w", err)
	}
	return nil
}

func copyTo(root *os.Root, name, made string) (err error) {
	from, err := os.Open(made)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	defer from.Close()
	const readable fs.FileMode = 0o644
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, readable)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	defer func() {
		if cerr := to.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("copy file: %w", cerr)
		}
	}()
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	if err := to.Sync(); err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	return nil
}
