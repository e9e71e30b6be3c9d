package meeting

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// startLiveKit runs a LiveKit server on loopback until the test ends.
func startLiveKit(t *testing.T) Server {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port, mediaPort := tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port
	tcp.Close()
	udp.Close()
	const key, secret = "devkey", "a-secret-of-at-least-32-characters"
	conf, err := config.NewConfig(fmt.Sprintf(`
port: %d
bind_addresses: ["127.0.0.1"]
rtc: {udp_port: %d, tcp_port: 0, node_ip: 127.0.0.1, use_external_ip: false, enable_loopback_candidate: true, interfaces: {includes: [lo]}, stun_servers: []}
logging: {level: error, pion_level: error}
keys: {%s: %s}
`, port, mediaPort, key, secret), true, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	config.InitLoggerFromConfig(&conf.Logging)
	if err := conf.ValidateKeys(); err != nil {
		t.Fatal(err)
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		t.Fatal(err)
	}
	server, err := service.InitializeServer(conf, node)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Start() }()
	t.Cleanup(func() {
		server.Stop(true)
		<-ended
	})
	url := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", url, time.Second)
		if err == nil && server.IsRunning() {
			conn.Close()
			return Server{URL: "ws://" + url, Key: key, Secret: secret}
		}
		select {
		case err := <-ended:
			t.Fatalf("LiveKit ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("LiveKit does not start")
		}
	}
}

// received is what a subscriber learns of one track: the mapping of its RTP clock to wall time that
// sender reports give, and the timestamps at which known frames came.
type received struct {
	identity, mime string
	clock          float64
	reports        []*rtcp.SenderReport
	frames         map[int64]uint32 // frame of the loop -> RTP timestamp, the last time round
	packets        int
}

// phase is where in the loop this track's media stood at the beginning of the loop's wall time, by
// its sender reports: the same for all tracks that are in sync.
func (r *received) phase(t *testing.T, report *rtcp.SenderReport, rate int) time.Duration {
	t.Helper()
	for frame, timestamp := range r.frames {
		since := float64(int32(timestamp-report.RTPTime)) / r.clock
		ntp := time.Duration(report.NTPTime>>32)*time.Second + time.Duration((report.NTPTime&0xffffffff)*1e9>>32)
		at := ntp + time.Duration(since*float64(time.Second)) - time.Duration(frame)*time.Second/time.Duration(rate)
		return at % LoopLength
	}
	t.Fatalf("%s %s: no frame was recognised", r.identity, r.mime)
	return 0
}

// recognise finds frames of a clip by the bytes they begin with.
func recognise(c *clip, seed maphash.Seed) map[uint64]int64 {
	known := make(map[uint64]int64)
	for k, frame := range c.frames {
		known[maphash.Bytes(seed, frame[:min(len(frame), 60)])] = int64(k)
	}
	return known
}

type subscriber struct {
	mu     sync.Mutex
	tracks map[string]*received // identity and MIME type
}

func (s *subscriber) read(track *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, identity string, c *clip) {
	r := &received{identity: identity, mime: track.Codec().MimeType, clock: float64(track.Codec().ClockRate), frames: map[int64]uint32{}}
	s.mu.Lock()
	s.tracks[identity+" "+r.mime] = r
	s.mu.Unlock()
	pub.OnRTCP(func(p rtcp.Packet) {
		// The SDK hands on what came in one datagram, reports of other tracks among it.
		if report, ok := p.(*rtcp.SenderReport); ok && report.SSRC == uint32(track.SSRC()) {
			s.mu.Lock()
			defer s.mu.Unlock()
			r.reports = append(r.reports, report)
		}
	})
	seed := maphash.MakeSeed()
	known := recognise(c, seed)
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		payload := packet.Payload
		if r.mime == webrtc.MimeTypeVP8 {
			var vp8 codecs.VP8Packet
			if payload, err = vp8.Unmarshal(payload); err != nil || vp8.S != 1 {
				continue
			}
		}
		s.mu.Lock()
		r.packets++
		if frame, ok := known[maphash.Bytes(seed, payload[:min(len(payload), 60)])]; ok {
			r.frames[frame] = packet.Timestamp
		}
		s.mu.Unlock()
	}
}

