package webm

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

var testVP8 = Track{Number: 1, Kind: Video, Codec: VP8, Width: 64, Height: 48}

func testOpus(t testing.TB) Track {
	t.Helper()
	track, err := OpusTrack(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// span is a cluster as a file has it.
type span struct {
	Start  time.Duration
	Blocks int
}

// clusters returns the clusters of a file, all of which must have their sizes.
func clusters(t *testing.T, path string) []span {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var spans []span
	var at int64
	for {
		_, err := r.Next()
		if err != nil {
			return spans
		}
		if r.cluster.size == unknownSize {
			t.Errorf("the cluster at byte %d has no size", r.cluster.at)
		}
		if r.cluster.at != at {
			at = r.cluster.at
			spans = append(spans, span{Start: ticks(r.time)})
		}
		spans[len(spans)-1].Blocks++
	}
}

func TestClusters(t *testing.T) {
	const s = time.Second
	ms := time.Millisecond
	key := func(at time.Duration) Block { return Block{Track: 1, Time: at, Keyframe: true, Payload: []byte{0}} }
	inter := func(at time.Duration) Block { return Block{Track: 1, Time: at, Payload: []byte{1}} }
	sound := func(at time.Duration) Block {
		return Block{Track: 2, Time: at, Keyframe: true, Payload: []byte{0xF8, 0xFF, 0xFE}}
	}
	large := func(at time.Duration, size int) Block { return Block{Track: 1, Time: at, Payload: make([]byte, size)} }

	for _, c := range []struct {
		name   string
		blocks []Block
		want   []span
	}{
		{"a keyframe within the first second stays", []Block{key(0), inter(500 * ms), key(999 * ms)}, []span{{0, 3}}},
		{"a keyframe after a second begins a cluster", []Block{key(0), inter(999 * ms), key(1 * s), inter(2 * s)}, []span{{0, 2}, {1 * s, 2}}},
		{"a cluster ends after 5 s", []Block{sound(0), sound(4999 * ms), sound(5 * s), sound(9999 * ms), sound(10 * s)}, []span{{0, 2}, {5 * s, 2}, {10 * s, 1}}},
		{"a pause of an hour", []Block{sound(0), sound(time.Hour)}, []span{{0, 1}, {time.Hour, 1}}},
		{"a cluster ends at 1 MiB", []Block{key(0), large(1*ms, 1<<20-100), large(2*ms, 90), inter(3 * ms)}, []span{{0, 3}, {3 * ms, 1}}},
		{"a block may be larger than that", []Block{key(0), large(1*ms, 3<<20), inter(2 * ms)}, []span{{0, 2}, {2 * ms, 1}}},
		{"a late block stays in its cluster", []Block{sound(100 * s), key(100*s - 32768*ms)}, []span{{100 * s, 2}}},
		{"a block too late for it begins one", []Block{sound(100 * s), inter(100*s - 32769*ms), sound(101 * s)}, []span{{100 * s, 1}, {100*s - 32769*ms, 1}, {101 * s, 1}}},
		{"a cluster need not begin at 0", []Block{sound(7 * s), key(8 * s)}, []span{{7 * s, 1}, {8 * s, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "part.webm")
			w := create(t, path, testOptions(), testVP8, testOpus(t))
			writeAll(t, w, c.blocks)
			finalize(t, w)
			if diff := cmp.Diff(c.want, clusters(t, path)); diff != "" {
				t.Errorf("clusters (-want +got):\n%s", diff)
			}
			_, blocks := readFile(t, path)
			sameBlocks(t, c.blocks, blocks)
			mustDecodeStructure(t, path)
		})
	}
}

func TestSoundIsKeptFromItsFirstPacket(t *testing.T) {
	opus, h264 := opusMedia.load(t), h264Media.load(t)
	path := filepath.Join(t.TempDir(), "part.mkv")
	w := create(t, path, testOptions(), opus.track)
	for i := range h264.blocks {
		h264.blocks[i].Time += 2 * time.Second
	}
	var tracks [][]Track
	for i, b := range interleave(opus, h264) {
		if i == 100 { // 2 s of packets
			if err := w.SetTrack(h264.track); err != nil {
				t.Fatal(err)
			}
		}
		if i == 99 || i == 100 {
			if err := w.flush(); err != nil {
				t.Fatal(err)
			}
			got, _ := readFile(t, path+OpenSuffix)
			tracks = append(tracks, got)
		}
		if err := w.WriteBlock(b); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]Track{{opus.track}, {opus.track, h264.track}}
	if diff := cmp.Diff(want, tracks); diff != "" {
		t.Errorf("tracks before and after (-want +got):\n%s", diff)
	}
	finalize(t, w)
	_, blocks := readFile(t, path)
	sameBlocks(t, interleave(opus, h264), blocks)
	if out := run(t, "mkvinfo", path); !strings.Contains(out, "Document type: matroska\n") {
		t.Errorf("H.264 is in something else than Matroska:\n%s", out)
	}
	mustDecode(t, path)
}

func TestSetTrackReplacesInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	first := testVP8
	first.Name = strings.Repeat("ü", 70) + "\x00\xff"
	w := create(t, path, testOptions(), first)
	writeAll(t, w, []Block{{Track: 1, Keyframe: true, Payload: []byte{0}}})
	larger := testVP8
	larger.Width, larger.Height = 1280, 720
	if err := w.SetTrack(larger); err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, []Block{{Track: 1, Time: time.Second, Payload: []byte{1}}})
	s := finalize(t, w)
	tracks, blocks := readFile(t, path)
	if diff := cmp.Diff([]Track{larger}, tracks); diff != "" {
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
	if len(blocks) != 2 || s.Tracks[0].Blocks != 2 {
		t.Errorf("%d blocks, summary %+v", len(blocks), s)
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for name, want := range map[string]string{
		"Zoë":                          "Zoë",
		"a\x00b\xffc":                  "abc",
		strings.Repeat("x", 127) + "ü": strings.Repeat("x", 127),
		strings.Repeat("long ", 1<<20): strings.Repeat("long ", 26)[:128],
	} {
		track := testVP8
		track.Name = name
		path := filepath.Join(t.TempDir(), "part.webm")
		w := create(t, path, testOptions(), track)
		tracks, _ := readFile(t, path+OpenSuffix)
		if len(tracks) != 1 || tracks[0].Name != want {
			t.Errorf("%.20q became %+v", name, tracks)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSetTrackRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := create(t, path, testOptions(), testVP8, testOpus(t))
	before, err := os.ReadFile(path + OpenSuffix)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		track Track
		want  error
	}{
		"number 0":          {Track{Number: 0, Kind: Video, Codec: VP8, Width: 1, Height: 1}, ErrInvalidTrack},
		"number 127":        {Track{Number: 127, Kind: Video, Codec: VP8, Width: 1, Height: 1}, ErrInvalidTrack},
		"no kind":           {Track{Number: 3, Codec: VP8, Width: 1, Height: 1}, ErrInvalidTrack},
		"another kind":      {Track{Number: 3, Kind: Audio, Codec: VP8, Channels: 1, SampleRate: 1}, ErrInvalidTrack},
		"unknown codec":     {Track{Number: 3, Kind: Video, Codec: "V_THEORA", Width: 1, Height: 1}, ErrInvalidTrack},
		"no size":           {Track{Number: 3, Kind: Video, Codec: VP8}, ErrInvalidTrack},
		"no channels":       {Track{Number: 3, Kind: Audio, Codec: Opus, SampleRate: 48000, CodecPrivate: []byte{1}}, ErrInvalidTrack},
		"no CodecPrivate":   {Track{Number: 3, Kind: Video, Codec: H264, Width: 1, Height: 1}, ErrInvalidTrack},
		"another codec":     {Track{Number: 1, Kind: Video, Codec: VP9, Width: 1, Height: 1}, ErrInvalidTrack},
		"too much for head": {Track{Number: 3, Kind: Video, Codec: VP9, Width: 1, Height: 1, CodecPrivate: make([]byte, headSize)}, ErrTracksFull},
	} {
		if err := w.SetTrack(c.track); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mustHold(t, path+OpenSuffix, before)
	writeAll(t, w, []Block{{Track: 1, Keyframe: true, Payload: []byte{0}}})
	finalize(t, w)
}

func TestHeadHoldsFourTracks(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "part.webm"), testOptions())
	for n := 1; n <= 4; n++ {
		track := Track{
			Number: n, Kind: Video, Codec: H264, Name: strings.Repeat("n", maxText),
			Width: 3840, Height: 2160, CodecPrivate: make([]byte, 1<<10),
		}
		if err := w.SetTrack(track); err != nil {
			t.Errorf("track %d: %v", n, err)
		}
	}
}

func TestWriteBlockRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := create(t, path, testOptions(), testVP8)
	for name, c := range map[string]struct {
		block Block
		want  error
	}{
		"unknown track": {Block{Track: 2, Payload: []byte{0}}, ErrUnknownTrack},
		"no payload":    {Block{Track: 1}, ErrInvalidBlock},
		"too large":     {Block{Track: 1, Payload: make([]byte, MaxBlockSize+1)}, ErrInvalidBlock},
		"before 0":      {Block{Track: 1, Time: -1, Payload: []byte{0}}, ErrInvalidBlock},
	} {
		if err := w.WriteBlock(c.block); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := Block{Track: 1, Time: 1 << 62, Keyframe: true, Payload: make([]byte, MaxBlockSize)}
	largest.Time = largest.Time.Round(time.Millisecond)
	writeAll(t, w, []Block{largest})
	finalize(t, w)
	_, blocks := readFile(t, path)
	sameBlocks(t, []Block{largest}, blocks)
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	for _, suffix := range []string{"", OpenSuffix} {
		path := filepath.Join(t.TempDir(), "part.webm")
		if err := os.WriteFile(path+suffix, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := Create(path, Options{})
		if _, ok := errors.AsType[*WriteError](err); w != nil || !ok || !errors.Is(err, fs.ErrExist) {
			t.Errorf("with %q there: %v", "part.webm"+suffix, err)
		}
		mustHold(t, path+suffix, []byte("precious"))
	}
}

func TestFinalizeKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := writeGolden(t, path)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := w.Finalize()
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("Finalize: %v", err)
	}
	if cerr := w.Close(); !errors.Is(cerr, err) {
		t.Errorf("Close: %v", cerr)
	}
	if _, err := Repair(path + OpenSuffix); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Repair: %v", err)
	}
	mustHold(t, path, []byte("precious"))
	mustHold(t, path+OpenSuffix, unhex(t, goldenFinished))
}

