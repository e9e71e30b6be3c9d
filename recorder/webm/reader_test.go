package webm

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Files of other writers hold the same packets at the same times.
func TestReadsOtherWriters(t *testing.T) {
	opus := opusMedia.load(t)
	for name, c := range map[string]struct {
		media *encoding
		args  []string
	}{
		"ffmpeg vp8":  {&vp8Media, []string{"ffmpeg", "-v", "error", "-i", "VIDEO", "-i", "AUDIO", "-map", "0", "-map", "1", "-c", "copy", "OUT.webm"}},
		"ffmpeg vp9":  {&vp9Media, []string{"ffmpeg", "-v", "error", "-i", "VIDEO", "-i", "AUDIO", "-map", "0", "-map", "1", "-c", "copy", "OUT.webm"}},
		"ffmpeg live": {&vp8Media, []string{"ffmpeg", "-v", "error", "-i", "VIDEO", "-i", "AUDIO", "-map", "0", "-map", "1", "-c", "copy", "-live", "1", "OUT.webm"}},
		"mkvmerge":    {&vp9Media, []string{"mkvmerge", "-q", "-o", "OUT.webm", "--disable-lacing", "VIDEO", "--disable-lacing", "AUDIO"}},
		// BlockGroups, because no SimpleBlock is allowed.
		"mkvmerge 1": {&h264Media, []string{"mkvmerge", "-q", "--engage", "no_simpleblocks", "--disable-lacing", "-o", "OUT.mkv", "--default-duration", "0:25fps", "VIDEO", "--disable-lacing", "AUDIO"}},
	} {
		t.Run(name, func(t *testing.T) {
			media := c.media.load(t)
			dir := t.TempDir()
			args := slices.Clone(c.args)
			replace := strings.NewReplacer("VIDEO", c.media.path(t), "AUDIO", opusMedia.path(t), "OUT", filepath.Join(dir, "out"))
			for i := range args {
				args[i] = replace.Replace(args[i])
			}
			run(t, args[0], args[1:]...)
			files, err := filepath.Glob(filepath.Join(dir, "out.*"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			tracks, blocks := readFile(t, files[0])
			if len(tracks) != 2 || tracks[0].Codec != media.track.Codec || tracks[0].Width != testWidth || tracks[1].Codec != Opus || tracks[1].CodecDelay != OpusCodecDelay(312) {
				t.Errorf("tracks %+v", tracks)
			}
			for i, want := range []stream{media, opus} {
				got := slices.DeleteFunc(slices.Clone(blocks), func(b Block) bool { return b.Track != tracks[i].Number })
				if len(got) != len(want.blocks) {
					t.Fatalf("track %d has %d blocks, want %d", i, len(got), len(want.blocks))
				}
				for j, b := range got {
					w := want.blocks[j]
					late := b.Time - got[0].Time - w.Time
					same := bytes.Equal(b.Payload, w.Payload) || media.track.Codec == H264
					if late.Abs() > time.Millisecond || b.Keyframe != w.Keyframe || !same {
						t.Fatalf("block %d of track %d at %v, keyframe %v; want %v, %v", j, i, b.Time, b.Keyframe, w.Time, w.Keyframe)
					}
				}
			}
		})
	}
}

// cutGolden is the golden file up to its second cluster, and what a test appends.
func cutGolden(t *testing.T, more string) []byte {
	t.Helper()
	return append(unhex(t, goldenUnfinished)[:6197], unhex(t, more)...)
}

func TestReaderStopsAtNonsense(t *testing.T) {
	const cluster = "1F43B675 1FFFFFFF E7 81 00 "
	for name, c := range map[string]struct {
		tail string
		at   int64 // from the second cluster
		want error
	}{
		"zeros":                     {"00*50", 0, errInvalidID},
		"a size without end":        {"1F43B675 00", 0, errInvalidSize},
		"a cut ID":                  {"1F43B6", 0, io.ErrUnexpectedEOF},
		"a cut size":                {"1F43B675 10", 0, io.ErrUnexpectedEOF},
		"a cut block":               {cluster + "A3 87 81 0000 80 01", 11, io.ErrUnexpectedEOF},
		"a cut cluster":             {"1F43B675 10000020 E7 81 00", 11, io.ErrUnexpectedEOF},
		"a block before the time":   {"1F43B675 1FFFFFFF A3 85 81 0000 80 01", 8, errNoTime},
		"a block on the top level":  {"A3 85 81 0000 80 01", 0, errMisplaced},
		"a second file":             {"1A45DFA3 80", 0, errMisplaced},
		"a block of three bytes":    {cluster + "A3 83 81 0000", 11, errInvalidSize},
		"a block without a track":   {cluster + "A3 85 FF 0000 80 01", 11, errInvalidSize},
		"lacing":                    {cluster + "A3 86 81 0000 86 00 01", 11, errLaced},
		"a block of unknown size":   {cluster + "A3 FF 81 0000 80 01", 11, errInvalidSize},
		"a block beyond its parent": {"1F43B675 10000005 E7 81 00 A3 85 81 0000 80 01", 11, errInvalidSize},
		"an element of nobody":      {cluster + "86 81 00", 11, errMisplaced},
		"a group without a block":   {cluster + "A0 83 FB 81 01", 11, errMisplaced},
		"a group that lies":         {cluster + "A0 83 FB 89 01", 11, errInvalidSize},
		"a time of nine bytes":      {"1F43B675 1FFFFFFF E7 89 00*9", 8, errInvalidSize},
		"a block too large":         {cluster + "A3 0802000000 81", 11, errTooLarge},
		"Cues of unknown size":      {"1C53BB6B FF", 0, errInvalidSize},
		"Cues that are cut":         {"1C53BB6B 83 BB 8F", 0, io.ErrUnexpectedEOF},
	} {
		file := cutGolden(t, c.tail)
		r, err := NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := readBlocks(t, r)
		e, ok := errors.AsType[*CorruptError](err)
		if !ok || e.Offset != 6197+c.at || !errors.Is(err, c.want) || len(blocks) != 5 {
			t.Errorf("%s: %d blocks, %v; want %v at byte %d", name, len(blocks), err, c.want, 6197+c.at)
		}
		if _, again := r.Next(); !errors.Is(again, err) {
			t.Errorf("%s: then %v", name, again)
		}
	}
}

func TestReaderReadsBlockGroups(t *testing.T) {
	file := cutGolden(t, `1F43B675 1FFFFFFF E7 81 0A
		A0 87  A1 85 81 0001 00 AA             # a keyframe
		A0 8E  A1 85 81 0002 00 BB  FB 81 FF  EC 82 0000
		A7 81 00  AB 81 00  EC 80  BF 84 00*4  # all that a cluster may have
		A3 86 4001 0003 00 CC                  # a track number of two bytes
	`)
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := readBlocks(t, r)
	want := []Block{
		{Track: 1, Time: 11 * time.Millisecond, Keyframe: true, Payload: []byte{0xAA}, Offset: 6197 + 11},
		{Track: 1, Time: 12 * time.Millisecond, Payload: []byte{0xBB}, Offset: 6197 + 20},
		{Track: 1, Time: 13 * time.Millisecond, Payload: []byte{0xCC}, Offset: 6197 + 50},
	}
	if diff := cmp.Diff(want, blocks[5:]); diff != "" || !errors.Is(err, io.EOF) {
		t.Errorf("%v, blocks (-want +got):\n%s", err, diff)
	}
}

func TestReaderRefusesHeads(t *testing.T) {
	const ebml = "1A45DFA3 87 4282 84 7765626D "
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing":          {"", io.ErrUnexpectedEOF},
		"text":             {"68656C6C6F20776F726C64", ErrNotMatroska},
		"zeros":            {"00*100", ErrNotMatroska},
		"another EBML":     {"1A45DFA3 87 4282 84 6F746872 18538067 FF", ErrNotMatroska},
		"no DocType":       {"1A45DFA3 80 18538067 FF", ErrNotMatroska},
		"a cut EBML":       {"1A45DFA3 87 4282 84 7765", io.ErrUnexpectedEOF},
		"no Segment":       {ebml, io.ErrUnexpectedEOF},
		"another Segment":  {ebml + "1549A966 80", errMisplaced},
		"a cut Info":       {ebml + "18538067 FF 1549A966 84 2AD7", io.ErrUnexpectedEOF},
		"an endless Info":  {ebml + "18538067 FF 1549A966 FF", errInvalidSize},
		"no ticks":         {ebml + "18538067 FF 1549A966 85 2AD7B1 81 00", nil},
		"an odd child":     {ebml + "18538067 FF 86 81 00", errMisplaced},
		"a name of 1 GiB":  {ebml + "18538067 FF 1549A966 0840000000000000 4D80 0840000000000000", io.ErrUnexpectedEOF},
		"a long time base": {ebml + "18538067 FF 1549A966 8D 2AD7B1 89 00*9", errInvalidSize},
	} {
		b := unhex(t, c.file)
		_, err := NewReader(bytes.NewReader(b), int64(len(b)))
		if c.want != nil && !errors.Is(err, c.want) || err == nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A file that claims to be large costs no more memory than it is.
func TestLyingSizesCostNothing(t *testing.T) {
	for _, tail := range []string{
		"1F43B675 1FFFFFFF E7 81 00  A3 10FFFFF0 81 0000 80 01",
		"1F43B675 1FFFFFFF E7 81 00  A0 0800000000FFFFFF A1 10FFFFF0 81 0000 80 01",
		"1549A966 01000000FFFFFFFF 4D80 01000000FFFFFFF0",
	} {
		file := cutGolden(t, tail)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", tail, spent)
		}
	}
}

func TestReaderIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	if err := os.WriteFile(path, unhex(t, goldenFinished), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Duration(); d != 2004*time.Millisecond {
		t.Errorf("duration %v", d)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next: %v", err)
	}
}
