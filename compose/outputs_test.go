package compose

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// compose makes a film and returns its place.
func composed(t *testing.T, dir string, spec recording.CompositionSpec) (recording.Composition, string) {
	t.Helper()
	film, err := Compose(context.Background(), dir, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return film, filepath.Join(recording.CompositionsDir(dir), film.File)
}

// probed is what ffprobe says of a file: its streams, as codec and title, and its length.
func probed(t *testing.T, file string) (streams []string, length float64) {
	t.Helper()
	out := string(tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name:stream_tags=title,handler_name:format=duration", "-of", "compact=p=0", file))
	for line := range strings.Lines(out) {
		var codec, title string
		for field := range strings.SplitSeq(strings.TrimSpace(line), "|") {
			switch key, value, _ := strings.Cut(field, "="); key {
			case "codec_name":
				codec = value
			case "tag:title", "tag:TITLE":
				title = value
			case "tag:handler_name":
				if title == "" && value != "SoundHandler" && value != "VideoHandler" {
					title = value
				}
			case "duration":
				fmt.Sscan(value, &length)
			}
		}
		if codec != "" {
			streams = append(streams, strings.TrimSpace(codec+" "+title))
		}
	}
	return streams, length
}

func TestFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir,
		person{identity: "ann", colour: "red", to: 2, tone: 440, steady: true},
		person{identity: "bob", colour: "green", to: 2, tone: 1000, steady: true},
	)
	for name, c := range map[string]struct {
		spec    recording.CompositionSpec
		streams []string
		file    string
	}{
		"draft":           {recording.CompositionSpec{Quality: QualityDraft}, []string{"h264", "aac"}, ".mp4"},
		"archive":         {recording.CompositionSpec{Quality: QualityArchive}, []string{"h264", "aac"}, ".mp4"},
		"vp9":             {recording.CompositionSpec{Format: "webm", VideoCodec: "vp9"}, []string{"vp9", "opus"}, ".webm"},
		"av1":             {recording.CompositionSpec{Format: "webm", VideoCodec: "av1"}, []string{"av1", "opus"}, ".webm"},
		"m4a":             {recording.CompositionSpec{Format: "m4a"}, []string{"aac"}, ".m4a"},
		"opus":            {recording.CompositionSpec{Format: "opus"}, []string{"opus"}, ".ogg"},
		"m4a multitrack":  {recording.CompositionSpec{Format: "m4a", Audio: AudioMultitrack}, []string{"aac ann", "aac bob"}, ".m4a"},
		"opus multitrack": {recording.CompositionSpec{Format: "opus", Audio: AudioMultitrack}, []string{"opus ann", "opus bob"}, ".mka"},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Width, c.spec.Height = 320, 180
			film, path := composed(t, dir, c.spec)
			streams, length := probed(t, path)
			if diff := cmp.Diff(c.streams, streams); diff != "" {
				t.Error(diff)
			}
			if math.Abs(length-2) > 0.05 || filepath.Ext(film.File) != c.file {
				t.Errorf("%s lasts %v s", film.File, length)
			}
		})
	}
	film, path := composed(t, dir, recording.CompositionSpec{Format: "m4a", Audio: AudioMultitrack})
	raw := decodeSound(t, path, 1)
	d := decoded{sound: raw}
	if bob, ann := d.level(1000, 0.5, 1.5), d.level(440, 0.5, 1.5); math.Abs(bob+12.04) > 1 || ann > -50 {
		t.Errorf("bob's track of %s has bob at %.1f dB and ann at %.1f", film.File, bob, ann)
	}
}

// Where nobody is heard, each format has silence of the film's length.
func TestNobodyIsHeard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 2, noAudio: true})
	for _, format := range []string{"m4a", "opus"} {
		for _, audio := range []string{AudioMixed, AudioMultitrack} {
			_, path := composed(t, dir, recording.CompositionSpec{Format: format, Audio: audio})
			if streams, length := probed(t, path); len(streams) != 1 || math.Abs(length-2) > 0.05 {
				t.Errorf("%s, %s: %q, %v s", format, audio, streams, length)
			}
		}
	}
}

