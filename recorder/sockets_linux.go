package recorder

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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

// DroppedDatagrams is how many datagrams the kernel has dropped, for want of room,
// from the UDP sockets that this process has open: the drops column of
// /proc/net/udp and udp6, which name sockets by their inode (proc(5)).
func DroppedDatagrams() (int64, error) {
	mine := map[string]bool{}
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return 0, fmt.Errorf("list sockets: %w", err)
	}
	for _, d := range descriptors {
		if target, err := os.Readlink(d); err == nil && strings.HasPrefix(target, "socket:[") {
			mine[strings.Trim(target, "socket:[]")] = true
		}
	}
	var sum int64
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		body, err := os.ReadFile(table)
		if os.IsNotExist(err) {
			continue // no IPv6
		}
		if err != nil {
			return 0, fmt.Errorf("count drops: %w", err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
			const inode, drops = 9, 12
			columns := strings.Fields(lines.Text())
			if len(columns) <= drops || !mine[columns[inode]] {
				continue
			}
			n, err := strconv.ParseInt(columns[drops], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("count drops: %w", err)
			}
			sum += n
		}
	}
	return sum, nil
}
