//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recorder/codec"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

func lossCommand() *cli.Command {
	return &cli.Command{
		Name:  "loss",
		Usage: "what packet loss on the way to the bot does to a recording",
		Description: "The bot sits in a network namespace that drops some of the datagrams from LiveKit (nftables, at random), and\n" +
			"records two participants. Needs root, ip, nft and nsenter; where namespaces are not permitted, the result\n" +
			"says so under \"skipped\". For each percentage, over all parts:\n\n" +
			"  decode_errors            parts that ffmpeg complains about\n" +
			"  audio_missing_s          sound that is not there: the blocks that stand for it in the file\n" +
			"  audio_reported_s         packets that the manifest calls lost, as sound\n" +
			"  audio_gaps_s             the gaps in the manifest, less the packet before each\n" +
			"  video_frozen_s           pictures that last longer than a frame and a half in the file\n" +
			"  video_reported_s         the freezes in the manifest\n" +
			"  video_unreported_s       what of video_frozen_s lies neither in a freeze nor in a gap of the manifest\n" +
			"  drift_ms                 how far flashes and beeps move against whole seconds, from first to second half\n" +
			"  skew_ms                  how late sound is against pictures, as a rule",
		Flags: []cli.Flag{
			&cli.IntSliceFlag{Name: "percent", Value: []int{1, 5, 10}, Usage: "of datagrams dropped"},
			&cli.DurationFlag{Name: "duration", Value: 30 * time.Second, Usage: "of each recording"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			result, err := measureLoss(ctx, data, cmd.Duration("duration"), cmd.IntSlice("percent"))
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// lossResult is what [lossCommand] describes.
type lossResult struct {
	Runs    []lossRun `json:"runs"`
	Skipped string    `json:"skipped,omitempty"`
}

type lossRun struct {
	Percent         int               `json:"loss_percent"`
	DecodeErrors    int               `json:"decode_errors"`
	AudioMissing    recording.Seconds `json:"audio_missing_s"`
	AudioReported   recording.Seconds `json:"audio_reported_s"`
	AudioGaps       recording.Seconds `json:"audio_gaps_s"`
	VideoFrozen     recording.Seconds `json:"video_frozen_s"`
	VideoReported   recording.Seconds `json:"video_reported_s"`
	VideoUnreported recording.Seconds `json:"video_unreported_s"`
	Drift           float64           `json:"drift_ms"`
	Skew            float64           `json:"skew_ms"`
}

// listeners is how many participants there are to be recorded.
const listeners = 2

func measureLoss(ctx context.Context, data string, duration time.Duration, percents []int) (result lossResult, err error) {
	bot, err := spawnRecorder(ctx, inNamespace, data)
	if notPermitted(err) {
		return lossResult{Skipped: "network namespaces are not permitted here: " + err.Error()}, nil
	}
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, bot.end()) }()
	network, err := newLink(ctx, bot.cmd.Process.Pid)
	if err != nil {
		return result, err
	}
	livekit, err := startLiveKit(ctx, network.near)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, livekit.end()) }()
	publisher, err := spawn(ctx, nil, "publish", crowd{listeners, 640, 360}.args(livekit.server)...)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, publisher.end()) }()
	if err := bot.join(livekit.server.URL); err != nil {
		return result, err
	}
	for _, percent := range percents {
		tell("dropping %d %% for %v", percent, duration)
		if err := network.drop(ctx, livekit.udpPort, percent); err != nil {
			return result, err
		}
		dir, err := bot.start()
		if err != nil {
			return result, err
		}
		if err := wait(ctx, duration); err != nil {
			return result, err
		}
		m, err := bot.stop()
		if err != nil {
			return result, err
		}
		r := lossRun{Percent: percent}
		if len(m.Parts) != listeners {
			return result, fmt.Errorf("%d parts were recorded, want %d", len(m.Parts), listeners)
		}
		for _, p := range m.Parts {
			if err := r.add(ctx, dir, p); err != nil {
				return result, err
			}
		}
		result.Runs = append(result.Runs, r)
	}
	return result, nil
}

