package api_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// previewed is a recording of one real file: four seconds, silent in the first
// two and a tone at -6 dBFS in the last two.
func previewed(t *testing.T, p *place, kinds ...recording.Kind) (string, recording.Part) {
	t.Helper()
	rec, part, _ := p.recorded(t, "standup")
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=10:d=4",
		"-f", "lavfi", "-i", "sine=f=440:r=48000:d=4", "-af", "volume='if(lt(t,2),0,4)':eval=frame", "-ac", "1",
		"-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", filepath.Join(dir, part.File)).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	m, err := p.media.Manifest(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	track := m.Parts[0].Tracks[0]
	m.Parts[0].Tracks, m.Parts[0].Duration = nil, recording.Seconds(4e9)
	for _, kind := range kinds {
		track.Kind = kind
		m.Parts[0].Tracks = append(m.Parts[0].Tracks, track)
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	return "/v1/recordings/" + rec.ID, m.Parts[0]
}

func TestPeaks(t *testing.T) {
	p := newPlace(t)
	base, part := previewed(t, p, recording.Video, recording.Audio)
	path := base + "/parts/" + part.ID + "/peaks"
	whole := decode[api.Peaks](t, p.do(t, "record", "GET", path, ""))
	if whole.Part != part.ID || whole.From != 0 || whole.Interval != 0.1 || len(whole.Levels) < 39 || len(whole.Levels) > 41 {
		t.Fatalf("peaks: %+v", whole)
	}
	for i, level := range whole.Levels[:38] {
		// A sine of ffmpeg's is at -18 dBFS; four times that is at -6 dBFS, and
		// Opus leaves it there within a decibel.
		switch {
		case i < 19 && level > 20:
			t.Errorf("level %d is %d in silence", i, level)
		case i > 21 && (level < 222 || level > 238):
			t.Errorf("level %d is %d at -6 dBFS, want about 230", i, level)
		}
	}
	part2 := decode[api.Peaks](t, p.do(t, "record", "GET", path+"?from_s=1&to_s=3&points=4", ""))
	want := api.Peaks{Part: part.ID, From: 1, Interval: 0.5, Levels: []int{
		max4(whole.Levels[10:15]), max4(whole.Levels[15:20]), max4(whole.Levels[20:25]), max4(whole.Levels[25:30]),
	}}
	if diff := cmp.Diff(want, part2); diff != "" {
		t.Errorf("stretch (-want +got):\n%s", diff)
	}
	for _, odd := range []string{"?from_s=NaN", "?to_s=NaN", "?from_s=Inf", "?to_s=-Inf"} {
		if got := p.do(t, "record", "GET", path+odd, ""); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d: %s", odd, got.status, got.body)
		}
	}
	if got := decode[api.Peaks](t, p.do(t, "record", "GET", path+"?from_s=9", "")); len(got.Levels) != 0 {
		t.Errorf("beyond the end: %+v", got)
	}
}

func max4(levels []int) int {
	most := 0
	for _, l := range levels {
		most = max(most, l)
	}
	return most
}

func TestThumbnails(t *testing.T) {
	p := newPlace(t)
	base, part := previewed(t, p, recording.Video, recording.Audio)
	for _, path := range []string{base + "/thumbnail", base + "/parts/" + part.ID + "/thumbnail"} {
		got := p.do(t, "record", "GET", path, "")
		if got.status != 200 || got.header.Get("Content-Type") != "image/jpeg" {
			t.Fatalf("%s: status %d, %q: %.200s", path, got.status, got.header.Get("Content-Type"), got.body)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader([]byte(got.body)))
		if err != nil || config.Width != 480 || config.Height != 270 {
			t.Errorf("%s: %dx%d, %v", path, config.Width, config.Height, err)
		}
	}
	// It is made once: the next call gets what is on disk.
	p.thumbnail(t, recording.Recording{ID: filepath.Base(base)}, part)
	if got := p.do(t, "record", "GET", base+"/thumbnail", ""); got.body != "a picture" {
		t.Errorf("made again: %d bytes", len(got.body))
	}
}

func TestPreviewsOfWhatHasNone(t *testing.T) {
	p := newPlace(t)
	base, part := previewed(t, p, recording.Video)
	noMedia := func(detail string) api.Problem {
		return api.Problem{Type: "/problems/no-media", Title: "There is no media", Status: 409, Code: "NO_MEDIA", Detail: detail}
	}
	wantProblem(t, p.do(t, "record", "GET", base+"/parts/"+part.ID+"/peaks", ""), noMedia("part "+part.ID+" has no sound"))
	base, part = previewed(t, p, recording.Audio)
	wantProblem(t, p.do(t, "record", "GET", base+"/parts/"+part.ID+"/thumbnail", ""), noMedia("part "+part.ID+" has no pictures"))
	wantProblem(t, p.do(t, "record", "GET", base+"/thumbnail", ""), noMedia("recording "+filepath.Base(base)+" has no pictures"))
}

// thumbnail puts a thumbnail on disk as if it had been made.
func (p *place) thumbnail(t *testing.T, rec recording.Recording, part recording.Part) {
	t.Helper()
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	dir = recording.PreviewsDir(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, part.ID+".jpg"), []byte("a picture"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Who leaves while a preview is made, as browsers do with rows that scroll out of
// sight, makes no noise in the log.
func TestCallersWhoLeave(t *testing.T) {
	began := filepath.Join(t.TempDir(), "began")
	ffmpeg := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(ffmpeg, []byte("#!/bin/sh\ntouch "+began+"\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, func(o *api.Options) {
		previews := compose.NewPreviews(o.Media, ffmpeg)
		t.Cleanup(previews.Close)
		o.Previews = previews
	})
	base, part := previewed(t, p, recording.Video, recording.Audio)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+base+"/parts/"+part.ID+"/peaks", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer record")
	go func() {
		defer leave()
		comesTrue(t, func() bool { _, err := os.Stat(began); return err == nil })
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("it was answered %d", resp.StatusCode)
	}
	if !comesTrue(t, func() bool { return strings.Contains(p.log.String(), `"left":true`) }) {
		t.Fatalf("the request is not in the log: %s", p.log)
	}
	for _, level := range []string{"WARN", "ERROR"} {
		if strings.Contains(p.log.String(), `"level":"`+level) {
			t.Errorf("the log has a %s: %s", level, p.log)
		}
	}
}

// comesTrue waits for is to become true, for half a minute at most.
func comesTrue(t *testing.T, is func() bool) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	was, _ := client.Await(ctx, func() (bool, error) { return is(), nil }, func(is bool) bool { return is })
	return was
}
