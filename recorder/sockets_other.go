//go:build !linux

package recorder

// raiseReceiveBuffers does nothing here: only Linux lists a process's sockets.
func raiseReceiveBuffers() error { return nil }
