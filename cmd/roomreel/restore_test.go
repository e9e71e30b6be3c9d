package main

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// Redis has lost its memory: reindex tells it of what the folders hold, once.
func TestReindex(t *testing.T) {
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Redis.URL = t.TempDir(), redisserver.Run(t).URL()
	archive, err := recording.OpenArchive(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	m := &recording.Manifest{
		ID: recording.NewID(recording.PrefixRecording), Room: "standup", Subject: recording.Subject{Host: "anna", Labels: map[string]string{"case": "4711"}},
		State: recording.Stopped, CreatedAt: at, StartedAt: at, StoppedAt: at.Add(time.Minute), Ended: recording.EndedByStop,
		Duration: recording.Seconds(time.Minute), Participants: []recording.Participant{},
		Parts: []recording.Part{{ID: recording.NewID(recording.PrefixPart), Bytes: 1000}},
	}
	dir, err := archive.Create(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	var said []string
	for range 2 {
		var out bytes.Buffer
		if err := reindex(t.Context(), c, slog.New(slog.DiscardHandler), &out); err != nil {
			t.Fatal(err)
		}
		said = append(said, out.String())
	}
	if diff := cmp.Diff([]string{"1 recordings restored, 0 were known\n", "0 recordings restored, 1 were known\n"}, said); diff != "" {
		t.Error(diff)
	}
	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	got, err := coord.NewStore(rdb).Get(t.Context(), m.ID)
	want := recording.Recording{
		ID: m.ID, Request: recording.Request{Room: m.Room, Subject: m.Subject}, State: m.State, Ended: m.Ended,
		CreatedAt: at, StartedAt: at, StoppedAt: m.StoppedAt, Duration: m.Duration, Parts: 1, Bytes: 1000,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
