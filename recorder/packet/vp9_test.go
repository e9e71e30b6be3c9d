package packet

import (
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRow18VP9Header(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want vp9Header
		ok   bool
	}{
		"chrome keyframe":       {"824983420077f03234303824", vp9Header{key: true, width: 1920, height: 804, refresh: 0xFF}, true},
		"4K":                    {"8249834240eff086f40421a0", vp9Header{key: true, width: 3840, height: 2160, refresh: 0xFF}, true},
		"profile 2":             {"9249834240eff086f40421a0", vp9Header{key: true, width: 0x1dff, height: 0x10df, refresh: 0xFF}, true},
		"profile 1, RGB":        {"a24983 42e0eff086f40421a0", vp9Header{key: true, width: 3840, height: 2160, refresh: 0xFF}, true},
		"shows an existing one": {"8c", vp9Header{slot: 4}, true},
		"size of a reference":   {"86004092", vp9Header{refresh: 1}, true},
		"wrong sync code":       {"824983430077f03234303824", vp9Header{}, false},
		"no frame marker":       {"424983420077f03234303824", vp9Header{}, false},
		"cut":                   {"82498342", vp9Header{}, false},
		"empty":                 {"", vp9Header{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hex.DecodeString(strings.ReplaceAll(c.in, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := parseVP9Header(b)
			if ok != c.ok || ok && got != c.want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

// spatialPackets are VP9 pictures of which each medium is a spatial layer. Every
// layer's frame comes in three packets at least.
func spatialPackets(layers ...*medium) (out []sent) {
	for i := range layers[0].units {
		for sid, m := range layers {
			unit := m.units[i]
			size := min(1000, len(unit)/3)
			for from := 0; from < len(unit); from += size {
				to := min(from+size, len(unit))
				first := byte(0xA0) // I, L
				if from == 0 {
					first |= 0x08 // B
				}
				if to == len(unit) {
					first |= 0x04 // E
				}
				seq := len(out)
				out = append(out, sent{
					at: time.Duration(seq) * ms, seq: uint16(seq), ts: uint32(i * 3000), marker: to == len(unit) && sid == len(layers)-1,
					payload: append([]byte{first, 0x80, byte(i), byte(sid) << 1, byte(i)}, unit[from:to]...),
				})
			}
		}
	}
	return out
}

func TestRow22SpatialLayersBecomeOneSuperframe(t *testing.T) {
	low, middle, high := encodeVideo(t, VP9, 160, 90, 6, 3), encodeVideo(t, VP9, 320, 180, 6, 3), encodeVideo(t, VP9, 642, 362, 6, 3)
	packets := spatialPackets(low, middle, high)
	events, _ := receive(t, NewReceiver(VP9), packets)
	got := frames(events)
	if len(got) != 6 || got[0].Width != 642 || got[0].Height != 362 || !got[3].Keyframe || got[1].Keyframe {
		t.Fatalf("got %v", story(events))
	}
	// FFmpeg finds the layers again by the index.
	path := filepath.Join(t.TempDir(), "svc.ivf")
	if err := os.WriteFile(path, contain(VP9, 642, 362, payloads(events)), 0o600); err != nil {
		t.Fatal(err)
	}
	var want, sums []string
	for i := range got {
		for _, m := range []*medium{low, middle, high} {
			sum := md5.Sum(m.units[i])
			want = append(want, hex.EncodeToString(sum[:]))
		}
	}
	for line := range strings.Lines(string(ffmpeg(t, "-i", path, "-c", "copy", "-bsf:v", "vp9_superframe_split", "-f", "framemd5", "pipe:1"))) {
		if fields := strings.Fields(line); !strings.HasPrefix(line, "#") {
			sums = append(sums, fields[len(fields)-1])
		}
	}
	equal(t, "layers", want, sums)
}

func TestRow22IncompleteSpatialLayerDropsThePicture(t *testing.T) {
	low, high := encodeVideo(t, VP9, 160, 90, 6, 3), encodeVideo(t, VP9, 320, 180, 6, 3)
	packets := spatialPackets(low, high)
	for name, lost := range map[string]func(sent) bool{
		"first of the lowest": func(p sent) bool { return p.payload[3] == 0 && p.payload[0]&8 != 0 },
		"middle":              func(p sent) bool { return p.payload[3] != 0 && p.payload[0]&0xC == 0 },
		"first of the highest": func(p sent) bool {
			return p.payload[3] != 0 && p.payload[0]&8 != 0
		},
		"last": func(p sent) bool { return p.marker },
	} {
		t.Run(name, func(t *testing.T) {
			damaged := slices.Clone(packets)
			i := slices.IndexFunc(damaged, func(p sent) bool { return p.ts == 3000 && lost(p) })
			if i < 0 {
				t.Fatal("no such packet")
			}
			events, _ := receive(t, NewReceiver(VP9), slices.Delete(damaged, i, i+1))
			var at []Timestamp
			for _, f := range frames(events) {
				at = append(at, f.Timestamp)
			}
			equal(t, "frames", []Timestamp{0, 9000, 12000, 15000}, at)
		})
	}
}

// VP9 may change the size of its pictures without a keyframe: as an encoder does whose
// bits or time grow scarce, and as upper layers come that there was no time for.
func TestVP9ChangesSizeBetweenKeyframes(t *testing.T) {
	type size [2]int
	key := func(width, height uint64) []byte {
		w := &bitWriter{}
		return w.u(8, 0x82).u(24, 0x498342).u(4, 0).u(16, width-1).u(16, height-1).u(8, 0).b
	}
	// An inter frame that goes to a slot has a size of its own, or that of the frame
	// in the slot from.
	own := func(slot int, width, height uint64) []byte {
		w := &bitWriter{}
		return w.u(8, 0x87).u(8, 1<<slot).u(12, 0).u(3, 0).u(16, width-1).u(16, height-1).u(8, 0).b
	}
	like := func(slot int, from uint64) []byte {
		w := &bitWriter{}
		return w.u(8, 0x87).u(8, 1<<slot).u(8, 0).u(3, from).u(1, 0).u(3, 1).u(8, 0).b
	}
	show := func(slot uint64) []byte { return (&bitWriter{}).u(5, 0b10001).u(3, slot).u(8, 0).b }
	for name, c := range map[string]struct {
		pictures [][][]byte // and the layers of each
		want     []size
	}{
		"smaller, and kept": {
			[][][]byte{{key(640, 360)}, {like(1, 0)}, {own(1, 320, 180)}, {like(2, 1)}, {like(0, 0)}, {show(2)}},
			[]size{{640, 360}, {640, 360}, {320, 180}, {320, 180}, {640, 360}, {320, 180}},
		},
		"a layer comes late": {
			[][][]byte{{key(320, 180)}, {like(0, 0), own(1, 640, 360)}, {like(0, 0), like(1, 1)}},
			[]size{{320, 180}, {640, 360}, {640, 360}},
		},
		"a layer is left out": {
			[][][]byte{{key(320, 180), own(1, 640, 360)}, {like(0, 0)}, {like(0, 0), like(1, 1)}},
			[]size{{640, 360}, {}, {640, 360}},
		},
		"a layer is left out for good": {
			[][][]byte{{key(320, 180), own(1, 640, 360)}, {key(320, 180)}, {like(0, 0)}},
			[]size{{640, 360}, {320, 180}, {320, 180}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var packets []sent
			for i, layers := range c.pictures {
				for sid, frame := range layers {
					head := []byte{0xAC, 0x80, byte(i), byte(sid) << 1, byte(i)} // I, L, B, E
					packets = append(packets, sent{
						seq: uint16(len(packets)), ts: uint32(3000 * i), marker: sid == len(layers)-1, payload: append(head, frame...),
					})
				}
			}
			events, _ := receive(t, NewReceiver(VP9), packets)
			var got []size
			for _, f := range frames(events) {
				got = append(got, size{f.Width, f.Height})
			}
			equal(t, "sizes", c.want, got)
		})
	}
}
