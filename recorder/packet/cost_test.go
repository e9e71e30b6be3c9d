package packet

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"
)

// replay pushes a stream over and over, as one endless track.
type replay struct {
	r     *Receiver
	raw   [][]byte
	media *medium
	round int
}

func newReplay(t testing.TB, c Codec) *replay {
	t.Helper()
	p := &replay{r: NewReceiver(c), media: stream(t, c)}
	for _, s := range p.media.packets {
		p.raw = append(p.raw, s.marshal(t))
	}
	return p
}

// once pushes the whole stream and returns how many frames came out.
func (p *replay) once() (frames int) {
	first, last := p.media.packets[0], p.media.packets[len(p.media.packets)-1]
	length := last.at - first.at + 20*ms
	ticks := last.ts - first.ts + 3000
	for i, s := range p.media.packets {
		at := s.at + time.Duration(p.round)*length
		buf := GetBuffer()
		n := copy(buf.Bytes(), p.raw[i])
		binary.BigEndian.PutUint16(buf.data[2:], s.seq+uint16(p.round*len(p.raw)))
		binary.BigEndian.PutUint32(buf.data[4:], s.ts+uint32(p.round)*ticks)
		p.r.Push(buf, n, at)
		for e, ok := p.r.Next(at); ok; e, ok = p.r.Next(at) {
			if _, isFrame := e.(*Frame); isFrame {
				frames++
			}
		}
		p.r.WantKeyframe(at)
	}
	p.round++
	return frames
}

func TestSteadyPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops buffers at random under the race detector")
	}
	// Of the codecs with parameter sets each keyframe costs some, to read them.
	most := map[Codec]float64{VP8: 0.05, VP9: 0.05, AV1: 0.05, Opus: 0.05, H264: 0.1, H265: 0.1}
	for c, most := range most {
		t.Run(c.String(), func(t *testing.T) {
			p := newReplay(t, c)
			p.once() // buffers grow to what they need
			allocs := testing.AllocsPerRun(10, func() {
				if got := p.once(); got != len(p.media.frames) {
					t.Fatalf("%d frames", got)
				}
			})
			if per := allocs / float64(len(p.raw)); per > most {
				t.Errorf("%.3f allocations for each packet, want at most %.3f", per, most)
			}
		})
	}
}

func BenchmarkReceiver(b *testing.B) {
	for _, c := range append(videoCodecs, Opus) {
		b.Run(c.String(), func(b *testing.B) {
			p := newReplay(b, c)
			var size int64
			for _, raw := range p.raw {
				size += int64(len(raw))
			}
			b.SetBytes(size / int64(len(p.raw))) // and so an operation is a packet
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(p.raw) {
				p.once()
			}
		})
	}
}

// Row 9: buffers go round between readers and the owner of a track; nothing may
// hold on to one that was given back. Meant for the race detector.
func TestRow09BuffersAreNotShared(t *testing.T) {
	m := stream(t, VP8)
	type item struct {
		buf *Buffer
		n   int
		at  time.Duration
	}
	var owners sync.WaitGroup
	for range 4 {
		queue := make(chan item, 64)
		go func() {
			defer close(queue)
			for _, s := range m.packets {
				buf := GetBuffer()
				queue <- item{buf, copy(buf.Bytes(), s.marshal(t)), s.at}
			}
		}()
		owners.Go(func() {
			r := NewReceiver(VP8)
			i := 0
			for it := range queue {
				r.Push(it.buf, it.n, it.at)
				for e, ok := r.Next(it.at); ok; e, ok = r.Next(it.at) {
					f, isFrame := e.(*Frame)
					if !isFrame || string(f.Payload) != string(m.frames[i]) {
						t.Errorf("event %d is %T, or not what was sent", i, e)
						return
					}
					i++
				}
			}
			if i != len(m.frames) {
				t.Errorf("%d frames", i)
			}
		})
	}
	owners.Wait()
}

// A frame is valid until the next call of Next, also while more is pushed.
func TestRow09FrameOutlivesPush(t *testing.T) {
	m := stream(t, VP8)
	r := NewReceiver(VP8)
	i := 0
	for k, s := range m.packets {
		pushRaw(r, s.marshal(t), s.at)
		e, ok := r.Next(s.at)
		if !ok {
			continue
		}
		if k+1 < len(m.packets) {
			pushRaw(r, m.packets[k+1].marshal(t), s.at)
		}
		if f := e.(*Frame); string(f.Payload) != string(m.frames[i]) {
			t.Fatalf("frame %d was overwritten", i)
		}
		i++
	}
}