// Voices in mono make a film in mono, at their level, although the files' heads
// say that there are two channels (RFC 7587 §7).
func TestChannels(t *testing.T) {
	t.Parallel()
	people := func(stereo bool) (string, *recording.Manifest) {
		dir := t.TempDir()
		m := meeting(t, dir,
			person{identity: "ann", noVideo: true, to: 3, tone: 440, steady: true},
			person{identity: "bob", noVideo: true, from: 1, audioAt: 1, to: 2, tone: 1000, steady: true, stereo: stereo},
		)
		for _, part := range m.Parts {
			file := filepath.Join(dir, part.File)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b[bytes.Index(b, []byte("OpusHead"))+9] = 2
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir, m
	}
	mono, m := people(false)
	stereo, _ := people(true)
	unknown, _ := people(false)
	m.Parts[1].Tracks[0].Channels = 0
	for _, part := range m.Parts {
		if err := os.Link(filepath.Join(mono, part.File), filepath.Join(unknown, part.File)); err != nil {
			t.Fatal(err)
		}
	}
	if err := recording.WriteManifest(unknown, m); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  string
		spec recording.CompositionSpec
		want string
	}{
		"mp4":               {mono, recording.CompositionSpec{}, "1"},
		"webm":              {mono, recording.CompositionSpec{Format: "webm"}, "1"},
		"m4a, each a track": {mono, recording.CompositionSpec{Format: "m4a", Audio: AudioMultitrack}, "1 1"},
		"live":              {mono, recording.CompositionSpec{Live: true}, "2"},
		"stereo":            {stereo, recording.CompositionSpec{}, "2"},
		"stereo, left out":  {stereo, recording.CompositionSpec{Exclude: []string{"bob"}}, "1"},
		"unknown":           {unknown, recording.CompositionSpec{Format: "opus"}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Width, c.spec.Height = 320, 180
			_, path := composed(t, c.dir, c.spec)
			got := string(tool(t, "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=channels", "-of", "csv=p=0", path))
			if got := strings.Join(strings.Fields(got), " "); got != c.want {
				t.Errorf("%s channels, want %s", got, c.want)
			}
			d := decoded{sound: decodeSound(t, path, 0)}
			if got := d.level(440, 0.5, 2.5); c.want != "2" && math.Abs(got+12.04) > 1 {
				t.Errorf("ann has %.2f dB", got)
			}
		})
	}
}

func TestSpecRefusals(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]recording.CompositionSpec{
		"quality":   {Quality: "superb"},
		"codec":     {Format: "mp4", VideoCodec: "vp8"},
		"encoder":   {Encoder: "abacus"},
		"no vp8":    {Format: "webm", Encoder: "nvenc"},
		"audio":     {Audio: "multitrack"},
		"extra":     {Extras: []string{"popcorn"}},
		"no poster": {Format: "opus", Extras: []string{ExtraPoster}},
		"priority":  {Priority: "now"},
	} {
		if _, err := Normalize(spec); recording.CodeOf(err) != recording.CodeInvalidRequest {
			t.Errorf("%s: got %v", name, err)
		} else {
			t.Log(err)
		}
	}
}

