package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// Who wants films only gets rid of the parts, in the folder and in storage, once the
// films are there; a legal hold and a film that could not be made keep them.
func TestPartsAreDeleted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s := startDisks(ctx, t, true)
	p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "films", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	film := api.FilmSpec{Width: 320, Height: 180, Quality: "draft"}
	broken := film
	broken.From, broken.To = 3600, 3610 // the recording has no such hour
	wishes := map[string]api.StartRecording{
		"deleted": {Compositions: []api.FilmSpec{film}, DeleteParts: true},
		"held":    {Compositions: []api.FilmSpec{film}, DeleteParts: true, Selection: api.Selection{Streams: []string{"camera"}}},
		"failed":  {Compositions: []api.FilmSpec{film, broken}, DeleteParts: true, Selection: api.Selection{Identities: []string{"anna"}}},
		"kept":    {Compositions: []api.FilmSpec{film}, Selection: api.Selection{Kinds: []string{"audio", "video"}}},
	}
	a := s.nodes[0].api
	ids := map[string]string{}
	for name, want := range wishes {
		want.Room = "films"
		r, err := a.Start(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = r.ID
	}
	for name, id := range ids {
		if _, err := client.Await(ctx, func() (api.Recording, error) { return a.Recording(ctx, id) },
			func(r api.Recording) bool { return !r.FirstMediaAt.IsZero() }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if status := s.call(ctx, t, http.MethodPut, "/v1/recordings/"+ids["held"]+"/hold"); status != http.StatusOK {
		t.Fatalf("the hold was answered with %d", status)
	}
	for _, id := range ids {
		if _, err := a.Stop(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for name, id := range ids {
		if _, err := client.Await(ctx, func() ([]api.Composition, error) { return a.Compositions(ctx, id) }, func(films []api.Composition) bool {
			return len(films) == len(wishes[name].Compositions) && !slices.ContainsFunc(films, func(c api.Composition) bool {
				return !recording.CompositionState(c.State).Final()
			})
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	gone, err := client.Await(ctx, func() (api.Recording, error) { return a.Recording(ctx, ids["deleted"]) },
		func(r api.Recording) bool { return !r.PartsDeletedAt.IsZero() })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Await(ctx, func() (int, error) { return len(s.media(t, gone.ID)), nil }, func(n int) bool { return n == 0 }); err != nil {
		t.Fatalf("%v: %v", s.media(t, gone.ID), err)
	}
	manifest, err := client.Await(ctx, func() (api.Manifest, error) { return a.Manifest(ctx, gone.ID) }, func(m api.Manifest) bool { return !m.PartsDeleted.IsZero() })
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Parts) != 1 || manifest.Parts[0].Location != "" {
		t.Errorf("the manifest tells of %+v", manifest.Parts)
	}
	films, err := a.Compositions(ctx, gone.ID)
	if err != nil {
		t.Fatal(err)
	}
	var anew *api.Problem
	if _, err := a.Compose(ctx, gone.ID, film); !errors.As(err, &anew) || anew.Code != string(recording.CodePartsDeleted) {
		t.Errorf("another film: %v", err)
	}
	got := map[string]int{
		"part": s.call(ctx, t, http.MethodGet, manifest.Parts[0].Media),
		"film": s.call(ctx, t, http.MethodGet, films[0].Media),
	}
	if diff := cmp.Diff(map[string]int{"part": http.StatusGone, "film": http.StatusOK}, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"held", "failed", "kept"} {
		r, err := a.Recording(ctx, ids[name])
		if err != nil || !r.PartsDeletedAt.IsZero() || len(s.media(t, r.ID)) == 0 {
			t.Errorf("%s: %+v, %v, %v", name, r, s.media(t, r.ID), err)
		}
	}
}

// call returns the status of a call to the first node.
func (s *disks) call(ctx context.Context, t *testing.T, method, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, s.nodes[0].api.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.nodes[0].api.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	return res.StatusCode
}

// media lists the parts of a recording on all disks and in storage.
func (s *disks) media(t *testing.T, id string) (files []string) {
	t.Helper()
	for _, n := range s.nodes {
		i := slices.IndexFunc(n.env, func(e string) bool { return strings.HasPrefix(e, "ROOMREEL_DATA=") })
		found, err := filepath.Glob(filepath.Join(strings.TrimPrefix(n.env[i], "ROOMREEL_DATA="), "recordings", id, "*.webm"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	list, err := s.objects.ListBucket(bucketName, &gofakes3.Prefix{HasPrefix: true, Prefix: id + "/"}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		if strings.HasSuffix(o.Key, ".webm") {
			files = append(files, o.Key)
		}
	}
	return files
}