func TestMeeting(t *testing.T) {
	server := startLiveKit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	options := func(index int) Options {
		name := []string{"Ada", "Grace", "Edsger", "Onlooker"}[index]
		return Options{Room: "r", Identity: fmt.Sprintf("p%d", index), Name: name, Index: index, Width: 320, Height: 180}
	}
	sub := subscriber{tracks: map[string]*received{}}
	clips := map[string]*clip{}
	for i := range 3 {
		o, err := options(i).withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range []livekit.TrackSource{Camera, Microphone} {
			layers, err := o.clips(ctx, source)
			if err != nil {
				t.Fatal(err)
			}
			clips[o.Identity+" "+layers[0].clip.mime] = layers[0].clip
		}
	}
	watching := options(3)
	watching.OnTrack = func(track *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, rp *lksdk.RemoteParticipant) {
		go sub.read(track, pub, rp.Identity(), clips[rp.Identity()+" "+track.Codec().MimeType])
	}
	onlooker, err := Join(ctx, server, watching)
	if err != nil {
		t.Fatal(err)
	}
	defer onlooker.Close()
	people := make([]*Participant, 3)
	for i := range people {
		o := options(i)
		o.Publish = []livekit.TrackSource{Camera, Microphone}
		if people[i], err = Join(ctx, server, o); err != nil {
			t.Fatal(err)
		}
		defer people[i].Close()
	}

	bot := joinHidden(t, server)
	after := options(3) // someone who comes after the bot and is announced: the control
	after.Identity = "p4"
	control, err := Join(ctx, server, after)
	if err != nil {
		t.Fatal(err)
	}
	everyone := []string{"p0", "p1", "p2", "p4"}
	if _, err := onlooker.View().Await(ctx, func(s Snapshot) bool { return s.Recording && slices.Equal(s.Present, everyone) }); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(20 * time.Second); ; {
		sub.mu.Lock()
		enough := len(sub.tracks) == 6
		for _, r := range sub.tracks {
			enough = enough && len(r.reports) > 0 && len(r.frames) > 10
		}
		sub.mu.Unlock()
		if enough {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("not everything arrived: %+v", sub.tracks)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := bot.Close(); err != nil {
		t.Fatal(err)
	}
	seen, err := onlooker.View().Await(ctx, func(s Snapshot) bool { return !s.Recording })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen.Seen, everyone) || len(seen.RecordingChanges) != 2 {
		t.Errorf("the onlooker saw %+v, want %v and two changes", seen, everyone)
	}
	if late := control.View().Snapshot(); len(late.RecordingChanges) == 0 || !late.RecordingChanges[0].Recording || slices.Contains(late.Seen, "bot") {
		t.Errorf("someone who came later was told %+v", late)
	}
	control.Close()
	for _, p := range people {
		p.Close()
	}
	if _, err := onlooker.View().Await(ctx, func(s Snapshot) bool { return len(s.Present) == 0 }); err != nil {
		t.Fatal(err)
	}

	sub.mu.Lock()
	defer sub.mu.Unlock()
	// The epoch as each track shows it, against that of this process.
	epoch := (time.Duration(Epoch().Unix()+2208988800)*time.Second + time.Duration(Epoch().Nanosecond())) % LoopLength
	for name, r := range sub.tracks {
		if want := clips[name].mime; r.mime != want {
			t.Errorf("%s: codec %s, want %s", name, r.mime, want)
		}
		for _, report := range r.reports {
			off := (r.phase(t, report, clips[name].rate)-epoch+LoopLength+LoopLength/2)%LoopLength - LoopLength/2
			t.Logf("%s: %d frames, %v off the epoch", name, r.packets, off)
			if off.Abs() > 10*time.Millisecond {
				t.Errorf("%s: %v off the epoch", name, off)
			}
		}
	}
}

// joinHidden enters as a recorder does.
func joinHidden(t *testing.T, server Server) *Participant {
	t.Helper()
	token := auth.NewAccessToken(server.Key, server.Secret).SetIdentity("bot").SetVideoGrant(&auth.VideoGrant{
		RoomJoin: true, Room: "r", Hidden: true, Recorder: true,
	})
	jwt, err := token.ToJWT()
	if err != nil {
		t.Fatal(err)
	}
	room, err := lksdk.ConnectToRoomWithToken(server.URL, jwt, nil, lksdk.WithAutoSubscribe(false))
	if err != nil {
		t.Fatal(err)
	}
	return &Participant{server: server, opts: Options{Room: "r", Identity: "bot"}, room: room}
}

func TestFeedBeginsAndResumesWithKeyFrames(t *testing.T) {
	c := &clip{mime: webrtc.MimeTypeVP8, clock: 90000, rate: 2, frames: [][]byte{{0}, {1}, {2}, {3}}}
	var sent bytes.Buffer
	ready := true
	f := newFeed(c, func() bool { return ready }, nil)
	base, first := f.base, f.sequence
	f.write = record(&sent, base, first)
	f.send(1) // not a key frame
	f.send(2)
	f.send(3)
	ready = false
	f.send(4)
	ready = true
	f.send(5) // was a key frame away
	f.send(6)
	f.send(9) // after a stall
	f.send(10)
	f.send(11)
	if got, want := sent.String(), "0:90000 1:135000 2:270000 3:450000 4:495000 "; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// record notes each packet as number:timestamp, both from zero.
func record(into *bytes.Buffer, base uint32, first uint16) func(*rtp.Packet, *lksdk.SampleWriteOptions) error {
	return func(p *rtp.Packet, _ *lksdk.SampleWriteOptions) error {
		fmt.Fprintf(into, "%d:%d ", p.SequenceNumber-first, p.Timestamp-base)
		return nil
	}
}

func TestAttend(t *testing.T) {
	server := startLiveKit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	host, err := Join(ctx, server, Options{Room: "r", Identity: "host"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	began := time.Now()
	guest := Options{
		Room: "r", Identity: "guest", Publish: []livekit.TrackSource{Microphone},
		JoinAfter: time.Second, LeaveAfter: 5 * time.Second,
	}
	attended := make(chan error, 1)
	go func() { attended <- Attend(ctx, server, guest) }()
	if _, err := host.View().Await(ctx, func(s Snapshot) bool { return len(s.Present) == 1 }); err != nil {
		t.Fatal(err)
	}
	if came := time.Since(began); came < guest.JoinAfter {
		t.Errorf("the guest came after %v already", came)
	}
	if _, err := host.View().Await(ctx, func(s Snapshot) bool { return len(s.Present) == 0 }); err != nil {
		t.Fatal(err)
	}
	if left := time.Since(began); left < guest.LeaveAfter {
		t.Errorf("the guest left after %v already", left)
	}
	if err := <-attended; err != nil {
		t.Error(err)
	}
}

// The SDK logs the token it joins with at level info.
func TestNoTokenIsLogged(t *testing.T) {
	server := startLiveKit(t)
	var log bytes.Buffer
	all := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, err := Join(t.Context(), server, Options{Room: "r", Identity: "p", Logger: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if bytes.Contains(log.Bytes(), []byte("eyJ")) { // how every JWT begins
		t.Errorf("a token is in the log: %s", log.Bytes())
	}
}
