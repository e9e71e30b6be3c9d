package packet

import (
	"slices"
	"testing"
)

func TestRow24AV1(t *testing.T) {
	header := []byte{0x0A, 0x0B, 0x00, 0x00, 0x00, 0x24, 0xCE, 0x3F, 0x3A, 0xFF, 0xFC, 0x30, 0x08} // sequence header, with size
	keyframe, inter := []byte{0x30, 0x10, 7}, []byte{0x30, 0x30, 8}                                // OBU_FRAME, without
	sequence, ok := parseAV1Sequence(header[2:])
	if !ok {
		t.Fatal("sequence header of the test is wrong")
	}
	sized := func(obu []byte) []byte { return append([]byte{obu[0] | 2, byte(len(obu) - 1)}, obu[1:]...) }
	bare := append([]byte{header[0] &^ 2}, header[2:]...)
	element := func(obu []byte) []byte { return append([]byte{byte(len(obu))}, obu...) }
	whole := slices.Concat(header, sized(keyframe))
	for _, c := range []struct {
		name    string
		packets [][]byte
		want    []byte // the frame; nil for none
	}{
		{"W 2", [][]byte{slices.Concat([]byte{0x28}, element(bare), keyframe)}, whole},
		{"W 0", [][]byte{slices.Concat([]byte{0x08}, element(bare), element(keyframe))}, whole},
		{"size fields kept", [][]byte{slices.Concat([]byte{0x28}, element(header), sized(keyframe))}, whole},
		{"temporal delimiter and tile list", [][]byte{slices.Concat([]byte{0x08}, element([]byte{0x10}), element(bare), element([]byte{0x40, 1}), element(keyframe))}, whole},
		{"fragments in three packets", [][]byte{
			slices.Concat([]byte{0x68}, element(bare), keyframe[:1]),
			slices.Concat([]byte{0xD0}, keyframe[1:2]), slices.Concat([]byte{0x90}, keyframe[2:]),
		}, whole},
		{"W 0 fragment with length", [][]byte{
			slices.Concat([]byte{0x48}, element(bare), element(keyframe[:2])), slices.Concat([]byte{0x80}, element(keyframe[2:])),
		}, whole},
		{"extension header", [][]byte{slices.Concat([]byte{0x28}, element(bare), []byte{0x34, 0x08, 0x10, 7})}, slices.Concat(header, []byte{0x36, 0x08, 2, 0x10, 7})},
		{"empty element", [][]byte{slices.Concat([]byte{0x38}, element(bare), []byte{0}, keyframe)}, whole},
		{"only a sequence header", [][]byte{slices.Concat([]byte{0x18}, bare)}, nil},
		{"continuation of nothing", [][]byte{slices.Concat([]byte{0x28}, element(bare), keyframe), slices.Concat([]byte{0x90}, keyframe)}, nil},
		{"fragment not continued", [][]byte{slices.Concat([]byte{0x68}, element(bare), keyframe[:1]), slices.Concat([]byte{0x10}, keyframe)}, nil},
		{"fragment not ended", [][]byte{slices.Concat([]byte{0x68}, element(bare), keyframe)}, nil},
		{"element beyond the packet", [][]byte{{0x28, 0x20, 0x08, 0x00}}, nil},
		{"fewer elements than W", [][]byte{slices.Concat([]byte{0x38}, element(bare), element(keyframe))}, nil},
		{"wrong size field", [][]byte{slices.Concat([]byte{0x28}, element(header), []byte{0x32, 9, 0x10, 7})}, nil},
		{"forbidden bit", [][]byte{slices.Concat([]byte{0x28}, element(bare), []byte{0xB0, 0x10})}, nil},
		{"keyframe without a sequence header", [][]byte{slices.Concat([]byte{0x18}, keyframe)}, nil},
		{"sequence header with an inter frame", [][]byte{slices.Concat([]byte{0x28}, element(bare), inter)}, nil},
		{"aggregation header only", [][]byte{{0x18}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var packets []sent
			for i, p := range c.packets {
				packets = append(packets, sent{seq: uint16(i), marker: i == len(c.packets)-1, payload: p})
			}
			events, _ := receive(t, NewReceiver(AV1), packets)
			got := frames(events)
			if c.want == nil {
				equal(t, "frames", 0, len(got))
				return
			}
			if len(got) != 1 {
				t.Fatalf("%d frames", len(got))
			}
			want := &Frame{Codec: AV1, Keyframe: true, Width: sequence.width, Height: sequence.height, Parameters: &Parameters{SequenceHeader: header}, Payload: c.want}
			equal(t, "frame", want, got[0])
		})
	}
}
