package recorder

import (
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Solve replays the journal in dir and writes the manifest that follows from
// it: where each part and each of its tracks lies on the timeline, and what
// happened to them. A torn journal is replayed as far as it is whole. What rec
// leaves empty is taken from the journal.
func Solve(dir string, rec recording.Recording) (*recording.Manifest, error) {
	entries, _, err := recording.ReadJournal(dir)
	if err != nil {
		return nil, err
	}
	m, err := solve(entries, rec)
	if err != nil {
		return nil, err
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		return nil, err
	}
	return m, nil
}

// place maps the part's file times to the timeline.
func (p *solvingPart) place() {
	points, residual := p.sync()
	for _, t := range p.tracks {
		t.Sync, t.Residual = points, residual
		t.Start, t.End = t.At(t.totals.First), t.At(t.totals.Last)
		t.Packets, t.Lost, t.Duplicates = t.totals.Packets, t.totals.Lost, t.totals.Duplicates
		t.Frames, t.Bytes = t.totals.Frames, t.totals.Bytes
		for _, v := range t.sizes {
			t.Sizes = append(t.Sizes, recording.Size{At: t.At(v.At), Width: v.Width, Height: v.Height})
		}
		for _, c := range t.clocks {
			t.Channels = max(t.Channels, c.Channels)
		}
		t.Gaps, t.Freezes = t.onTimeline(t.gaps), t.onTimeline(t.freezes)
	}
	p.Start = recording.Track{Sync: points}.At(0)
}

// onTimeline converts intervals of file time. What goes on beyond the track's media
// ends with it: a packet that came after a gap need not have become a frame.
func (t *solvingTrack) onTimeline(list []recording.Interval) []recording.Interval {
	var out []recording.Interval
	for _, v := range list {
		on := recording.Interval{From: max(t.At(v.From), t.Start), To: min(t.At(v.To), t.End)}
		if on.To > on.From {
			out = append(out, on)
		}
	}
	return out
}

// sync fits the part's file clock to the timeline. Both tracks share one file
// clock, so they share one mapping: sound gives it where there is sound, and
// pictures, less how much later they arrive than sound, where there is none.
func (p *solvingPart) sync() ([]recording.SyncPoint, recording.Seconds) {
	bySecond := map[int64]observed{}
	var sound, pictures []observed
	for _, t := range p.tracks {
		for _, c := range t.clocks {
			o := observed{file: c.File.Duration(), delay: (p.shift + c.Arrival - c.File).Duration()}
			if t.Kind == recording.Audio {
				sound = append(sound, o)
				bySecond[int64(o.file/time.Second)] = o
			} else {
				pictures = append(pictures, o)
			}
		}
	}
	var later []time.Duration
	for _, o := range pictures {
		if a, ok := bySecond[int64(o.file/time.Second)]; ok {
			later = append(later, o.delay-a.delay)
		}
	}
	bias := median(later)
	all := slices.Clone(sound)
	slices.SortFunc(sound, byFile)
	for _, o := range pictures {
		// While there is talk, pictures have nothing to add: they may have been moved
		// to it since.
		i, _ := slices.BinarySearchFunc(sound, o, byFile)
		if i < len(sound) && sound[i].file-o.file < fitWindow || i > 0 && o.file-sound[i-1].file < fitWindow {
			continue
		}
		all = append(all, observed{o.file, o.delay - bias})
	}
	all = slices.DeleteFunc(all, func(o observed) bool { return o.file < 0 }) // before a clock was set right
	if len(all) == 0 {
		return []recording.SyncPoint{{File: 0, Timeline: p.Start}}, 0
	}
	return fit(all)
}
