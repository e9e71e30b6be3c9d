package meeting

import (
	"slices"
	"sync"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// reports is an interceptor that has sender reports tell when media was due. Pion's tell when the
// last packet was written, which on a busy machine is some tens of milliseconds later, now for the
// sound and now for the picture; then the source itself would not be in sync.
type reports struct {
	interceptor.NoOp
	epoch time.Time

	mu     sync.Mutex
	routes []route
}

// route says which feed a track carries. The track's SSRC changes when the SDK reconnects.
type route struct {
	track *lksdk.LocalTrack
	feed  *feed
}

// NewInterceptor implements interceptor.Factory: all connections of a participant share one.
func (r *reports) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// BindRTCPWriter implements interceptor.Interceptor.
func (r *reports) BindRTCPWriter(next interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, attributes interceptor.Attributes) (int, error) {
		for _, packet := range packets {
			if report, ok := packet.(*rtcp.SenderReport); ok {
				r.correct(report)
			}
		}
		return next.Write(packets, attributes)
	})
}

// correct sets the pair of times of RFC 3550 section 6.4.1 for this very moment.
func (r *reports) correct(report *rtcp.SenderReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.routes, func(to route) bool { return uint32(to.track.SSRC()) == report.SSRC })
	if at < 0 {
		return
	}
	since := time.Since(r.epoch)
	report.NTPTime = ntpTime(r.epoch.Add(since))
	report.RTPTime = r.routes[at].feed.timestamp(since)
}

func (r *reports) add(to route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes = append(r.routes, to)
}

func (r *reports) remove(f *feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes = slices.DeleteFunc(r.routes, func(to route) bool { return to.feed == f })
}

// ntpTime is t in the 64-bit format of RFC 5905: seconds since 1900, and their fraction.
func ntpTime(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}
