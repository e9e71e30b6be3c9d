package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// archiveStage is a data folder and the records of what is in it.
type archiveStage struct {
	rdb     *redis.Client
	archive recording.Archive
	store   *coord.Store
}

func newArchiveStage(t *testing.T) archiveStage {
	t.Helper()
	rdb := runRedis(t)
	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return archiveStage{rdb, archive, coord.NewStore(rdb)}
}

// keep puts a recording there and returns its directory.
func (s archiveStage) keep(t *testing.T, r recording.Recording) (dir string) {
	t.Helper()
	dir, err := s.archive.Create(r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Restore(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return dir
}

// queue makes films there until the test ends.
func (s archiveStage) queue(t *testing.T, o compose.Options) *compose.Queue {
	t.Helper()
	queue, err := compose.NewQueue(s.archive, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(queue.Close)
	return queue
}

// partsDeleter deletes parts there.
func (s archiveStage) partsDeleter(t *testing.T) partsDeleter {
	t.Helper()
	return partsDeleter{&uploader{
		archive: s.archive, store: s.store, log: slog.New(slog.DiscardHandler),
		uploads: deliver.NewUploads(s.rdb, deliver.UploadOptions{Dir: s.archive.Root()}),
	}, s.queue(t, compose.Options{})}
}

// wish keeps a recording that has ended, and has it on the list for the film that it
// was started with.
func (s archiveStage) wish(t *testing.T) (films wishedFilms, id, dir string) {
	t.Helper()
	r := recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), State: recording.Stopped, CreatedAt: time.Now(), StoppedAt: time.Now(),
		Request: recording.Request{Room: "blue", Compositions: []recording.CompositionSpec{{}}},
	}
	dir = s.keep(t, r)
	queue := s.queue(t, compose.Options{Claims: claims{coord.NewJobs(s.store, "folder", "node")}})
	films = wishedFilms{queue, s.store, "folder", "node", slog.New(slog.DiscardHandler)}
	if err := films.tell(t.Context(), coord.News{Kind: coord.Stopped, Recording: r}); err != nil {
		t.Fatal(err)
	}
	return films, r.ID, dir
}

// endedAt is a recording that ended then.
func endedAt(at time.Time) recording.Recording {
	return recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "blue"},
		State: recording.Stopped, CreatedAt: at, StoppedAt: at,
	}
}