// Hardware that is not there is refused by name, with what ffmpeg says.
func TestMissingHardware(t *testing.T) {
	t.Parallel()
	if len((Composer{}).Hardware(context.Background())) > 0 {
		t.Skip("this machine has a hardware encoder")
	}
	err := Composer{}.CheckEncoder(context.Background(), recording.CompositionSpec{Encoder: "nvenc", VideoCodec: "h264"})
	if recording.CodeOf(err) != recording.CodeInvalidRequest || !strings.Contains(err.Error(), "nvenc") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestExtras(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", name: "Ann <A&B>; #1", colour: "red", to: 14, tone: 440},
		person{identity: "bob", colour: "green", from: 7, videoAt: 7, audioAt: 7, to: 14},
	)
	m.Participants[0].Speaking = []recording.Interval{{From: sec(1), To: sec(2.5)}, {From: sec(13), To: sec(20)}}
	m.Participants[1].Speaking = []recording.Interval{{From: sec(8), To: sec(9)}}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	film, path := composed(t, dir, recording.CompositionSpec{
		Format: "hls", Width: 320, Height: 180, Extras: []string{ExtraPoster, ExtraSheet, ExtraChapters, ExtraSpeakers},
	})
	beside := filepath.Join(recording.CompositionsDir(dir), film.ID)
	var kinds []string
	for i, f := range film.Files {
		kinds = append(kinds, f.Kind)
		name := filepath.Join(beside, f.Name)
		if i == 0 {
			name = path
		}
		if info, err := os.Stat(name); err != nil || info.Size() != f.Bytes || f.Bytes == 0 {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if diff := cmp.Diff([]string{"film", "playlist", "poster", "sheet", "speakers"}, kinds); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"poster.jpg", "sheet.png"} {
		f, err := os.Open(filepath.Join(beside, name))
		if err != nil {
			t.Fatal(err)
		}
		if c, kind, err := image.DecodeConfig(f); err != nil || c.Width < 320 {
			t.Errorf("%s is %v %v, %v", name, kind, c, err)
		}
		f.Close()
	}
	cues, err := os.ReadFile(filepath.Join(beside, "speakers.vtt"))
	if err != nil {
		t.Fatal(err)
	}
	want := "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Ann &lt;A&amp;B&gt;; #1>Ann &lt;A&amp;B&gt;; #1\n" +
		"\n00:00:08.000 --> 00:00:09.000\n<v bob>bob\n\n00:00:13.000 --> 00:00:14.000\n<v Ann &lt;A&amp;B&gt;; #1>Ann &lt;A&amp;B&gt;; #1\n"
	if diff := cmp.Diff(want, string(cues)); diff != "" {
		t.Error(diff)
	}
	chapters := string(tool(t, "ffprobe", "-v", "error", "-show_chapters", "-of", "compact=p=0", path))
	var titles []string
	for line := range strings.Lines(chapters) {
		_, title, _ := strings.Cut(strings.TrimSpace(line), "tag:title=")
		titles = append(titles, title)
	}
	if diff := cmp.Diff([]string{"Start", "bob joins"}, titles); diff != "" {
		t.Errorf("%s\n%s", diff, chapters)
	}
	streams, length := probed(t, filepath.Join(beside, "index.m3u8"))
	// ffprobe lists them once for the program and once for the file.
	if diff := cmp.Diff([]string{"h264", "aac", "h264", "aac"}, streams); diff != "" || math.Abs(length-14) > 0.1 {
		t.Errorf("the playlist has %v s: %s", length, diff)
	}
	tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", filepath.Join(beside, "index.m3u8"), "-f", "null", "-")
}

// A film of one frame, and one whose last picture stands long, have a poster and a
// contact sheet of what they show.
func TestStills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 2, steady: true})
	composed(t, dir, recording.CompositionSpec{Width: 320, Height: 180, To: sec(0.03), Extras: []string{ExtraPoster, ExtraSheet}})

	film, sheet := filepath.Join(dir, "film.webm"), filepath.Join(dir, "sheet.png")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=red:s=320x180:r=1:d=2,drawbox=c=blue:t=fill:enable='gte(t,1)'", "-f", "lavfi", "-i", "sine=d=8", film)
	if err := ContactSheet(t.Context(), film, sheet, 10, 1); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(sheet)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	colours := ""
	for i := range 10 { // at 0.4, 1.2, ... 7.6 s
		if r, _, b, _ := img.At(8+328*i+160, 8+90).RGBA(); r > b {
			colours += "r"
		} else {
			colours += "b"
		}
	}
	if colours != "rbbbbbbbbb" {
		t.Errorf("the sheet shows %q", colours)
	}
}

