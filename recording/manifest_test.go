package recording

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func seconds(f float64) Seconds { return Seconds(f * float64(time.Second)) }

func TestTrackAt(t *testing.T) {
	point := func(file, at float64) SyncPoint { return SyncPoint{seconds(file), seconds(at)} }
	for _, c := range []struct {
		name string
		sync []SyncPoint
		at   map[float64]float64 // timeline by file time
	}{
		{"no point", nil, map[float64]float64{0: 0, 7: 7, -1: -1}},
		{"one point", []SyncPoint{point(2, 5)}, map[float64]float64{0: 3, 2: 5, 100: 103, -3: 0}},
		{"a line", []SyncPoint{point(0, 10), point(100, 120)}, map[float64]float64{0: 10, 50: 65, 100: 120, 200: 230, -10: -1}},
		{
			"pieces",
			[]SyncPoint{point(0, 0), point(10, 10), point(20, 40), point(30, 50)},
			map[float64]float64{-5: -5, 0: 0, 9: 9, 10: 10, 15: 25, 20: 40, 25: 45, 30: 50, 40: 60},
		},
		{"a jump", []SyncPoint{point(0, 0), point(10, 10), point(10, 28), point(20, 38)}, map[float64]float64{9: 9, 10: 28, 15: 33, 30: 48}},
		{"one point twice", []SyncPoint{point(10, 5), point(10, 5)}, map[float64]float64{0: -5, 10: 5, 20: 15}},
		// 30 h at 100 ppm: nothing is lost to rounding.
		{"long", []SyncPoint{point(0, 0), point(108000, 108010.8)}, map[float64]float64{54000: 54005.4, 107999: 108009.7999}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for file, want := range c.at {
				got := Track{Sync: c.sync}.At(seconds(file))
				if (got - seconds(want)).Duration().Abs() > time.Microsecond {
					t.Errorf("At(%v) = %v, want %v", file, got, want)
				}
			}
		})
	}
}

func TestManifestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 8, 1, 12, 0, 0, 123456000, time.UTC)
	want := &Manifest{
		ID: "rec_" + digits, Room: "stand-up", RoomSID: "RM_1", State: Stopped,
		Selection: Selection{Kinds: []Kind{Audio}}, CreatedAt: at, StartedAt: at.Add(time.Second), StoppedAt: at.Add(time.Minute),
		Ended: EndedByStop, Error: &Error{Code: CodeNoMedia, Message: "m"}, Duration: seconds(59),
		Participants: []Participant{{Identity: "ada", Name: "Ada <&>", Present: []Presence{{"PA_1", 0, seconds(59)}}, Speaking: []Interval{{1, 2000}}}},
		Parts: []Part{{
			ID: "prt_" + digits, File: "f.webm", Participant: "ada", Stream: "camera", Node: "n", Epoch: 2,
			Start: seconds(-0.25), Duration: seconds(5), Bytes: 7, Ended: EndedByLeave,
			Tracks: []Track{{
				Number: 1, SIDs: []string{"TR_1", "TR_2"}, Source: "microphone", Kind: Audio, Codec: "opus", Start: 1000, End: 2000,
				Sync: []SyncPoint{{0, 1000}}, Residual: 3000, Sizes: []Size{{1000, 2, 3}}, Muted: []Interval{{1000, 2000}},
				Gaps: []Interval{{3000, 4000}}, Freezes: []Interval{{5000, 6000}}, Packets: 1, Lost: 2, Duplicates: 3, Frames: 4, Bytes: 5,
			}},
		}},
		Refused: []RefusedTrack{{At: 1000, Participant: "bob", SID: "TR_3", Source: "camera", Codec: "video/x", Error: &Error{Code: CodeEncrypted}}},
	}
	want.Participants[0].Speaking[0].From = 1000
	if err := WriteManifest(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want.Version != ManifestVersion {
		t.Errorf("version is %d", want.Version)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *Error) bool {
		return a == b || a != nil && b != nil && a.Code == b.Code && a.Message == b.Message
	})); diff != "" {
		t.Errorf("manifest (-written +read):\n%s", diff)
	}
}

func TestReadManifestRefuses(t *testing.T) {
	for _, c := range []struct{ name, content, says string }{
		{"newer", `{"version":2}`, "version 2"},
		{"without version", `{}`, "version 0"},
		{"negative version", `{"version":-1}`, "version -1"},
		{"empty", ``, "unexpected end"},
		{"torn", `{"version":1,"id":`, "unexpected end"},
		{"an array", `[]`, "array"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ManifestFile), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if m, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("read %+v, %v; want an error that says %q", m, err, c.says)
			}
		})
	}
	if _, err := ReadManifest(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want %v", err, fs.ErrNotExist)
	}
}
