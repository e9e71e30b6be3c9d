package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/internal/browser"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// A person in Chromium and one of our own publishers meet. What was recorded of
// them is in sync with itself and with the other, plays in Chromium too, and
// Chromium's client knew of the recording but never of the bot.
func TestBrowserAndPublisherAreRecordedInSync(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	gina, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "mixed", Identity: "gina", Index: 1, Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer gina.Close()
	carl := join(ctx, t, chromium, s, browser.Options{Room: "mixed", Identity: "carl", Dynacast: true},
		browser.Track{Source: meeting.Camera, Width: 640, Height: 360}, browser.Track{Source: meeting.Microphone})
	rec, err := s.startRecording(ctx, "mixed", api.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	saw, err := carl.Await(ctx, func(s browser.State) bool { return s.Recording && slices.Contains(s.Counts, 2) })
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(saw.Counts) != 2 {
		t.Errorf("of two, a participant was told that they are %v", saw.Counts)
	}
	// Longer than the 15 s in which the recorder readily moves pictures to sound,
	// and than the reports take by which it is slow to do so later.
	pass(ctx, 22*time.Second)
	// Those who do not publish are announced every 3 s at most. Once Carl knows
	// of Lou, who came after the bot, he would know of the bot too.
	lou, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "mixed", Identity: "lou"})
	if err != nil {
		t.Fatal(err)
	}
	defer lou.Close()
	_, err = carl.Await(ctx, func(s browser.State) bool {
		return slices.Contains(s.Participants, "lou") && slices.Contains(s.Counts, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	m := s.stop(ctx, t, rec.ID)
	saw, err = carl.Await(ctx, func(s browser.State) bool { return !s.Recording })
	if err != nil {
		t.Error(err)
	}
	if want := []string{"gina", "lou"}; !slices.Equal(saw.Seen, want) {
		t.Errorf("a participant saw %q, want %q", saw.Seen, want)
	}
	if slices.Max(saw.Counts) != 3 {
		t.Errorf("of two, then three, a participant was told that they are %v", saw.Counts)
	}
	if want := []bool{true, false}; !slices.Equal(saw.Recordings, want) {
		t.Errorf("a participant was told of recording %v, want %v", saw.Recordings, want)
	}

	parts := partsOf(t, m, "carl", "gina")
	playsCleanlyAtAnyRate(ctx, t, s.path(m, parts[0]))
	playsCleanly(ctx, t, s.path(m, parts[1]))
	for _, part := range parts {
		if part.Start+part.Duration > m.Duration+recording.Seconds(time.Second) {
			t.Errorf("%s: %s lasts %v s from %v s on, the recording %v s", part.Participant, part.File, part.Duration, part.Start, m.Duration)
		}
	}
	var signals [2]meeting.Signal // on the recording's timeline
	for i, part := range parts {
		found, err := meeting.Measure(ctx, s.path(m, part), meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(i)})
		if err != nil {
			t.Fatal(err)
		}
		lips := meeting.Skews(found[0].Flashes, found[0].Beeps)
		// EBU R37. A busy browser hands its sound over late.
		checkSkews(t, part.Participant+"'s flashes and beeps", lips, 40*time.Millisecond, 60*time.Millisecond)
		signals[i].Flashes = onTimeline(trackOf(t, part, recording.Video), found[0].Flashes)
		signals[i].Beeps = onTimeline(trackOf(t, part, recording.Audio), found[0].Beeps)
	}
	checkSkews(t, "flashes of both", meeting.Skews(signals[0].Flashes, signals[1].Flashes), 80*time.Millisecond, 80*time.Millisecond)
	checkSkews(t, "beeps of both", meeting.Skews(signals[0].Beeps, signals[1].Beeps), 80*time.Millisecond, 80*time.Millisecond)

	checkPlayback(ctx, t, chromium, s, m, parts[0])
	film, path := s.compose(ctx, t, rec.ID, api.FilmSpec{Format: "mp4"})
	playsCleanly(ctx, t, path)
	played, err := chromium.Play(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if played.Width != film.Width || played.Height != film.Height || played.Middle.Brightness < dark {
		t.Errorf("film plays as %+v, want %dx%d and something to see", played, film.Width, film.Height)
	}
}

// Whatever a browser encodes its camera with is recorded as it came, and plays.
func TestBrowserCodecs(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	for _, test := range []struct{ codec, ext string }{
		{"vp8", ".webm"}, // in simulcast, as is the client's habit
		{"vp9", ".webm"}, // scalable: layers within one stream
		{"av1", ".webm"}, // likewise
		{"h264", ".mkv"}, // in simulcast; each change of layers begins a new part
	} {
		t.Run(test.codec, func(t *testing.T) {
			room := "codec-" + test.codec
			dora := join(ctx, t, chromium, s, browser.Options{Room: room, Identity: "dora"},
				browser.Track{Source: meeting.Camera, Codec: test.codec}, browser.Track{Source: meeting.Microphone})
			rec, err := s.startRecording(ctx, room, api.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			pass(ctx, 5*time.Second)
			m := s.stop(ctx, t, rec.ID)
			if err := dora.CloseTab(ctx); err != nil {
				t.Error(err)
			}
			if len(m.Refused) > 0 {
				t.Errorf("refused: %+v", m.Refused)
			}
			if several := test.codec == "h264"; len(m.Parts) == 0 || len(m.Parts) > 1 && !several {
				t.Fatalf("%d parts: %+v", len(m.Parts), m.Parts)
			}
			for _, part := range m.Parts {
				playsCleanlyAtAnyRate(ctx, t, s.path(m, part))
				video := trackOf(t, part, recording.Video)
				if video.Codec != test.codec || len(video.Sizes) == 0 || filepath.Ext(part.File) != test.ext {
					t.Errorf("%s holds %+v, want %s in %s", part.File, video, test.codec, test.ext)
				}
			}
			longest := slices.MaxFunc(m.Parts, func(a, b recording.Part) int { return cmp.Compare(a.Duration, b.Duration) })
			if audio := trackOf(t, longest, recording.Audio); audio.Codec != "opus" {
				t.Errorf("sound is %+v, want opus", audio)
			}
			var got []string
			for _, stream := range probe(ctx, t, s.path(m, longest)).Streams {
				got = append(got, stream.Codec)
			}
			if len(got) != 2 || !slices.Contains(got, "opus") || !slices.Contains(got, test.codec) {
				t.Errorf("ffprobe finds %q, want opus and %s", got, test.codec)
			}
			checkPlayback(ctx, t, chromium, s, m, longest)
			_, film := s.compose(ctx, t, rec.ID, api.FilmSpec{Format: "mp4"})
			playsCleanly(ctx, t, film)
		})
	}
}

// What people do to their tracks in the middle of a meeting: they mute, take
// another camera, show a screen.
func TestBrowserChangesItsTracks(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	eva := join(ctx, t, launch(ctx, t), s, browser.Options{Room: "changes", Identity: "eva"},
		browser.Track{Source: meeting.Camera, Device: true}, browser.Track{Source: meeting.Microphone})
	rec, err := s.startRecording(ctx, "changes", api.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	pass(ctx, 2*time.Second)
	for _, step := range []func() error{
		func() error { return eva.Mute(ctx, meeting.Microphone, true) },
		func() error { return eva.Publish(ctx, browser.Track{Source: meeting.Screen, Device: true}) },
		func() error { pass(ctx, 2*time.Second); return nil },
		func() error { return eva.Mute(ctx, meeting.Microphone, false) },
		func() error { return eva.Replace(ctx, browser.Track{Source: meeting.Camera}) },
		func() error { return eva.Unpublish(ctx, meeting.Screen) },
		func() error { pass(ctx, 4*time.Second); return nil },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	published := eva.State().Tracks
	if len(published) != 2 || published[0].Muted || published[1].Muted {
		t.Errorf("%+v is published, want camera and microphone unmuted", published)
	}
	if err := eva.Leave(ctx); err != nil {
		t.Error(err)
	}
	m := s.stop(ctx, t, rec.ID)

	if len(m.Parts) != 2 {
		t.Fatalf("parts %+v, want one of the camera and one of the screen", m.Parts)
	}
	camera, screen := m.Parts[0], m.Parts[1]
	for _, part := range m.Parts {
		playsCleanlyAtAnyRate(ctx, t, s.path(m, part))
	}
	if shown := trackOf(t, camera, recording.Video); shown.Source != "camera" {
		t.Errorf("first part's picture is %+v, want the camera's", shown)
	}
	if shown := trackOf(t, screen, recording.Video); shown.Source != "screen_share" || len(shown.Sizes) == 0 || shown.Frames < 5 {
		t.Errorf("second part's picture is %+v, want the screen's", shown)
	}
	if d := screen.Duration.Duration(); d < time.Second || d > 4*time.Second {
		t.Errorf("screen's part lasts %v, and was shown for 2s", d)
	}
	muted := trackOf(t, camera, recording.Audio).Muted
	if len(muted) != 1 || muted[0].To-muted[0].From < recording.Seconds(1500*time.Millisecond) {
		t.Errorf("microphone was muted %+v, want once, for 2s", muted)
	}
	signals, err := meeting.Measure(ctx, s.path(m, camera), meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(0)})
	if err != nil {
		t.Fatal(err)
	}
	// Chromium's own camera does not flash; what it was replaced by does.
	flashes := onTimeline(trackOf(t, camera, recording.Video), signals[0].Flashes)
	if len(flashes) < 2 || flashes[0] < 4*time.Second {
		t.Errorf("camera flashed at %v, want every second from 4s on", flashes)
	}
}

// launch starts Chromium; the test's end closes it.
func launch(ctx context.Context, t *testing.T, flags ...string) *browser.Browser {
	t.Helper()
	b, err := browser.Launch(ctx, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func join(ctx context.Context, t *testing.T, b *browser.Browser, s *stage, o browser.Options, publish ...browser.Track) *browser.Participant {
	t.Helper()
	p, err := b.Join(ctx, s.livekit, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, track := range publish {
		if err := p.Publish(ctx, track); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// pass lets the meeting last.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (s *stage) stop(ctx context.Context, t *testing.T, id string) *recording.Manifest {
	t.Helper()
	if _, err := s.api.Stop(ctx, id); err != nil {
		t.Fatal(err)
	}
	m, err := recording.ReadManifest(s.dir(id))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *stage) path(m *recording.Manifest, p recording.Part) string {
	return filepath.Join(s.dir(m.ID), p.File)
}

// partsOf returns the one part of each participant, who are all there are.
func partsOf(t *testing.T, m *recording.Manifest, participants ...string) []recording.Part {
	t.Helper()
	var parts []recording.Part
	for _, who := range participants {
		at := slices.IndexFunc(m.Parts, func(p recording.Part) bool { return p.Participant == who })
		if at < 0 || len(m.Parts) != len(participants) {
			t.Fatalf("parts %+v, want one of each of %q", m.Parts, participants)
		}
		parts = append(parts, m.Parts[at])
	}
	return parts
}

func trackOf(t *testing.T, p recording.Part, kind recording.Kind) recording.Track {
	t.Helper()
	at := slices.IndexFunc(p.Tracks, func(t recording.Track) bool { return t.Kind == kind })
	if at < 0 {
		t.Fatalf("%s has no %s: %+v", p.File, kind, p)
	}
	return p.Tracks[at]
}

func onTimeline(track recording.Track, inFile []time.Duration) []time.Duration {
	var at []time.Duration
	for _, d := range inFile {
		at = append(at, track.At(recording.Seconds(d)).Duration())
	}
	return at
}

// checkSkews asserts that no counterpart is further from its event than this. A
// browser out of breath leaves frames out: the flash of three then begins with
// its second or third, which looks as if its counterpart were early. That is
// allowed now and then, not in the middle of all.
func checkSkews(t *testing.T, what string, skews []meeting.Skew, early, late time.Duration) {
	t.Helper()
	if len(skews) < 3 {
		t.Errorf("%s: %d of them, want at least 3", what, len(skews))
		return
	}
	const leftOut = 2 * time.Second / 30
	slices.SortFunc(skews, func(a, b meeting.Skew) int { return cmp.Compare(a.By, b.By) })
	first, middle, last := skews[0].By, skews[len(skews)/2].By, skews[len(skews)-1].By
	if first < -early-leftOut || middle < -early || last > late {
		t.Errorf("%s: %v, %v, %v apart (least, median, most), want %v to %v: %v", what, first, middle, last, -early, late, skews)
	}
	t.Logf("%s: %d, %v, %v, %v apart (least, median, most)", what, len(skews), first, middle, last)
}

// playsCleanlyAtAnyRate is playsCleanly for what browsers send: its times grow
// in the file, and ffmpeg decodes it without a word. Browsers are never quite
// so many frames a second. ffmpeg guesses a rate nevertheless, and would count
// in frames of that rate before it throws them away, so that two of them seem
// to come at once; told -1 it counts as the file does. And where VP9 is
// scalable, it shows every layer of a keyframe, all at one time; vfr takes one.
func playsCleanlyAtAnyRate(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	last := map[int]int64{}
	for _, packet := range probe(ctx, t, path).Packets {
		if at, seen := last[packet.Stream]; seen && packet.PTS <= at {
			t.Errorf("%s: %d ms follows %d ms in stream %d", filepath.Base(path), packet.PTS, at, packet.Stream)
		}
		last[packet.Stream] = packet.PTS
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", path,
		"-fps_mode", "vfr", "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s does not play cleanly: %s %v", filepath.Base(path), out, err)
	}
}

// probed is what ffprobe finds in a file.
type probed struct {
	Streams []struct {
		Codec string `json:"codec_name"`
	} `json:"streams"`
	Packets []struct {
		Stream int   `json:"stream_index"`
		PTS    int64 `json:"pts"`
	} `json:"packets"`
}

func probe(ctx context.Context, t *testing.T, path string) probed {
	t.Helper()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-of", "json",
		"-show_entries", "stream=codec_name:packet=stream_index,pts", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found probed
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// dark is the brightness, of 255, of a picture in which there is nothing to see.
const dark = 30

// picturesIn counts the pictures that a part has for a stretch: a busy browser
// sends few.
func picturesIn(t *testing.T, path string, stretch browser.Stretch) (n int) {
	t.Helper()
	r, err := webm.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err != nil {
			return n
		}
		at := b.Time.Seconds()
		isPicture := slices.ContainsFunc(r.Tracks(), func(k webm.Track) bool { return k.Number == b.Track && k.Kind == webm.Video })
		if isPicture && at >= stretch.From && at < stretch.To {
			n++
		}
	}
}

// checkPlayback asserts that Chromium plays a part from its beginning and from
// its middle, in the size that the manifest tells.
func checkPlayback(ctx context.Context, t *testing.T, b *browser.Browser, s *stage, m *recording.Manifest, part recording.Part) {
	t.Helper()
	played, err := b.Play(ctx, s.path(m, part))
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("%s plays as %+v", part.File, played)
	length := part.Duration.Float()
	if d := played.Duration - length; d < -0.05 || d > 0.05 {
		t.Errorf("Chromium finds %.3f s, the manifest says %.3f", played.Duration, length)
	}
	if d := played.Middle.From - length/2; d < -0.05 || d > 0.05 {
		t.Errorf("seeking to the middle, %.3f s, led to %.3f s", length/2, played.Middle.From)
	}
	for _, stretch := range []browser.Stretch{played.Start, played.Middle} {
		held := picturesIn(t, s.path(m, part), stretch)
		if stretch.To < stretch.From+0.9 || stretch.Frames < min(5, max(1, held/2)) || stretch.Brightness < dark {
			t.Errorf("Chromium plays %+v, want a second of moving picture, of which there are %d", stretch, held)
		}
	}
	video := trackOf(t, part, recording.Video)
	const slack = recording.Seconds(200 * time.Millisecond)
	at := video.At(recording.Seconds(played.Middle.To * float64(time.Second)))
	var possible []string
	for i, size := range video.Sizes {
		if size.At <= at+slack && (i == len(video.Sizes)-1 || video.Sizes[i+1].At >= at-slack) {
			possible = append(possible, fmt.Sprintf("%dx%d", size.Width, size.Height))
			if video.Codec == "av1" { // a busy browser leaves the upper layers out
				possible = append(possible, fmt.Sprintf("%dx%d", size.Width/2, size.Height/2), fmt.Sprintf("%dx%d", size.Width/4, size.Height/4))
			}
		}
	}
	if got := fmt.Sprintf("%dx%d", played.Width, played.Height); !slices.Contains(possible, got) {
		t.Errorf("Chromium shows %s, the manifest says %s: %v", got, possible, video.Sizes)
	}
}
