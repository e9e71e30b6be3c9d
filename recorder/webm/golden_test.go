package webm

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// unhex reads hexadecimal digits; what follows a # is a remark, and 00*9 is nine
// zeros.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		for word := range strings.FieldsSeq(line) {
			digits, times, repeated := strings.Cut(word, "*")
			part, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			n := 1
			if repeated {
				n = atoi(t, times)
			}
			for range n {
				b = append(b, part...)
			}
		}
	}
	return b
}

// The bytes below were put together by hand from RFC 8794 and RFC 9559.
const (
	goldenEBML = `
		1A45DFA3 A3
			4286 81 01  42F7 81 01  42F2 81 04  42F3 81 08  # versions, lengths
			4282 84 7765626D  EC 82 0000                    # DocType webm, Void
			4287 81 04  4285 81 02                          # DocType versions
	`
	goldenTracks = `
		1654AE6B 4087                                # Tracks
			AE B0
				D7 81 01  73C5 88 0102030405060709  83 81 01  9C 81 00
				22B59C 83 756E64  86 85 565F565038       # und, V_VP8
				536E 83 63616D                           # cam
				E0 86  B0 81 10  BA 81 08                # 16x8
			AE D3
				D7 81 02  73C5 88 010203040506070A  83 81 02  9C 81 00
				22B59C 83 756E64  86 86 415F4F505553     # und, A_OPUS
				63A2 93 4F70757348656164 01 01 0000 80BB0000 0000 00
				56AA 81 00  56BB 84 04C4B400             # CodecDelay 0, SeekPreRoll 80 ms
				E1 8D  B5 88 40E7700000000000  9F 81 01  # 48 kHz, mono
		EC 01000000000016AB 00*5803                  # Void up to byte 6144
	`
	goldenCluster1 = `
			E7 81 00
			A3 87  82 0000 80  F8FFFE
			A3 86  81 0005 80  9D01
			A3 87  82 0014 80  F8FFFE
			A3 87  82 0015 80  F8FFFE                    # came at 20 ms again
			A3 85  81 0006 00  01                        # came at 3 ms, after 5 ms
	`
	goldenCluster2 = `
			E7 82 03ED
			A3 85  81 0000 80  AA
			A3 87  82 FFF1 80  F8FFFE                    # 15 ms before its cluster
	`
	goldenUnfinished = goldenEBML + `
		18538067 01FFFFFFFFFFFFFF                    # Segment of unknown size
		EC C2 00*66                                  # in place of SeekHead
		1549A966 C2                                  # Info
			2AD7B1 83 0F4240  EC 89 00*9             # 1 ms, no Duration yet
			73A4 90 0102030405060708090A0B0C0D0E0F10
			4D80 88 726F6F6D7265656C  5741 84 74657374
			4461 88 000000003B9ACA00                 # 1 s after 2001 began
	` + goldenTracks + `
		1F43B675 1000002D` + goldenCluster1 + `
		1F43B675 1FFFFFFF` + goldenCluster2
	goldenFinished = goldenEBML + `
		18538067 01000000 00001845                   # Segment of 6213 bytes
		114D9B74 BF                                  # SeekHead
			4DBB 92  53AB 84 1549A966  53AC 88 0000000000000044
			4DBB 92  53AB 84 1654AE6B  53AC 88 000000000000008B
			4DBB 92  53AB 84 1C53BB6B  53AC 88 000000000000181D
		1549A966 C2                                  # Info
			2AD7B1 83 0F4240  4489 88 409F500000000000  # 1 ms, 2004 of them
			73A4 90 0102030405060708090A0B0C0D0E0F10
			4D80 88 726F6F6D7265656C  5741 84 74657374
			4461 88 000000003B9ACA00
	` + goldenTracks + `
		1F43B675 1000002D` + goldenCluster1 + `
		1F43B675 10000014` + goldenCluster2 + `
		1C53BB6B A3                                  # Cues
			BB 8F  B3 81 05    B7 8A  F7 81 01  F1 82 17CC  F0 81 0C
			BB 90  B3 82 03ED  B7 8A  F7 81 01  F1 82 1801  F0 81 04
	`
)

