package webm

import (
	"errors"
	"os"
	"syscall"
)

// datasync leaves out the metadata that reading the file back does not need.
func datasync(f *os.File) error {
	return control(f, syscall.Fdatasync)
}

// lock keeps Repair away from a file that is still being written, by this process
// or by another one. A file system without locks is used without them.
func lock(f *os.File) error {
	err := control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrInUse
	case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS):
		return nil
	}
	return err
}

func control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for failed = syscall.EINTR; errors.Is(failed, syscall.EINTR); {
			failed = call(int(fd))
		}
	})
	if err != nil {
		return err
	}
	return failed
}
