package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// Whoever wants films only keeps the parts as long as no film that was wished at the
// start holds all of them.
func TestPartsStayWithoutAWholeFilm(t *testing.T) {
	s := newArchiveStage(t)
	parts := s.partsDeleter(t)
	announceNode(t, s.store, coord.NodeOptions{Name: "other", Folder: "elsewhere", LeaseTTL: time.Minute})
	all, sound := recording.CompositionSpec{}, recording.CompositionSpec{Format: "m4a"}
	for name, tt := range map[string]struct {
		wished  []recording.CompositionSpec
		parts   int                        // that the wished films were made of
		further *recording.CompositionSpec // was made later
		last    string                     // the node that recorded last
		deleted bool
	}{
		"whole":                         {[]recording.CompositionSpec{sound, all}, 2, nil, "", true},
		"sound alone":                   {[]recording.CompositionSpec{sound}, 2, nil, "", false},
		"a quick look at it later":      {[]recording.CompositionSpec{sound}, 2, &recording.CompositionSpec{Quality: compose.QualityDraft}, "", false},
		"before a node came back":       {[]recording.CompositionSpec{all}, 1, nil, "", false},
		"no film wished":                {nil, 2, &all, "", false},
		"whole, and one of sound alone": {[]recording.CompositionSpec{all}, 2, &sound, "", true},
		"a film that is made elsewhere": {[]recording.CompositionSpec{all}, 2, nil, "other", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording.Recording{
				ID: recording.NewID(recording.PrefixRecording), State: recording.Stopped, CreatedAt: time.Now(), StoppedAt: time.Now(),
				Request: recording.Request{Room: "blue", DeleteParts: true, Compositions: tt.wished},
			}
			dir := s.keep(t, r)
			m := &recording.Manifest{ID: r.ID, Room: r.Room, State: r.State}
			for _, file := range []string{"a.webm", "b.webm"} {
				m.Parts = append(m.Parts, recording.Part{
					ID: recording.NewID(recording.PrefixPart), File: file, Tracks: []recording.Track{{Kind: recording.Video}},
				})
				if err := os.WriteFile(filepath.Join(dir, file), []byte(file), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			films := map[string]recording.CompositionSpec{}
			for n, spec := range tt.wished {
				films[compose.WishedID(r.ID, n)] = spec
			}
			if tt.further != nil {
				films[recording.NewID(recording.PrefixComposition)] = *tt.further
			}
			if err := os.MkdirAll(recording.CompositionsDir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			for id, spec := range films {
				film := recording.Composition{ID: id, RecordingID: r.ID, Spec: spec, State: recording.CompositionReady, Parts: tt.parts}
				if err := recording.WriteJSON(filepath.Join(recording.CompositionsDir(dir), id+".json"), film); err != nil {
					t.Fatal(err)
				}
			}
			if err := recording.WriteManifest(dir, m); err != nil {
				t.Fatal(err)
			}
			if tt.last != "" {
				if _, _, err := s.store.Share(t.Context(), r.ID, "elsewhere", []recording.Turn{{Epoch: 1, Node: tt.last}}, nil); err != nil {
					t.Fatal(err)
				}
			}
			deleted, err := parts.one(t.Context(), r)
			left := s.archive.Has(r.ID, "a.webm") && s.archive.Has(r.ID, "b.webm")
			if err != nil || deleted != tt.deleted || left == tt.deleted {
				t.Errorf("deleted %v, left %v: %v", deleted, left, err)
			}
		})
	}
}
