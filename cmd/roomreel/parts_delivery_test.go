package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// Whoever wants films only and one file at a URL keeps the files while that URL has
// none, as where there are several: they are to be uploaded by hand then.
func TestPartsAwaitTheirDelivery(t *testing.T) {
	s := newArchiveStage(t)
	parts := s.partsDeleter(t)

	for name, url := range map[string]string{"deleted": "", "kept": "https://example.com/file.webm"} {
		r := recording.Recording{
			ID: recording.NewID(recording.PrefixRecording), State: recording.Stopped, CreatedAt: time.Now(), StoppedAt: time.Now(),
			Request: recording.Request{
				Room: "blue", DeleteParts: true, Compositions: []recording.CompositionSpec{{}}, Delivery: recording.Delivery{UploadURL: url},
			},
		}
		dir := s.keep(t, r)
		m := &recording.Manifest{ID: r.ID, Room: r.Room, State: r.State, Parts: []recording.Part{
			{ID: recording.NewID(recording.PrefixPart), File: "a.webm"}, {ID: recording.NewID(recording.PrefixPart), File: "b.webm"},
		}}
		if err := recording.WriteManifest(dir, m); err != nil {
			t.Fatal(err)
		}
		film, err := json.Marshal(recording.Composition{ID: compose.WishedID(r.ID, 0), RecordingID: r.ID, State: recording.CompositionReady, Parts: len(m.Parts)})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(recording.CompositionsDir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string][]byte{
			filepath.Join(dir, "a.webm"): []byte("a"), filepath.Join(dir, "b.webm"): []byte("b"),
			filepath.Join(recording.CompositionsDir(dir), compose.WishedID(r.ID, 0)+".json"): film,
		} {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		deleted, err := parts.one(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		left := s.archive.Has(r.ID, "a.webm") && s.archive.Has(r.ID, "b.webm")
		if deleted != (name == "deleted") || left != (name == "kept") {
			t.Errorf("%s: deleted %v, left %v", name, deleted, left)
		}
		_, _, err = uploads{parts.uploader, peers{archive: s.archive, store: s.store}}.file(t.Context(), r.ID, api.StartUpload{Part: m.Parts[0].ID})
		if want := map[string]recording.Code{"deleted": recording.CodePartsDeleted}[name]; recording.CodeOf(err) != want {
			t.Errorf("%s: uploading a file: %v, want %q", name, err, want)
		}
	}
}
