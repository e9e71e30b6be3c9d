//go:build !linux

package webm

import "os"

func datasync(f *os.File) error { return f.Sync() }

func lock(*os.File) error { return nil }
