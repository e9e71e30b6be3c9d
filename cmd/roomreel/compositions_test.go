package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// Films that are wished when a recording starts are made by themselves; one that
// is live is composed while the meeting goes on, from parts that are being written.
func TestWishedFilms(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for i, name := range []string{"anna", "ben"} {
		p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "wished", Identity: name, Index: i, Publish: both})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
	r, err := s.api.Start(ctx, api.StartRecording{Room: "wished", Compositions: []api.FilmSpec{
		{Live: true, Width: 320, Height: 180, Extras: []string{"poster", "speakers"}}, {Format: "opus"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	pieces := func() (int, error) {
		kept, err := filepath.Glob(filepath.Join(s.data, "recordings", r.ID, "compositions", ".pieces", "*.json"))
		return len(kept), err
	}
	// The first half minute of sound and of the pictures.
	if n, err := client.Await(ctx, pieces, func(n int) bool { return n >= 2 }); err != nil {
		t.Fatalf("%d pieces were composed while the meeting went on: %v", n, err)
	}
	if _, err := s.api.Stop(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	var films []api.Composition
	for n := range 2 {
		film, err := client.Await(ctx, func() (api.Composition, error) {
			list, err := s.api.Compositions(ctx, r.ID)
			films = list
			if err != nil || len(list) <= n {
				return api.Composition{}, err
			}
			return list[n], nil
		}, func(c api.Composition) bool { return recording.CompositionState(c.State).Final() })
		if err != nil || film.State != string(recording.CompositionReady) {
			t.Fatalf("film %d is %+v, %v", n, film, err)
		}
	}
	t.Logf("both ready %v after the end", time.Since(stopped).Round(100*time.Millisecond))
	if len(films) != 2 {
		t.Errorf("there are %d films", len(films))
	}
	for _, film := range films {
		if film.Duration < 30 {
			t.Errorf("%s lasts %v s", film.ID, film.Duration)
		}
		for _, f := range film.Files {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.api.URL+f.Media, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+s.api.Key)
			req.Header.Set("Range", "bytes=4-")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusPartialContent || n != f.Bytes-4 || res.Header.Get("Content-Type") != f.MediaType {
				t.Errorf("%s: status %d, %d of %d bytes of %s, %v", f.Name, res.StatusCode, n, f.Bytes, res.Header.Get("Content-Type"), err)
			}
		}
	}
}