// What a film withholds is not told beside it either. A share that goes on in
// another part is one, and what comes after the last whole frame is none.
func TestExtrasTellWhatIsShown(t *testing.T) {
	screen := func(from, to float64, sid string) recording.Track {
		t := track(recording.Video, 1, from, to)
		t.Source, t.SIDs = screenSource, []string{sid}
		return t
	}
	m := &recording.Manifest{
		ID: "rec_1",
		Participants: []recording.Participant{
			speaking(present("ann", "Ann", 0, 60.4), 1, 2), speaking(present("bob", "Bob", 7, 60), 8, 9), speaking(present("cyd", "Cyd", 14, 60), 15, 16),
			speaking(present("eve", "Eve", 21, 60), 22, 23), present("max", "Max", 21.2, 60), present("big", "Big Max", 21.1, 60), present("dee", "Dee", 60.2, 60.4),
		},
		Parts: []recording.Part{
			partOf("p1", "ann", "camera", track("video", 1, 0, 60.4), track("audio", 2, 0, 60.4)),
			partOf("p2", "bob", "camera", track("video", 1, 7, 60)),
			partOf("p3", "cyd", "camera", track("video", 1, 14, 60)),
			partOf("p4", "eve", "camera", track("video", 1, 21, 60), track("audio", 2, 21, 60)),
			partOf("p5", "ann", "screen_share", screen(28, 35, "TR_1")),
			partOf("p6", "ann", "screen_share", screen(35.5, 42, "TR_1")),
			partOf("p7", "ann", "screen_share", screen(49, 55, "TR_2")),
			partOf("p8", "bob", "screen_share", screen(42, 48, "TR_3")),
		},
	}
	plan := func(mode recording.WithdrawalMode) Plan {
		p, err := NewPlan(m, recording.CompositionSpec{
			FrameRate: 1, Exclude: []string{"bob"}, Withdrawn: &recording.Withdrawal{Participants: []string{"eve"}, Mode: mode},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan(recording.WithdrawalBlur)
	want := []chapter{
		{0, "Start"},
		{sec(14), "Cyd joins"},
		{sec(21), "Participant joins, Big Max joins, Max joins"},
		{sec(28), "Ann shares the screen"},
		{sec(49), "Ann shares the screen"},
	}
	if diff := cmp.Diff(want, p.chapters(m), cmp.AllowUnexported(chapter{})); diff != "" {
		t.Errorf("chapters: %s", diff)
	}
	blurred := "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ann>Ann\n\n00:00:15.000 --> 00:00:16.000\n<v Cyd>Cyd\n"
	if diff := cmp.Diff(blurred+"\n00:00:22.000 --> 00:00:23.000\n<v Participant>Participant\n", speakers(m, &p)); diff != "" {
		t.Errorf("who spoke: %s", diff)
	}
	p.Spec.Audio = AudioMultitrack
	var titles []string
	for _, t := range p.soundTracks() {
		titles = append(titles, t.title)
	}
	if diff := cmp.Diff([]string{"ann", nobody}, titles); diff != "" {
		t.Errorf("tracks of sound: %s", diff)
	}
	p = plan(recording.WithdrawalBoth)
	if diff := cmp.Diff(blurred, speakers(m, &p)); diff != "" {
		t.Errorf("who spoke of those who are heard: %s", diff)
	}
}

// Each participant's parts become one file: copied where they can be, with the
// gap between two parts kept, and encoded anew where the codec changes.
func TestPeople(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann/..", colour: "red", to: 3, tone: 440, steady: true},
		person{identity: "bob", colour: "green", to: 2, tone: 1000, steady: true},
		person{identity: "bob", colour: "blue", from: 4, videoAt: 4, audioAt: 4, to: 6, tone: 1000, steady: true},
		person{identity: "eve", noVideo: true, to: 2, tone: 700, steady: true},
	)
	m.Participants[1].Present = append(m.Participants[1].Present, m.Participants[2].Present...)
	m.Participants = append(m.Participants[:2], m.Participants[3])
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	film, _ := composed(t, dir, recording.CompositionSpec{Format: "people"})
	beside := filepath.Join(recording.CompositionsDir(dir), film.ID)
	want := []recording.CompositionFile{
		{Name: "01-ann___-camera.webm", Kind: "participant", Participant: "ann/..", Duration: sec(3), Copied: true},
		{Name: "02-bob-camera.webm", Kind: "participant", Participant: "bob", Duration: sec(6), Copied: true},
		{Name: "03-eve-camera.webm", Kind: "participant", Participant: "eve", Duration: sec(2), Copied: true},
	}
	got := append([]recording.CompositionFile{}, film.Files...)
	for i := range got {
		got[i].Bytes = 0
		got[i].Duration, got[i].Start = sec(math.Round(got[i].Duration.Float())), 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	bob := filepath.Join(beside, film.Files[1].Name)
	streams, length := probed(t, bob)
	if diff := cmp.Diff([]string{"vp8", "opus"}, streams); diff != "" || math.Abs(length-6) > 0.1 {
		t.Errorf("bob's file has %v s: %s", length, diff)
	}
	frame := func(at string) string {
		raw := tool(t, "ffmpeg", "-v", "error", "-i", bob, "-ss", at, "-frames:v", "1", "-vf", "scale=160:90", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
		return decoded{width: 160, height: 90, frames: [][]byte{raw}}.colourOf(0, 80, 45)
	}
	if a, b := frame("1"), frame("5"); a != "green" || b != "blue" {
		t.Errorf("bob is %s in his first part and %s in his second", a, b)
	}
	d := decoded{sound: decodeSound(t, bob, 0)}
	if first, gap, second := d.level(1000, 0.5, 1.5), d.level(1000, 2.5, 3.5), d.level(1000, 4.5, 5.5); math.Abs(first+12) > 1 || gap > -50 || math.Abs(second+12) > 1 {
		t.Errorf("bob is heard at %.1f dB, %.1f in the gap, %.1f", first, gap, second)
	}
}

// Of a node that wrote on after its turn had passed to another, a copied file has
// what belongs to its turn.
func TestPeopleAfterTakeOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 3, steady: true, size: "320x180"},
		person{identity: "ann", colour: "blue", from: 1.5, videoAt: 1.5, audioAt: 1.5, to: 4, steady: true, size: "320x180"},
	)
	m.Participants = m.Participants[:1]
	for i := range m.Parts[0].Tracks {
		m.Parts[0].Tracks[i].End = sec(1.5)
	}
	m.Parts[1].Epoch = 2
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	film, _ := composed(t, dir, recording.CompositionSpec{Format: "people"})
	if len(film.Files) != 1 || !film.Files[0].Copied {
		t.Fatalf("made %+v", film.Files)
	}
	const rate = 100
	d := decode(t, filepath.Join(recording.CompositionsDir(dir), film.ID, film.Files[0].Name), 320, 180, rate)
	for at, want := range map[float64]string{0.1: "red", 1.4: "red", 1.6: "blue", 2.9: "blue", 3.9: "blue"} {
		if got := d.colour(at, 160, 90); got != want {
			t.Errorf("at %v s it is %s, not %s", at, got, want)
		}
	}
	if n := len(d.frames); n < 4*rate-2 || n > 4*rate+2 {
		t.Errorf("it has %d pictures", n)
	}
}

// A film that is one part as it stands is copied, not encoded.
func TestUnchangedIsCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "ann", colour: "red", to: 2, size: "320x180"})
	m.Parts[0].Tracks[0].Sizes = []recording.Size{{Width: 320, Height: 180}}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	frames := func(file string) string {
		return string(tool(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-f", "md5", "-"))
	}
	part := frames(filepath.Join(dir, m.Parts[0].File))
	for name, c := range map[string]struct {
		change func(*recording.CompositionSpec)
		copied bool
	}{
		"as it is":     {func(*recording.CompositionSpec) {}, true},
		"with a name":  {func(s *recording.CompositionSpec) { s.HideNames = false }, false},
		"another size": {func(s *recording.CompositionSpec) { s.Width, s.Height = 640, 360 }, false},
		"a range":      {func(s *recording.CompositionSpec) { s.From = sec(1) }, false},
		"a clock":      {func(s *recording.CompositionSpec) { s.Timestamp = recording.TimestampElapsed }, false},
	} {
		t.Run(name, func(t *testing.T) {
			spec := recording.CompositionSpec{Format: "webm", Layout: "single", HideNames: true, Width: 320, Height: 180}
			c.change(&spec)
			if _, film := composed(t, dir, spec); (frames(film) == part) != c.copied {
				t.Errorf("copied is %v", !c.copied)
			}
		})
	}
}

// Where nobody but one is seen, in the film's own size, their frames are copied
// from the first keyframe on, and stand where they stood: a range, another part
// and what is between them are no hindrance.
func TestStretchesAreCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 6, size: "320x180"},
		person{identity: "ann", colour: "blue", from: 8, to: 12, videoAt: 8, audioAt: 8, size: "320x180"},
	)
	for i := range m.Parts {
		m.Parts[i].Tracks[0].Sizes = []recording.Size{{Width: 320, Height: 180}}
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	packets := func(file string) []string {
		out := tool(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of", "csv=p=0", file)
		return strings.Fields(string(out))
	}
	spec := testSpec("webm")
	spec.Layout, spec.HideNames, spec.Width, spec.Height, spec.From = "single", true, 320, 180, sec(0.5)
	_, film := composed(t, dir, spec)
	got := packets(film)
	for i, part := range m.Parts {
		kept := 0
		for _, p := range packets(filepath.Join(dir, part.File)) {
			if slices.Contains(got, p) {
				kept++
			}
		}
		// A keyframe comes each second, and 100 frames.
		if want := []int{500, 400}[i]; kept < want-5 {
			t.Errorf("%d frames of part %d are in the film, not %d", kept, i, want)
		}
	}
	even := filepath.Join(t.TempDir(), "even.mkv") // copied frames come as they came
	tool(t, "ffmpeg", "-v", "error", "-i", film, "-vf", fmt.Sprintf("fps=%d:start_time=0", spec.FrameRate), "-c:v", "libx264", "-qp", "0", "-c:a", "copy", even)
	d := decode(t, even, 320, 180, spec.FrameRate)
	for _, at := range []float64{0.5, 1.5, 3.5, 8.5, 9.5} {
		flash, beep := d.flash(at-0.4, 160, 90), d.beep(at-0.4)
		if math.Abs(flash-at) > 0.04 || math.Abs(beep-at) > 0.02 {
			t.Errorf("the flash is at %.3f s, the beep at %.3f, not at %v", flash, beep, at)
		}
	}
	for at, want := range map[float64]string{1: "red", 5: "red", 8: "blue", 11: "blue"} {
		if is := d.colour(at, 160, 90); is != want {
			t.Errorf("at %v s there is %s, not %s", at, is, want)
		}
	}
}

// Who is not to be seen is not decoded: a piece opens no other videos than those
// of its tiles.
func TestHiddenAreNotDecoded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir,
		person{identity: "ann", colour: "red", to: 2},
		person{identity: "bob", colour: "green", to: 2},
		person{identity: "eve", colour: "blue", to: 2},
	)
	for layout, want := range map[string]int{"grid": 3, "pip": 2, "single": 1, "host-only": 1} {
		log := filepath.Join(t.TempDir(), "opened")
		program, _ := wrapper(t, `case "$last" in piece*) for a; do case "$a" in file:*.webm) echo "$a" >> `+log+`;; esac; done; esac`)
		spec := testSpec("mp4")
		spec.Layout, spec.Host = layout, "ann"
		if _, err := (Composer{FFmpeg: program}).Compose(context.Background(), dir, spec, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if opened := strings.Count(string(b), "\n"); opened != want {
			t.Errorf("%s opened %d videos, not %d", layout, opened, want)
		}
	}
}
