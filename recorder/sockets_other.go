//go:build !linux

package recorder

// RaiseReceiveBuffers does nothing here: only Linux lists a process's sockets.
func RaiseReceiveBuffers() error { return nil }
