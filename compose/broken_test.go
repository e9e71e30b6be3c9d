package compose

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// One damaged part costs its stretch, where its participant's card stands, and is told.
func TestFilmWithoutDamagedPart(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(file string) error{
		"garbage": func(file string) error { return os.WriteFile(file, []byte("this is not a film"), 0o600) },
		"empty":   func(file string) error { return os.Truncate(file, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := meeting(t, dir,
				person{identity: "ann", colour: "red", from: 0, to: 2},
				person{identity: "ben", colour: "green", from: 0, to: 5},
				person{identity: "ann", colour: "blue", from: 2, to: 5, videoAt: 2, audioAt: 2},
			)
			m.Participants = m.Participants[:2]
			m.Participants[0].Present[0].To = sec(5)
			if err := recording.WriteManifest(dir, m); err != nil {
				t.Fatal(err)
			}
			damaged := m.Parts[2]
			if err := spoil(filepath.Join(dir, damaged.File)); err != nil {
				t.Fatal(err)
			}
			for _, format := range []string{"mp4", "people"} {
				film, err := Compose(context.Background(), dir, testSpec(format), nil)
				if err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				if film.State != recording.CompositionReady || film.Parts != 2 || len(film.Warnings) != 1 ||
					!strings.Contains(film.Warnings[0], damaged.ID) || !strings.Contains(film.Warnings[0], "from 2 to 5 s") {
					t.Errorf("%s: %+v", format, film)
				}
				if format != "mp4" {
					continue
				}
				d := decode(t, filepath.Join(recording.CompositionsDir(dir), film.File), testWidth, testHeight, testRate)
				for at, want := range map[float64]string{1.5: "red", 3.5: "card"} {
					if got := d.colour(at, 30, 60); got != want {
						t.Errorf("at %v s ann's place is %s, want %s", at, got, want)
					}
					if got := d.colour(at, 240, 90); got != "green" {
						t.Errorf("at %v s ben's place is %s", at, got)
					}
				}
			}
		})
	}
}