func writeGolden(t *testing.T, path string) *Writer {
	t.Helper()
	opus, err := OpusTrack(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := create(t, path, testOptions(), Track{Number: 1, Kind: Video, Codec: VP8, Name: "cam", Width: 16, Height: 8}, opus)
	silence := []byte{0xF8, 0xFF, 0xFE} // 20 ms
	ms := time.Millisecond
	writeAll(t, w, []Block{
		{Track: 2, Time: 0, Payload: silence},
		{Track: 1, Time: 5 * ms, Payload: []byte{0x9D, 1}, Keyframe: true},
		{Track: 2, Time: 20 * ms, Payload: silence},
		{Track: 2, Time: 20*ms + 499*time.Microsecond, Payload: silence},
		{Track: 1, Time: 3 * ms, Payload: []byte{1}},
		{Track: 1, Time: 1005 * ms, Payload: []byte{0xAA}, Keyframe: true},
		{Track: 2, Time: 989*ms + 500*time.Microsecond, Payload: silence},
	})
	return w
}

func TestBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := writeGolden(t, path)
	if err := w.FlushIfDue(time.Now()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, path+OpenSuffix, unhex(t, goldenUnfinished))

	got := finalize(t, w)
	mustHold(t, path, unhex(t, goldenFinished))
	if _, err := os.Stat(path + OpenSuffix); !os.IsNotExist(err) {
		t.Errorf("the unfinished name is still there: %v", err)
	}

	ms := time.Millisecond
	opus, _ := OpusTrack(2, 1)
	want := Summary{
		Duration: 2004 * ms,
		Size:     6265,
		Tracks: []TrackSummary{{
			Track: Track{Number: 1, Kind: Video, Codec: VP8, Name: "cam", Width: 16, Height: 8},
			First: 5 * ms, Last: 1005 * ms, Blocks: 3, Bytes: 4, Keyframes: 2, Bumped: 1,
		}, {
			Track: opus,
			First: 0, Last: 990 * ms, Blocks: 4, Bytes: 12, Bumped: 1,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	mustDecodeStructure(t, path)
}

// mustHold compares a file with the bytes it should have.
func mustHold(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hex.Dump(want), hex.Dump(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(path), diff)
	}
}

func TestReaderReadsBytes(t *testing.T) {
	ms := time.Millisecond
	silence := []byte{0xF8, 0xFF, 0xFE}
	want := []Block{
		{Track: 2, Time: 0, Keyframe: true, Payload: silence, Offset: 6155},
		{Track: 1, Time: 5 * ms, Keyframe: true, Payload: []byte{0x9D, 1}, Offset: 6164},
		{Track: 2, Time: 20 * ms, Keyframe: true, Payload: silence, Offset: 6172},
		{Track: 2, Time: 21 * ms, Keyframe: true, Payload: silence, Offset: 6181},
		{Track: 1, Time: 6 * ms, Payload: []byte{1}, Offset: 6190},
		{Track: 1, Time: 1005 * ms, Keyframe: true, Payload: []byte{0xAA}, Offset: 6209},
		{Track: 2, Time: 990 * ms, Keyframe: true, Payload: silence, Offset: 6216},
	}
	opus, err := OpusTrack(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantTracks := []Track{{Number: 1, Kind: Video, Codec: VP8, Name: "cam", Width: 16, Height: 8}, opus}
	for name, text := range map[string]string{"unfinished": goldenUnfinished, "finished": goldenFinished} {
		path := filepath.Join(t.TempDir(), "part.webm")
		if err := os.WriteFile(path, unhex(t, text), 0o600); err != nil {
			t.Fatal(err)
		}
		tracks, blocks := readFile(t, path)
		if diff := cmp.Diff(want, blocks); diff != "" {
			t.Errorf("%s: blocks (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(wantTracks, tracks); diff != "" {
			t.Errorf("%s: tracks (-want +got):\n%s", name, diff)
		}
	}
}
