package recorder

import (
	"os"

	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// Snapshot solves the journal of a recording that is still running, up to now:
// parts that are being written end with their latest clock observation, and lie
// in files with webm.OpenSuffix. Nothing is written. Positions may still move
// by milliseconds until the end, as clocks are fitted to more.
func Snapshot(dir string, rec recording.Recording) (*recording.Manifest, error) {
	entries, _, err := recording.ReadJournal(dir)
	if err != nil {
		return nil, err
	}
	s, err := replay(entries, rec)
	if err != nil {
		return nil, err
	}
	for _, p := range s.parts {
		if !p.finished {
			p.measure(dir)
		}
	}
	s.finish()
	if !s.ended {
		s.m.State, s.m.Ended = recording.Active, ""
	}
	return s.m, nil
}

// measure fills in what the end of a part would have told.
func (p *solvingPart) measure(dir string) {
	path := partPath(dir, p)
	info, err := os.Stat(path + webm.OpenSuffix)
	if err == nil {
		path += webm.OpenSuffix
	} else if info, err = os.Stat(path); err != nil {
		return
	}
	first := firstBlocks(path, len(p.tracks))
	for _, t := range p.tracks {
		at, seen := first[t.Number]
		if !seen || len(t.clocks) == 0 {
			continue
		}
		t.totals.Number, t.totals.First = t.Number, at
		for _, c := range t.clocks {
			t.totals.Last = max(t.totals.Last, c.File)
		}
		p.Bytes, p.Duration = info.Size(), max(p.Duration, t.totals.Last)
	}
}

// firstBlocks returns where each track of a file begins, as far as its first
// clusters tell.
func firstBlocks(path string, tracks int) map[int]recording.Seconds {
	const most = 4000
	first := map[int]recording.Seconds{}
	r, err := webm.Open(path)
	if err != nil {
		return first
	}
	defer r.Close()
	for range most {
		b, err := r.Next()
		if err != nil {
			break
		}
		at := recording.Seconds(b.Time)
		if was, seen := first[b.Track]; !seen || at < was {
			first[b.Track] = at
		}
		if len(first) == tracks {
			break
		}
	}
	return first
}
