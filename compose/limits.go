package compose

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/recording"
)

// parallel is how many processes may make pictures of a film at a time, beside
// one that makes sound.
func (c Composer) parallel(p *Plan) int {
	return int(min(int64(c.Cores), max(1, (c.Memory-soundFootprint)/p.footprint())))
}

// What processes take in bytes, from the largest resident sets that were
// measured with parts of 1280x720 in VP8: an MP4 of that size took 177 MiB with 4
// participants, 186 with 9, 309 with 25; 236 with 4 at archive quality; 290 and 415
// with 4 at 1920x1080. Pictures have room for decoders that keep more frames.
const (
	processBase    = 60 << 20
	pictureBytes   = 8 << 20
	soundFootprint = 80 << 20 // 66 MiB with 25 voices
	// Frames of the film that the filters hold, two turns of them, and the encoder.
	heldFrames, heldFramesArchive = 75, 120
)

// footprint is about what a process that makes pictures takes at most.
func (p *Plan) footprint() int64 {
	most := 0
	for i := range p.Segments {
		most = max(most, p.Segments[i].pictures())
	}
	frame, held := int64(p.Spec.Width)*int64(p.Spec.Height)*3/2, int64(heldFrames)
	if p.Spec.Quality == QualityArchive {
		held = heldFramesArchive
	}
	return processBase + held*frame + int64(most)*pictureBytes
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

// checkRoom refuses a film that the disk of a folder has no room for: its pieces,
// and once more the same as the film.
func (p *Plan) checkRoom(folder string) error {
	var fs unix.Statfs_t
	if unix.Statfs(folder, &fs) != nil {
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
