package main

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// A film that was wished and cannot be written down now, on a disk that is full,
// say, is begun once it can.
func TestWishedFilmsAreNotForgotten(t *testing.T) {
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
	dir, err := archive.Create(r.ID)
	if err != nil {
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
	obstacle := recording.CompositionsDir(dir)
	if err := os.WriteFile(obstacle, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	// There is no manifest, and the film tells so.
	film, err := queue.Get(t.Context(), r.ID, compose.WishedID(r.ID, 0))
	if err != nil || film.State != recording.CompositionFailed || film.Error.Code != recording.CodeNotFound {
		t.Errorf("the film is %+v, %v", film, err)
	}
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("on the list is %v, %v", left, err)
	}
}
