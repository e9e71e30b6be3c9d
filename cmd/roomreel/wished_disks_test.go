package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// A film that another node has, on a disk of its own, is made here once that one lets go.
func TestWishedFilmsAreMadeWhereTheRecordingEnded(t *testing.T) {
	rdb := runRedis(t)
	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store := coord.NewStore(rdb)
	r := recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), State: recording.Stopped, CreatedAt: time.Now(), StoppedAt: time.Now(),
		Request: recording.Request{Room: "blue", Compositions: []recording.CompositionSpec{{}}},
	}
	if _, err := store.Restore(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Create(r.ID); err != nil {
		t.Fatal(err)
	}
	queue, err := compose.NewQueue(archive, compose.Options{Claims: claims{coord.NewJobs(store, "folder", "node")}})
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	films := wishedFilms{queue, store, "folder", "node", slog.New(slog.DiscardHandler)}
	if err := films.tell(t.Context(), coord.News{Kind: coord.Stopped, Recording: r}); err != nil {
		t.Fatal(err)
	}
	film, other := compose.WishedID(r.ID, 0), coord.NewJobs(store, "elsewhere", "other")
	if granted, err := other.Claim(t.Context(), film, time.Hour); err != nil || !granted {
		t.Fatal(granted, err)
	}
	films.begin(t.Context())
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) != 1 {
		t.Fatalf("while another node is at it, on the list is %v, %v", left, err)
	}
	if err := other.Release(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	if _, err := queue.Get(t.Context(), r.ID, film); err != nil {
		t.Error(err)
	}
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("on the list is %v, %v", left, err)
	}
}
