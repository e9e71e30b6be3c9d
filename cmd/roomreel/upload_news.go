package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// uploadNews is the data of recording.uploaded and recording.upload_failed.
type uploadNews struct {
	Upload  string           `json:"upload_id"`
	Part    string           `json:"part,omitempty"`
	File    string           `json:"file,omitempty"`
	URL     string           `json:"url"` // redacted
	Bytes   int64            `json:"bytes"`
	Status  int              `json:"status,omitempty"` // of the last answer
	Error   *recording.Error `json:"error,omitempty"`
	Session string           `json:"session,omitempty"`
	Client  string           `json:"client,omitempty"`
}

// tell publishes the end of an upload, and tells the webhook URL of the
// recording's request. It may be repeated: the event's identifier follows from
// what it tells.
func (u *uploader) tell(ctx context.Context, r recording.Recording, part recording.Part, up deliver.Upload) error {
	kind, at, status := deliver.RecordingUploaded, up.EndedAt, 0
	if up.State == deliver.Failed {
		kind = deliver.RecordingUploadFailed
	}
	if n := len(up.Attempts); n > 0 {
		at, status = up.Attempts[n-1].At, up.Attempts[n-1].Status
	}
	data, err := json.Marshal(uploadNews{
		Upload: up.ID, Part: part.ID, File: up.Path, URL: up.URL, Bytes: up.Size, Status: status, Error: up.Error,
		Session: r.Session, Client: r.Client,
	})
	if err != nil {
		return recording.Errorf(recording.CodeInternal, "write event: %w", err)
	}
	about := fmt.Sprint(up.ID, up.State, at.UnixNano())
	e := deliver.Event{
		ID: recording.DerivedID(deliver.PrefixEvent, about), Type: kind, Time: at, RecordingID: up.RecordingID, Room: r.Room, Data: data,
	}
	var callbacks []deliver.Callback
	if r.Delivery.WebhookURL != "" && !strings.HasPrefix(up.URL, "s3:") {
		c := deliver.Callback{URL: r.Delivery.WebhookURL}
		if r.Delivery.Eyeson {
			if c.Body, err = u.eyesonBody(r, part, up, status); err != nil {
				return recording.Errorf(recording.CodeInternal, "write event: %w", err)
			}
		}
		callbacks = append(callbacks, c)
	}
	return u.hooks.Publish(ctx, e, callbacks...)
}

// callbacksOf are those that are told of a recording's own news: eyeson's
// contract knows none of them.
func callbacksOf(r recording.Recording) []deliver.Callback {
	if r.Delivery.WebhookURL == "" || r.Delivery.Eyeson {
		return nil
	}
	return []deliver.Callback{{URL: r.Delivery.WebhookURL}}
}

// eyesonBody is the body of eyeson's webhook upload_ready or upload_failed
// (Stream Recording, references/webhooks).
func (u *uploader) eyesonBody(r recording.Recording, part recording.Part, up deliver.Upload, status int) ([]byte, error) {
	if up.State == deliver.Failed {
		return json.Marshal(struct {
			Status       string `json:"status"`
			Message      string `json:"msg"`
			Recording    string `json:"rec_id"`
			Client       string `json:"client_id"`
			UploadStatus int    `json:"upload_status_code"`
		}{"upload_failed", up.Error.Error(), r.ID, r.Client, status})
	}
	moment := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
	written := r.StartedAt.Add(part.Start.Duration())
	return json.Marshal(struct {
		Status     string `json:"status"`
		Message    string `json:"msg"`
		Recording  string `json:"rec_id"`
		Client     string `json:"client_id"`
		StartedAt  string `json:"recording_started_at"`
		WrittenAt  string `json:"recording_first_frame_written_at"`
		CapturedAt string `json:"recording_first_peerframe_captured_at"`
		StoppedAt  string `json:"recording_stopped_at"`
		Duration   int64  `json:"recording_file_duration_ms"`
		Bytes      int64  `json:"recording_file_size_bytes"`
	}{
		"upload_ready", http.StatusText(http.StatusOK), r.ID, r.Client, moment(r.StartedAt), moment(written),
		moment(u.capturedAt(r, part, written)), moment(r.StoppedAt), part.Duration.Duration().Milliseconds(), up.Size,
	})
}

// capturedAt is when the beginning of a part's file was captured by the publisher's
// own clock, as the sender reports of one of its tracks tell (RFC 3550 §6.4.1).
// Without reports, or with absurd ones only, it is when it arrived: LiveKit's
// reports of redundant sound are hours off.
func (u *uploader) capturedAt(r recording.Recording, part recording.Part, arrived time.Time) time.Time {
	dir, err := u.archive.Dir(r.ID)
	if err != nil {
		return arrived
	}
	entries, _, err := recording.ReadJournal(dir)
	if err != nil {
		return arrived
	}
	for _, t := range part.Tracks {
		const absurd = time.Hour
		at, ok := fileZero(entries, part.ID, t.Number)
		if ok && at.Sub(arrived).Abs() < absurd {
			return at
		}
	}
	return arrived
}

// fileZero is the time zero of a part's file on its publisher's clock, by the
// first report of one track.
func fileZero(entries []recording.Entry, part string, number int) (time.Time, bool) {
	var track *recording.TrackEntry
	var clock *recording.ClockEntry
	for _, e := range entries {
		switch {
		case e.Track != nil && e.Track.Part == part && e.Track.Number == number:
			track = e.Track
		case e.Clock != nil && e.Clock.Part == part && e.Clock.Number == number && clock == nil:
			clock = e.Clock
		case e.Report != nil && e.Report.Part == part && e.Report.Number == number && track != nil && clock != nil && track.ClockRate > 0:
			since := float64(e.Report.RTP-clock.RTP) / float64(track.ClockRate) * float64(time.Second)
			return ntpTime(e.Report.NTP).Add(-time.Duration(since) - clock.File.Duration()), true
		}
	}
	return time.Time{}, false
}

// ntpTime is an NTP timestamp: seconds since 1900 and their 2^-32nds (RFC 5905 §6).
func ntpTime(ntp uint64) time.Time {
	const since1900 = 2_208_988_800
	return time.Unix(int64(ntp>>32)-since1900, int64((ntp&0xffffffff)*uint64(time.Second)>>32)).UTC()
}