// add takes in what can be seen in a part, and what the manifest says of it.
func (r *lossRun) add(ctx context.Context, dir string, p recording.Part) error {
	path := filepath.Join(dir, p.File)
	clean, err := decodes(ctx, path)
	if err != nil {
		return err
	}
	if !clean {
		r.DecodeErrors++
	}
	for _, t := range p.Tracks {
		if t.Kind == recording.Audio {
			err = r.addSound(path, t)
		} else {
			err = r.addPictures(path, t)
		}
		if err != nil {
			return err
		}
	}
	signals, err := meeting.Measure(ctx, path, meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(0)})
	if err != nil && clean {
		return err
	}
	if len(signals) == 1 {
		r.addSignal(signals[0])
	}
	return nil
}

const (
	// packetLength is how much sound the publishers put into a packet.
	packetLength = 20 * time.Millisecond
	// frameLength is how long they show a picture.
	frameLength = time.Second / 30
)

// addSound compares the blocks that stand for lost sound with what is reported.
// They are what package recorder writes: a TOC byte alone, or its silence.
func (r *lossRun) addSound(path string, t recording.Track) error {
	var missing time.Duration
	err := readBlocks(path, func(b webm.Block) {
		if b.Track == t.Number && (len(b.Payload) == 1 || bytes.Equal(b.Payload, []byte{0xf8, 0xff, 0xfe})) {
			d, _ := codec.OpusDuration(b.Payload)
			missing += d
		}
	})
	r.AudioMissing += recording.Seconds(missing)
	r.AudioReported += recording.Seconds(time.Duration(t.Lost) * packetLength)
	r.AudioGaps += recording.Seconds(length(t.Gaps) - time.Duration(len(t.Gaps))*packetLength)
	return err
}

// addPictures compares how long pictures stand still with what is reported.
func (r *lossRun) addPictures(path string, t recording.Track) error {
	explained := slices.Concat(t.Freezes, t.Gaps)
	var frozen, unexplained time.Duration
	last := time.Duration(-1)
	err := readBlocks(path, func(b webm.Block) {
		if b.Track != t.Number {
			return
		}
		if last >= 0 && b.Time-last > frameLength*3/2 {
			still := recording.Interval{From: t.At(recording.Seconds(last)), To: t.At(recording.Seconds(b.Time))}
			frozen += b.Time - last
			unexplained += uncovered(still, explained)
		}
		last = b.Time
	})
	r.VideoFrozen += recording.Seconds(frozen)
	r.VideoReported += recording.Seconds(length(t.Freezes))
	r.VideoUnreported += recording.Seconds(unexplained)
	return err
}

// uncovered is how much of an interval lies more than a frame outside all others.
func uncovered(v recording.Interval, others []recording.Interval) time.Duration {
	const margin = recording.Seconds(frameLength)
	slices.SortFunc(others, func(a, b recording.Interval) int { return int(a.From - b.From) })
	var sum recording.Seconds
	at := v.From
	for _, o := range others {
		if o.To+margin <= at {
			continue
		}
		if o.From-margin >= v.To {
			break
		}
		sum += max(0, o.From-margin-at)
		at = o.To + margin
	}
	return (sum + max(0, v.To-at)).Duration()
}

// addSignal keeps the worst drift and skew of any part.
func (r *lossRun) addSignal(s meeting.Signal) {
	r.Drift = max(r.Drift, drift(s.Flashes), drift(s.Beeps))
	var by []time.Duration
	for _, skew := range meeting.Skews(s.Flashes, s.Beeps) {
		by = append(by, skew.By)
	}
	if skew := milliseconds(middle(by)); max(skew, -skew) > max(r.Skew, -r.Skew) {
		r.Skew = skew
	}
}

// drift is how far marks move against whole seconds from their first to their
// second half, in milliseconds. Medians do not mind the beep whose first packet
// is lost, or the flash that is frozen over.
func drift(marks []time.Duration) float64 {
	var off []time.Duration
	for _, m := range marks {
		since := m - marks[0]
		off = append(off, since-since.Round(time.Second))
	}
	half := len(off) / 2
	return milliseconds((middle(off[half:]) - middle(off[:half])).Abs())
}
