package recorder

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// receiveBuffer is what each UDP socket of the process should be able to hold,
// in bytes. The kernel's default of about 200 KiB overflows with 32
// participants, and the SDK has no option for it.
const receiveBuffer = 4 << 20

// RaiseReceiveBuffers raises the receive buffer of every UDP socket that the
// process has open. The kernel caps it at net.core.rmem_max.
func RaiseReceiveBuffers() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list sockets: %w", err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return fmt.Errorf("set receive buffer: %w", err)
		}
	}
	return nil
}
