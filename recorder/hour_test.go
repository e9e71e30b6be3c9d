package recorder

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// numbered are packets of sound that tell which one they are; nobody decodes them.
func numbered(n int) [][]byte {
	packets := make([][]byte, n)
	for i := range packets {
		packets[i] = binary.BigEndian.AppendUint32([]byte{0x78}, uint32(i))
	}
	return packets
}

// TestStreamHour is an hour of talk, with packets of sound in clauses only (DTX), a
// microphone that is muted now and then, a publisher whose clock is off by 100 ppm,
// and a network that delays by up to 30 ms. Every frame has to lie, on the timeline,
// where it was captured, and sound and pictures have to agree in the file.
func TestStreamHour(t *testing.T) {
	const (
		length   = time.Hour
		frame    = 40 * time.Millisecond
		clause   = 3 * time.Second // of which half is talk
		muteFor  = 30 * time.Second
		mutedOf  = 5 * time.Minute
		comfort  = 400 * time.Millisecond // from one packet to the next in silence
		reportOf = 5 * time.Second
	)
	vp8 := pictures(t, "libvpx", "160x120")
	for name, ppm := range map[string]float64{"fast": 100, "slow": -100} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(st *stage) {
				random := rand.New(rand.NewPCG(1, 2))
				c := st.record(recording.Selection{})
				mic, cam := st.publish("TR_A", packet.Opus, numbered(int(length/packetTime))), st.publish("TR_V", packet.VP8, vp8)
				cam.every = 5 * frame
				for _, x := range []*sender{mic, cam} {
					x.rtp = func(n int) time.Duration { return time.Duration(float64(n) * float64(x.every) * ppm / 1e6) }
				}
				var shown []time.Duration // when the pictures were captured
				for at := time.Duration(0); at < length; at += packetTime {
					mic.latency = 20*time.Millisecond + time.Duration(random.Int64N(int64(30*time.Millisecond)))
					cam.latency = 30*time.Millisecond + time.Duration(random.Int64N(int64(30*time.Millisecond)))
					if at%reportOf == 0 {
						mic.report()
						cam.report()
					}
					muted := at%mutedOf >= mutedOf-muteFor
					if talk := at%clause < clause/2; !muted && (talk || at%comfort == 0) {
						mic.next = int(at / packetTime)
						mic.send()
					} else {
						mic.skip(packetTime)
					}
					if at%cam.every == 0 {
						shown = append(shown, at)
						cam.send()
					}
					time.Sleep(packetTime)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				m := st.stop(c)
				p := parts(t, m, 1)[0]
				_, blocks := readBlocks(t, c.file(p))
				sound, pictures := trackOf(t, p, recording.Audio), trackOf(t, p, recording.Video)
				if sound.Lost != 0 || pictures.Lost != 0 || int(pictures.Frames) != len(shown) {
					t.Fatalf("lost %d of sound and %d of pictures; %d pictures, want %d", sound.Lost, pictures.Lost, pictures.Frames, len(shown))
				}
				var onTimeline, inFile spreads
				n := 0
				for _, b := range blocks {
					var captured time.Duration
					tr := sound
					if b.Track == pictures.Number {
						captured, tr = shown[n], pictures
						n++
					} else if len(b.Payload) != 5 {
						continue // what fills the silence
					} else {
						captured = time.Duration(binary.BigEndian.Uint32(b.Payload[1:])) * packetTime
					}
					onTimeline.add(tr.At(recording.Seconds(b.Time)).Duration() - captured)
					inFile.add(b.Time - captured - time.Duration(float64(captured)*ppm/1e6))
				}
				t.Logf("on the timeline within %v, in the file within %v of the publisher's clock; residual %v", onTimeline.width(), inFile.width(), sound.Residual)
				if w := onTimeline.width(); w > frame {
					t.Errorf("frames lie within %v of where they were captured, want %v", w, frame)
				}
				if w := inFile.width(); w > frame {
					t.Errorf("sound and pictures part by %v in the file, want %v at most", w, frame)
				}
			})
		})
	}
}

// spreads is the least and the most of what was added.
type spreads struct {
	some        bool
	least, most time.Duration
}

func (s *spreads) add(d time.Duration) {
	if !s.some {
		s.some, s.least, s.most = true, d, d
	}
	s.least, s.most = min(s.least, d), max(s.most, d)
}

func (s *spreads) width() time.Duration { return s.most - s.least }
