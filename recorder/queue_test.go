package recorder

import (
	"sync"
	"testing"
	"testing/synctest"
)

func TestQueueBounds(t *testing.T) {
	q := newQueue()
	video, audio := &track{sid: "video"}, &track{sid: "audio"}
	accepted := map[*track]int{}
	push := func(t *track, bound, n int) {
		for range n {
			if q.push(item{track: t}, bound) {
				accepted[t]++
			}
		}
	}
	push(video, videoQueue, videoQueue+500)
	if accepted[video] != videoQueue {
		t.Errorf("%d packets of video fit, want %d", accepted[video], videoQueue)
	}
	push(audio, audioQueue, 5000)
	if want := audioQueue - videoQueue; accepted[audio] != want {
		t.Errorf("%d packets of audio fit beside them, want %d", accepted[audio], want)
	}
	// 1000 packets of audio last 20 s: no stream falls that far behind.
	if accepted[audio] < 1000 {
		t.Errorf("audio has room for %d packets only", accepted[audio])
	}
	called := 0
	for range 2 * audioQueue {
		q.call(func() { called++ })
	}
	items := q.take(nil)
	if want := audioQueue + 2*audioQueue; len(items) != want {
		t.Errorf("%d items, want %d: a call was dropped", len(items), want)
	}
	for _, it := range items {
		if it.call != nil {
			it.call()
		}
	}
	if called != 2*audioQueue {
		t.Errorf("%d calls, want %d", called, 2*audioQueue)
	}
	if !q.push(item{track: video}, videoQueue) || len(q.take(items)) != 1 || len(q.take(nil)) != 0 {
		t.Error("a queue that was emptied is not empty")
	}
}

// TestQueueForgets: what was taken is not kept alive by the spare list.
func TestQueueForgets(t *testing.T) {
	q := newQueue()
	q.call(func() {})
	first := q.take(nil)
	q.take(first)
	if first[0].call != nil {
		t.Error("a call that was made is still referred to")
	}
}

// TestQueueProducers: of each producer the order is kept and no call is lost,
// and the owner is woken for all of them.
func TestQueueProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const producers, each = 8, 2000
		q := newQueue()
		var work sync.WaitGroup
		for p := range producers {
			tr := &track{ssrc: uint32(p)}
			work.Go(func() {
				for i := range each {
					if i%5 == 0 {
						q.call(func() {})
						continue
					}
					q.push(item{track: tr, size: i}, producers*each)
				}
			})
		}
		var last [producers]int
		calls, packets := 0, 0
		var items []item
		for calls+packets < producers*each {
			<-q.wake // if a wake-up is lost, the bubble is deadlocked and the test fails
			items = q.take(items)
			for _, it := range items {
				if it.call != nil {
					calls++
					continue
				}
				packets++
				if p := it.track.ssrc; it.size <= last[p] {
					t.Fatalf("packet %d of producer %d came after %d", it.size, p, last[p])
				} else {
					last[p] = it.size
				}
			}
		}
		work.Wait()
		if calls != producers*each/5 {
			t.Errorf("%d calls, want %d", calls, producers*each/5)
		}
	})
}
