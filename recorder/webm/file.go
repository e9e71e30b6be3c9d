package webm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenSuffix ends the name of a file that is not finished.
const OpenSuffix = ".open"

// File is what a Writer writes to. An *os.File does not implement it, for want of
// Datasync; Options.CreateFile can wrap one.
type File interface {
	io.Writer
	io.WriterAt
	// Datasync returns when all bytes written so far will survive a loss of power.
	// It is called from another goroutine than the rest.
	Datasync() error
	// Sync does so for the file's metadata as well.
	Sync() error
	Close() error
}

// diskFile is a File on a disk, locked against every other one.
type diskFile struct {
	*os.File
	entrySynced bool
}

// CreateFile creates a file that must not exist yet. It is what a Writer uses
// unless Options.CreateFile says otherwise.
func CreateFile(path string) (File, error) {
	return openDisk(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func openDisk(path string, flag int) (*diskFile, error) {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &diskFile{File: f}, nil
}

// Datasync syncs the directory too when it first runs: a new file whose name is
// not on disk is lost with all its bytes.
func (f *diskFile) Datasync() error {
	if !f.entrySynced {
		if err := syncDir(filepath.Dir(f.Name())); err != nil {
			return err
		}
		f.entrySynced = true
	}
	return datasync(f.File)
}

// publish gives a finished file its final name, and makes sure that it keeps it.
func publish(from, to string) error {
	if from != to {
		if err := mustNotExist(to); err != nil {
			return err
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(to))
}

func mustNotExist(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
