package compose

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// What may be made beside a film.
const (
	// ExtraPoster is one telling picture of it, poster.jpg.
	ExtraPoster = "poster"
	// ExtraSheet is a contact sheet, sheet.png.
	ExtraSheet = "sheet"
	// ExtraChapters are marks in the film where somebody joins or shares.
	ExtraChapters = "chapters"
	// ExtraSpeakers is who spoke when, as WebVTT, speakers.vtt.
	ExtraSpeakers = "speakers"
)

var extras = []string{ExtraPoster, ExtraSheet, ExtraChapters, ExtraSpeakers}

// beside makes what belongs beside a film, in folder, and lists it.
func (r *renderer) beside(ctx context.Context, m *recording.Manifest, film, folder string) ([]recording.CompositionFile, error) {
	var files []recording.CompositionFile
	spec := r.plan.Spec
	add := func(name, kind string) error {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		files = append(files, recording.CompositionFile{Name: name, Kind: kind, Bytes: info.Size()})
		return nil
	}
	if len(spec.Extras) == 0 && spec.Format != "hls" {
		return nil, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("create folder: %w", err)
	}
	if spec.Format == "hls" {
		if err := r.composer.ffmpeg(ctx, folder, r.log, playlistCommand(film), nil); err != nil {
			return nil, err
		}
		if err := add(playlistName, "playlist"); err != nil {
			return nil, err
		}
	}
	for _, extra := range spec.Extras {
		var name string
		var err error
		switch extra {
		case ExtraPoster:
			name = "poster.jpg"
			err = r.composer.ffmpeg(ctx, folder, r.log, posterCommand(film, r.plan.poster(), name), nil)
		case ExtraSheet:
			const columns, rows = 4, 3
			name = "sheet.png"
			err = r.composer.ContactSheet(ctx, film, filepath.Join(folder, name), columns, rows)
		case ExtraSpeakers:
			name = "speakers.vtt"
			err = os.WriteFile(filepath.Join(folder, name), []byte(speakers(m, r.plan)), 0o644)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", extra, err)
		}
		if err := add(name, extra); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// poster is the middle of the longest segment that shows the most pictures.
func (p *Plan) poster() recording.Seconds {
	best, at := -1, p.Duration/2
	var long recording.Seconds
	for _, s := range p.Segments {
		n := 0
		for _, t := range s.Tiles {
			if t.Picture != nil {
				n++
			}
		}
		if n > best || n == best && s.To-s.From > long {
			best, long, at = n, s.To-s.From, (s.From+s.To)/2
		}
	}
	return at
}

// chapter begins where something happened.
type chapter struct {
	at    recording.Seconds
	title string
}

// chapters are where somebody joins for the first time or shares a screen. What
// happens within moments is one chapter, and what a film withholds is none.
func (p *Plan) chapters(m *recording.Manifest) []chapter {
	const moment, most = recording.Seconds(5 * time.Second), 200
	names := map[string]string{}
	for _, who := range m.Participants {
		if wanted(p.Spec, who.Identity) {
			names[who.Identity] = p.called(who)
		}
	}
	var found []chapter
	add := func(at recording.Seconds, identity, does string) {
		name, has := names[identity]
		if !has || at < p.Takes[0].From || at >= p.Takes[len(p.Takes)-1].To {
			return
		}
		if film := p.At(at); film < p.Duration { // which is of whole frames
			found = append(found, chapter{film, name + does})
		}
	}
	for _, who := range m.Participants {
		if len(who.Present) > 0 {
			add(who.Present[0].From, who.Identity, " joins")
		}
	}
	known := map[string]bool{} // what goes on in another part
	for _, part := range m.Parts {
		for _, t := range part.Tracks {
			if t.Kind != recording.Video || t.Source != screenSource {
				continue
			}
			if !slices.ContainsFunc(t.SIDs, func(sid string) bool { return known[sid] }) {
				add(t.Start, part.Participant, " shares the screen")
			}
			for _, sid := range t.SIDs {
				known[sid] = true
			}
		}
	}
	slices.SortStableFunc(found, func(a, b chapter) int { return cmp.Compare(a.at, b.at) })
	out := []chapter{{0, "Start"}}
	for _, c := range found {
		last := &out[len(out)-1]
		switch {
		case c.at-last.at > moment && len(out) < most:
			out = append(out, c)
		case len(out) > 1 && !strings.Contains(", "+last.title+", ", ", "+c.title+", "):
			last.title += ", " + c.title
		}
	}
	return out
}

// metadata is chapters as an ffmetadata file. Its special characters are
// escaped; titles are one line already.
func metadata(list []chapter, end recording.Seconds) string {
	escape := strings.NewReplacer("\\", "\\\\", "=", "\\=", ";", "\\;", "#", "\\#", "\n", " ")
	var b strings.Builder
	b.WriteString(";FFMETADATA1\n")
	for i, c := range list {
		to := end
		if i+1 < len(list) {
			to = list[i+1].at
		}
		fmt.Fprintf(&b, "[CHAPTER]\nTIMEBASE=1/1000\nSTART=%d\nEND=%d\ntitle=%s\n", c.at.Duration().Milliseconds(), to.Duration().Milliseconds(), escape.Replace(c.title))
	}
	return b.String()
}

// speakers is who spoke when, as WebVTT with a voice for each cue
// (W3C WebVTT §3.5, §4.2.2).
func speakers(m *recording.Manifest, p *Plan) string {
	type cue struct {
		interval
		who string
	}
	var cues []cue
	for _, who := range m.Participants {
		if !wanted(p.Spec, who.Identity) || p.silenced(who.Identity) {
			continue
		}
		for _, i := range p.filmed(who.Speaking) {
			cues = append(cues, cue{i, p.called(who)})
		}
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.From, b.From) })
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", " ")
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, c := range cues {
		name := escape.Replace(c.who)
		fmt.Fprintf(&b, "\n%s --> %s\n<v %s>%s\n", cueTime(c.From), cueTime(c.To), name, name)
	}
	return b.String()
}

func cueTime(t recording.Seconds) string {
	ms := t.Duration().Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}
