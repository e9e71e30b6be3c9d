package recorder

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/roomreel/roomreel/recording"
)

// TestWatchDrops: what the kernel drops from a socket that nobody reads in time is
// counted in the manifest, and counted once.
func TestWatchDrops(t *testing.T) {
	var wantDropped int64
	onStage(t, func(st *stage) {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(t, err)
		defer conn.Close()
		must(t, conn.SetReadBuffer(4096))
		before, err := DroppedDatagrams()
		must(t, err)
		b, rec := st.bot, st.record(recording.Selection{})
		b.do(func() { b.captures[rec.rec.ID], b.dropped = rec, before })
		flood := func() {
			from, err := net.Dial("udp4", conn.LocalAddr().String())
			must(t, err)
			defer from.Close()
			for range 100 {
				_, err := from.Write(make([]byte, 1000))
				must(t, err)
			}
		}
		for range 3 {
			flood()
			b.do(func() { b.watchDrops(b.now()) })
		}
		b.do(func() { delete(b.captures, rec.rec.ID) })
		synctest.Wait()
		after, err := DroppedDatagrams()
		must(t, err)
		if wantDropped = after - before; wantDropped < 200 {
			t.Errorf("the kernel dropped %d of 300 datagrams for which there was no room", wantDropped)
		}
		if m := st.stop(rec); m.DroppedDatagrams != wantDropped {
			t.Errorf("the manifest tells of %d dropped datagrams, want %d", m.DroppedDatagrams, wantDropped)
		}
	})
}
