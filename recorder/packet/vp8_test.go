package packet

import (
	"strings"
	"testing"
)

func TestRow17VP8Descriptor(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want vp8Descriptor
		ok   bool
	}{
		"shortest":              {[]byte{0x10, 1}, vp8Descriptor{start: true, size: 1}, true},
		"not a reference":       {[]byte{0x30, 1}, vp8Descriptor{start: true, discardable: true, size: 1}, true},
		"start of partition 3":  {[]byte{0x13, 1}, vp8Descriptor{size: 1}, true},
		"no extensions":         {[]byte{0x90, 0x00, 1}, vp8Descriptor{start: true, size: 2}, true},
		"PictureID of 7 bits":   {[]byte{0x90, 0x80, 0x7F, 1}, vp8Descriptor{start: true, size: 3, layer: layer{hasPicture: true, picture: 127}}, true},
		"PictureID of 15 bits":  {[]byte{0x90, 0x80, 0xFF, 0xFE, 1}, vp8Descriptor{start: true, size: 4, layer: layer{hasPicture: true, picture: 0x7FFE}}, true},
		"all":                   {[]byte{0x80, 0xF0, 0x81, 0x02, 9, 0xA5, 1}, vp8Descriptor{size: 6, layer: layer{hasPicture: true, picture: 0x102, temporal: true, base: 9, id: 2, sync: true}}, true},
		"TL0PICIDX without TID": {[]byte{0x80, 0x40, 9, 1}, vp8Descriptor{size: 3}, true},
		"KEYIDX only":           {[]byte{0x80, 0x10, 0x05, 1}, vp8Descriptor{size: 3}, true},
		"nothing follows":       {[]byte{0x10}, vp8Descriptor{}, false},
		"cut":                   {[]byte{0x90, 0x80, 0x80}, vp8Descriptor{}, false},
		"empty":                 {nil, vp8Descriptor{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parseVP8Descriptor(c.in)
			if ok != c.ok || ok && got != c.want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestRow17VP8Keyframes(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		want  string
	}{
		"keyframe":         {vp8Key(1280, 720, 1), "K1 @0"},
		"scaling bits":     {vp8Key(1280|0x4000, 720|0x8000, 1), "K1 @0"},
		"wrong start code": {append([]byte{0x10, 2, 0, 0x9D, 1, 0x2B}, 0, 5, 0, 5, 1), ""},
		"no size":          {vp8Key(0, 720, 1), ""},
		"cut":              {vp8Key(1280, 720, 1)[:9], ""},
		"two bytes":        {[]byte{0x10, 2}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(VP8)
			events, _ := receive(t, r, []sent{{marker: true, payload: vp8Packet(true, c.frame...)}})
			equal(t, "events", c.want, strings.Join(story(events), ", "))
			if got := frames(events); len(got) == 1 && (got[0].Width != 1280 || got[0].Height != 720) {
				t.Errorf("%dx%d", got[0].Width, got[0].Height)
			}
		})
	}
}

func TestVP8PartitionsMakeOneFrame(t *testing.T) {
	keyframe := vp8Key(640, 360, 0)
	events, _ := receive(t, NewReceiver(VP8), []sent{
		{seq: 0, payload: append([]byte{0x10}, keyframe...)},
		{seq: 1, payload: []byte{0x00, 1}}, // more of partition 0
		{seq: 2, payload: []byte{0x11, 2}}, // start of partition 1
		{seq: 3, marker: true, payload: []byte{0x32, 3}},
	})
	equal(t, "payloads", [][]byte{append(keyframe, 1, 2, 3)}, payloads(events))
	equal(t, "discardable is told by the first packet", false, frames(events)[0].Discardable)
}