func TestClosedWriter(t *testing.T) {
	for name, end := range map[string]func(w *Writer) error{
		"Close":    func(w *Writer) error { return w.Close() },
		"Finalize": func(w *Writer) error { _, err := w.Finalize(); return err },
	} {
		w := writeGolden(t, filepath.Join(t.TempDir(), "part.webm"))
		if err := end(w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := w.Finalize()
		for call, err := range map[string]error{
			"WriteBlock": w.WriteBlock(Block{Track: 1, Payload: []byte{0}}),
			"SetTrack":   w.SetTrack(testVP8),
			"FlushIfDue": w.FlushIfDue(time.Now()),
			"Finalize":   err,
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after %s: %v", call, name, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Errorf("Close after %s: %v", name, err)
		}
	}
}

func TestFinalizeOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := create(t, path, testOptions(), testVP8)
	if _, err := w.Finalize(); !errors.Is(err, ErrEmpty) {
		t.Errorf("Finalize: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := Repair(path + OpenSuffix); !errors.Is(err, ErrEmpty) {
		t.Errorf("Repair: %v", err)
	}
}

func TestDefaultsAreMadeUp(t *testing.T) {
	var uids [2][16]byte
	for i := range uids {
		path := filepath.Join(t.TempDir(), "part.webm")
		create(t, path, Options{})
		r, err := Open(path + OpenSuffix)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.head.writingApp != "roomreel" || !r.head.date.IsZero() {
			t.Errorf("head is %+v", r.head)
		}
		uids[i] = r.head.uid
	}
	if uids[0] == uids[1] || uids[0] == [16]byte{} {
		t.Errorf("segment UIDs %x", uids)
	}
}
