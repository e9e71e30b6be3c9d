package deliver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// A composition of a file per participant has no film of its own: its files are stored,
// with its document, and nothing else is tried.
func TestStoragePeople(t *testing.T) {
	a := newAttic(t, redisserver.Run(t).Addr, openBucket(t, startS3(t, nil)), quiet)
	runUntilEnd(t, a.storage.Uploads.Run)
	id, _ := a.recorded(5000)
	dir, err := a.storage.Archive.Dir(id)
	if err != nil {
		t.Fatal(err)
	}
	people := recording.Composition{ID: recording.NewID(recording.PrefixComposition), RecordingID: id, State: recording.CompositionReady}
	folder := filepath.Join(recording.CompositionsDir(dir), people.ID)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "01-anna.webm"), []byte("anna"), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := people.ID + ".json"
	if err := recording.WriteJSON(filepath.Join(recording.CompositionsDir(dir), doc), people); err != nil {
		t.Fatal(err)
	}
	until(t, "all is in the bucket", func() bool {
		a.settle(id)
		page, err := a.storage.Uploads.List(t.Context(), Query{Recording: id})
		if err != nil {
			return false
		}
		for _, up := range page.Items {
			if up.State == Failed {
				t.Fatalf("%s: %v", up.Path, up.Error)
			}
			if up.State != Done {
				return false
			}
		}
		return len(page.Items) == 5 // a part, journal, manifest, anna, the document
	})
	if got := a.stored(a.storage.Bucket.Location(id + "/compositions/" + people.ID + "/01-anna.webm")); string(got) != "anna" {
		t.Errorf("stored is %q", got)
	}
	if got := a.stored(a.storage.Bucket.Location(id + "/compositions/" + doc)); len(got) == 0 {
		t.Error("the document is not stored")
	}
}
