package compose

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// Whatever people are called, and whatever else they may write, stands in no
// filter graph, no script and no list: only in titles of tracks and names of
// files, each an argument of its own that no shell sees.
func FuzzCommands(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, "webm", false)
		f.Add(text, "opus", true)
	}
	f.Add("[v0];[0:v]drawtext=text='", "mp4", true)
	f.Add("\n[CHAPTER]\nSTART=0\n;#=\\", "m4a", false)
	f.Add("\n\n00:00.000 --> 00:01.000\n<v x>", "hls", false)
	f.Fuzz(func(t *testing.T, text, format string, multitrack bool) {
		const mark = "☂" // nothing of ours has one
		text = mark + text + mark
		m := party()
		rename := func(identity string) string { return identity + text }
		for i := range m.Participants {
			m.Participants[i].Identity, m.Participants[i].Name = rename(m.Participants[i].Identity), text
		}
		for i := range m.Parts {
			m.Parts[i].Participant, m.Parts[i].Stream = rename(m.Parts[i].Participant), text+m.Parts[i].Stream
		}
		spec := recording.CompositionSpec{
			Format: format, Layout: "speaker", Host: rename("ann"), Focus: rename("bob"),
			Title: &recording.TitleCard{Text: text[:min(len(text), mostText)], Subtitle: mark}, Timestamp: recording.TimestampWall,
			External: []recording.ExternalVideo{{File: "a" + mark + ".mp4", Participant: rename("dee"), At: sec(25), Duration: sec(10), Width: 16, Height: 9}},
		}
		if multitrack {
			spec.Audio = AudioMultitrack
		}
		p, err := NewPlan(m, spec)
		if err != nil {
			if recording.CodeOf(err) != recording.CodeInvalidRequest {
				t.Fatal(err)
			}
			return
		}
		path := func(s Source) string { return filepath.Join("/data", s.File) }
		argument := func(args []string) {
			for i, a := range args {
				mine := strings.HasPrefix(a, "file:/data/") || i > 0 && strings.HasPrefix(args[i-1], "-metadata:s:a:") && (strings.HasPrefix(a, "title=") || strings.HasPrefix(a, "handler_name="))
				if strings.Contains(a, mark) && !mine || strings.Contains(a, "\x00") {
					t.Fatalf("argument %d of %q has %q", i, args, text)
				}
			}
		}
		nowhere := func(what, s string) {
			if strings.Contains(s, mark) {
				t.Fatalf("%s has %q:\n%s", what, text, s)
			}
		}
		for i := range p.Segments {
			s := &p.Segments[i]
			art := sceneArt{clock: sprite{file: "clock0000.pngs"}}
			if s.Card != nil {
				art = sceneArt{whole: sprite{file: "sprite0000.png"}}
			}
			for _, tile := range s.Tiles {
				art.tiles = append(art.tiles, tileArt{Tile: tile, card: sprite{file: "sprite0001.png"}, plate: sprite{file: "sprite0002.png"}})
			}
			args, graph := p.pieceCommand(path, s.First, s.Frames, art, "piece0000.mp4")
			argument(args)
			nowhere("the graph", graph)
		}
		tracks := p.soundTracks()
		var files []string
		codec := formats[p.Spec.Format].sound
		for i, track := range tracks {
			files = append(files, stretchName(i, 0, codec))
			for _, s := range p.stretches(i, track, codec, soundCell) {
				args, graph := p.soundCommand(path, s, codec, files[i])
				argument(args)
				nowhere("the graph of the sound", graph)
			}
		}
		argument(p.joinCommand("pieces.ffconcat", tracks, files, "chapters.txt", "film.mp4"))

		list := p.chapters(m)
		lines := strings.Split(strings.TrimSuffix(metadata(list, p.Duration), "\n"), "\n")
		if lines[0] != ";FFMETADATA1" || len(lines) != 1+5*len(list) {
			t.Fatalf("%d chapters take %d lines: %q", len(list), len(lines), lines)
		}
		for i, line := range lines[1:] {
			if want := []string{"[CHAPTER]", "TIMEBASE=", "START=", "END=", "title="}[i%5]; !strings.HasPrefix(line, want) {
				t.Fatalf("line %d is %q, not %s", i+1, line, want)
			}
		}
		for cue := range slices.Values(strings.Split(speakers(m, &p), "\n\n")[1:]) {
			if lines := strings.Split(strings.TrimSuffix(cue, "\n"), "\n"); len(lines) != 2 || strings.Count(cue, "-->") != 1 || !strings.HasPrefix(lines[1], "<v ") || strings.Count(cue, "<") != 1 {
				t.Fatalf("cue is %q", cue)
			}
		}
	})
}
