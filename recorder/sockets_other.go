//go:build !linux

package recorder

// RaiseReceiveBuffers does nothing here: only Linux lists a process's sockets.
func RaiseReceiveBuffers() error { return nil }

// DroppedDatagrams is not known here.
func DroppedDatagrams() (int64, error) { return 0, nil }
