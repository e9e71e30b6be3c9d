package recorder

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// queued is a track whose packets go into a queue.
type queued struct {
	*track
	q   *queue
	seq uint16
}

func queuedTrack(q *queue, kind recording.Kind, codec packet.Codec) *queued {
	t := &track{sid: string(kind), kind: kind, codec: codec, receiver: packet.NewReceiver(codec)}
	q.begin(t)
	return &queued{track: t, q: q}
}

// arrive brings a packet that is a frame by itself: of Opus, 20 ms; of VP8, a
// keyframe of 16 by 16 pixels that says so, and nothing else.
func (t *queued) arrive(tb testing.TB, now time.Duration) {
	tb.Helper()
	payload := []byte{0x78, 1, 2, 3}
	if t.codec == packet.VP8 {
		payload = make([]byte, 1200)
		copy(payload, []byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 32, 0, 32, 0})
	}
	buf := packet.GetBuffer()
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: t.seq, Timestamp: uint32(t.seq) * 960, Marker: true}, Payload: payload}
	n, err := p.MarshalTo(buf.Bytes())
	must(tb, err)
	t.seq++
	t.q.receive(t.track, buf, n, now)
}

// frames are the frames of a batch, by track.
func (b *batch) frames() map[*track]int {
	n := map[*track]int{}
	for _, it := range b.items {
		if it.frame.Payload != nil {
			n[it.track]++
		}
	}
	return n
}

func TestQueueBounds(t *testing.T) {
	q := newQueue(false)
	video, audio := queuedTrack(q, recording.Video, packet.VP8), queuedTrack(q, recording.Audio, packet.Opus)
	const pictures = 5000
	for range pictures {
		video.arrive(t, 0)
	}
	if video.overflowed == 0 {
		t.Error("video without end found room")
	}
	// 1000 packets of audio last 20 s: no stream falls that far behind.
	const words = 1000
	for range words {
		audio.arrive(t, 0)
	}
	if audio.overflowed != 0 {
		t.Errorf("%d packets of audio found no room beside video", audio.overflowed)
	}
	called := 0
	for range pictures {
		q.call(func() { called++ })
	}
	b := q.take(0)
	kept := b.frames()
	if want := pictures - int(video.overflowed); kept[video.track] != want || kept[audio.track] != words {
		t.Errorf("%d pictures and %d packets of audio, want %d and %d", kept[video.track], kept[audio.track], want, words)
	}
	for _, it := range b.items {
		if it.call != nil {
			it.call()
		}
	}
	if called != pictures {
		t.Errorf("%d calls, want %d: a call was dropped", called, pictures)
	}
	before := video.overflowed
	video.arrive(t, 0)
	if video.overflowed != before {
		t.Error("a queue that was emptied is full")
	}
	if lost := video.totals().lost; lost != before {
		t.Errorf("%d packets are counted as lost, want the %d that found no room", lost, before)
	}
}

// TestQueueForgets: what was taken is not kept alive by the spare batch.
func TestQueueForgets(t *testing.T) {
	q := newQueue(false)
	q.call(func() {})
	b := q.take(0)
	items := b.items
	b.release()
	if items[0].call != nil {
		t.Error("a call that was made is still referred to")
	}
}

// TestQueueWakes: calls wake the owner, frames do only when they are awaited.
func TestQueueWakes(t *testing.T) {
	q := newQueue(false)
	audio := queuedTrack(q, recording.Audio, packet.Opus)
	woken := func() bool {
		select {
		case <-q.wake:
			return true
		default:
			return false
		}
	}
	var got []bool
	audio.arrive(t, 0)
	got = append(got, woken())
	q.call(func() {})
	got = append(got, woken())
	q.await(true)
	audio.arrive(t, 0)
	got = append(got, woken())
	q.await(false)
	audio.arrive(t, 0)
	got = append(got, woken())
	if want := []bool{false, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("woken: %v, want %v", got, want)
	}
}

// TestQueueFinishes: a call that ends a recording comes after what had been
// received by then, also what was held back for a packet that is missing.
func TestQueueFinishes(t *testing.T) {
	for _, drain := range []bool{true, false} {
		q := newQueue(false)
		audio := queuedTrack(q, recording.Audio, packet.Opus)
		audio.arrive(t, 0)
		audio.seq++ // lost
		audio.arrive(t, 0)
		q.finish(drain, 0, func() {})
		audio.arrive(t, 0)
		b := q.take(0)
		end := slices.IndexFunc(b.items, func(it item) bool { return it.call != nil })
		before := &batch{items: b.items[:end]}
		want := totals{packets: 2, frames: 1, bytes: 8}
		if drain {
			want.frames, want.lost = 2, 1
		}
		if got := before.frames()[audio.track]; got != int(want.frames) {
			t.Errorf("drain %v: %d frames before the end, want %d", drain, got, want.frames)
		}
		if got := b.items[end-1].totals; got != want {
			t.Errorf("drain %v: counted %+v before the end, want %+v", drain, got, want)
		}
	}
}

// TestQueueProducers: of each producer the order is kept and no call is lost,
// and the owner is woken for all of them.
func TestQueueProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const producers, each = 8, 2000
		q := newQueue(false)
		var work sync.WaitGroup
		var last [producers]int
		calls := 0
		for p := range producers {
			work.Go(func() {
				for i := 1; i <= each; i++ {
					q.call(func() {
						if calls++; i != last[p]+1 {
							t.Errorf("call %d of producer %d came after %d", i, p, last[p])
						}
						last[p] = i
					})
				}
			})
		}
		for calls < producers*each {
			<-q.wake // if a wake-up is lost, the bubble is deadlocked and the test fails
			b := q.take(0)
			for _, it := range b.items {
				it.call()
			}
			b.release()
		}
		work.Wait()
	})
}
