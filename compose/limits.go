package compose

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/recording"
)

// parallel is how many processes of a film may run at a time.
func (c Composer) parallel(p *Plan) int {
	return int(min(int64(c.Cores), max(1, c.Memory/p.footprint())))
}

// footprint is about what one process takes at most, in bytes: an encoder
// with its lookahead, and for every picture a decoder with its frames. Measured
// with 4, 9 and 25 participants of 1280x720.
func (p *Plan) footprint() int64 {
	const base, perPicture = 60 << 20, 18 << 20
	most := 0
	for i := range p.Segments {
		most = max(most, p.Segments[i].pictures())
	}
	canvas := int64(p.Spec.Width) * int64(p.Spec.Height) * 3 / 2
	return base + 50*canvas + int64(most)*perPicture
}

// memory is what this machine, or the container, has in bytes.
func memory() int64 {
	const unknown = 4 << 30
	total := int64(unknown)
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var kib int64
			if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
				total = kib << 10
				break
			}
		}
	}
	if b, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil {
			total = min(total, limit)
		}
	}
	return total
}

// checkRoom refuses a film that the disk has no room for: its pieces, and once
// more the same as the film.
func (p *Plan) checkRoom(dir string) error {
	var fs unix.Statfs_t
	if unix.Statfs(filepath.Dir(dir), &fs) != nil {
		return recording.Errorf(recording.CodeComposeFailed, "the free space of the disk cannot be read")
	}
	const reserve, soundKbit = 64 << 20, 128
	kbit := soundKbit
	if formats[p.Spec.Format].picture() {
		kbit += bitrate(p.Spec)
	}
	need := int64(p.Duration.Float()*float64(kbit)*1000/8)*2 + reserve
	if free := int64(fs.Bavail) * fs.Bsize; free < need {
		return recording.Errorf(recording.CodeDiskFull,
			"the disk has %d MiB free and this film may need %d MiB: make room, or ask for a smaller one", free>>20, need>>20)
	}
	return nil
}
