package recorder

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/recording"
)

// How often a bot looks after what it records, and what it looks for.
const (
	watchEvery = time.Second
	liveEvery  = 3  // each so many times, the tracks' state is reported
	dropsEvery = 10 // and it is asked what the kernel has dropped
	// flowing is how recent a packet makes a track flow: longer than the 0.4 s
	// that Opus leaves between packets in silence.
	flowing = 3 * time.Second
	// stalled is how long a track that is not muted may be silent.
	stalled = 10 * time.Second
)

// Watermarks are the free bytes of the archive's disk at which a bot acts. A
// recording that cannot grow is lost; one that ends in time is whole.
type Watermarks struct {
	// Warn logs, SoundOnly gives up pictures until there is more room again,
	// Stop ends every recording with its files complete.
	Warn, SoundOnly, Stop uint64
}

// watch does what time brings: limits, stalls, the disk, and the live report.
func (b *Bot) watch() {
	now := b.now()
	b.watched++
	b.watchDisk()
	if b.watched%dropsEvery == 0 {
		b.watchDrops(now)
	}
	news := b.watchTracks(now) || b.watched%liveEvery == 0
	for _, c := range b.captures {
		switch why := c.over(now); why {
		case "":
			if news {
				b.report(Report{ID: c.rec.ID, Live: b.live(c, now)})
			}
		default:
			c.log.Info("recording reached its limit", "limit", why)
			b.endOne(c, why, nil)
		}
	}
}

// watchDrops tells what the kernel has dropped since it was last asked. A socket that
// closes takes its count along: then there is nothing to tell.
func (b *Bot) watchDrops(now time.Duration) {
	dropped, err := DroppedDatagrams()
	if err != nil {
		b.log.Debug("it is not known what the kernel drops", "error", err)
		return
	}
	lost := dropped - b.dropped
	b.dropped = dropped
	if lost <= 0 {
		return
	}
	b.log.Warn("the kernel dropped datagrams: this machine is too busy, or net.core.rmem_max too small", "datagrams", lost)
	for _, c := range b.captures {
		c.note(now, recording.Entry{Drops: &recording.DropsEntry{Datagrams: lost}})
	}
}

// over tells the limit that the recording has reached, if any.
func (c *capture) over(now time.Duration) recording.EndReason {
	lasted := now - c.start
	if !c.rec.StartedAt.IsZero() {
		lasted = time.Since(c.rec.StartedAt) // an earlier epoch began it
	}
	if limit := c.rec.Limits.MaxDuration.Duration(); limit > 0 && lasted >= limit {
		return recording.EndedByDuration
	}
	silent := now - time.Duration(c.lastMedia.Load())
	if limit := c.rec.Limits.Idle.Duration(); limit > 0 && silent >= limit && !c.terms.Load().paused {
		return recording.EndedByIdle
	}
	return ""
}

// heard remembers that media was written.
func (c *capture) heard(now time.Duration) { c.lastMedia.Store(int64(now)) }

// watchTracks tells the journals when a track stalls and when it comes again, and
// reports whether one has.
func (b *Bot) watchTracks(now time.Duration) (news bool) {
	for _, t := range b.tracks {
		silent := now - time.Duration(t.arrived.Load())
		is := silent >= stalled && !t.muted
		if is == t.stalled {
			continue
		}
		t.stalled, news = is, true
		if is {
			b.log.Warn("track has stalled: nothing comes although it is not muted", "participant", t.key.identity, "track", t.sid)
		} else {
			b.log.Info("track flows again", "participant", t.key.identity, "track", t.sid)
		}
		for _, c := range b.captures {
			if c.takes(t.key, t.kind) {
				c.note(now, recording.Entry{Stall: &recording.StallEntry{SID: t.sid, Stalled: is}})
			}
		}
	}
	return news
}

// live is how the tracks that c takes fare.
func (b *Bot) live(c *capture, now time.Duration) []recording.LiveTrack {
	list := []recording.LiveTrack{}
	for _, t := range b.tracks {
		if !c.takes(t.key, t.kind) {
			continue
		}
		l := recording.LiveTrack{
			Participant: t.key.identity, Stream: t.key.stream, SID: t.sid, Kind: t.kind, Codec: t.codecName(),
			Muted: t.muted, Flowing: now-time.Duration(t.arrived.Load()) < flowing, Stalled: t.stalled,
		}
		if n := t.published.Load(); n != nil {
			l.Packets, l.Lost, l.Bytes = n.packets, n.lost, n.bytes
		}
		list = append(list, l)
	}
	return list
}

// watchDisk acts when the archive's disk runs full.
func (b *Bot) watchDisk() {
	w := b.opts.Watermarks
	if w == (Watermarks{}) || len(b.captures) == 0 {
		return
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(b.opts.Archive.Root(), &fs); err != nil {
		b.log.Warn("free space is not known", "error", err)
		return
	}
	free := fs.Bavail * uint64(fs.Bsize)
	if low := free < w.Warn; low != b.diskLow {
		b.diskLow = low
		b.log.Warn("free space for recordings crossed the warning mark", "free_bytes", free, "mark_bytes", w.Warn)
	}
	if free < w.Stop {
		b.log.Error("disk is full: ending all recordings while their files can be completed", "free_bytes", free)
		b.endAll(recording.EndedByDisk, recording.Errorf(recording.CodeDiskFull, "%d MiB were left on the disk: make room, then record again", free>>20))
		return
	}
	b.soundOnly(free, w.SoundOnly)
}

// soundOnly gives pictures up below the mark, and takes them again well above it.
func (b *Bot) soundOnly(free, mark uint64) {
	for _, c := range b.captures {
		next := *c.terms.Load()
		switch {
		case free < mark && !next.soundOnly:
			next.soundOnly = true
		case free > mark+mark/4 && next.soundOnly:
			next.soundOnly = false
		default:
			continue
		}
		c.log.Warn("pictures are given up, or taken again, by the space on the disk", "sound_only", next.soundOnly, "free_bytes", free)
		c.note(b.now(), recording.Entry{Disk: &recording.DiskEntry{FreeBytes: free, SoundOnly: next.soundOnly}})
		b.agree(c, next)
	}
}
