package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roomreel/roomreel/recording"
)

// composerArchive and composerFFmpeg make this program a composer, which
// works until it is killed.
const (
	composerArchive = "ROOMREEL_TEST_ARCHIVE"
	composerFFmpeg  = "ROOMREEL_TEST_FFMPEG"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(composerArchive); root != "" {
		composeUntilKilled(root, os.Getenv(composerFFmpeg))
	}
	goleak.VerifyTestMain(m)
}

func composeUntilKilled(root, ffmpeg string) {
	a, err := recording.OpenArchive(root)
	if err == nil {
		_, err = NewQueue(a, Options{FFmpeg: ffmpeg})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// archive makes an archive with one recording of the given people.
func archive(t *testing.T, people ...person) (recording.Archive, string, string) {
	t.Helper()
	a, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := recording.NewID(recording.PrefixRecording)
	dir, err := a.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	meeting(t, dir, people...)
	return a, id, dir
}

func queue(t *testing.T, a recording.Archive, opts Options) *Queue {
	t.Helper()
	q, err := NewQueue(a, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// begin starts a film and watches it.
func begin(t *testing.T, q *Queue, recordingID string, spec recording.CompositionSpec) (recording.Composition, <-chan recording.Composition) {
	t.Helper()
	film, err := q.Start(t.Context(), recordingID, spec)
	if err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(t.Context(), recordingID, film.ID)
	if err != nil {
		t.Fatal(err)
	}
	return film, updates
}

// retry tries a film again, until it is ready.
func retry(t *testing.T, q *Queue, recordingID, film string) recording.Composition {
	t.Helper()
	if _, err := q.Retry(t.Context(), recordingID, film); err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(t.Context(), recordingID, film)
	if err != nil {
		t.Fatal(err)
	}
	return until(t, updates, recording.CompositionReady)
}

// slow is a wish that takes long enough to be interrupted: seconds of work.
var slow = recording.CompositionSpec{Width: 3840, Height: 2160, FrameRate: 60}

func folder(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(recording.CompositionsDir(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != cacheName {
			names = append(names, e.Name())
		}
	}
	return names
}

// until reads states until one is in the wanted state.
func until(t *testing.T, updates <-chan recording.Composition, state recording.CompositionState) recording.Composition {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		select {
		case c, open := <-updates:
			if !open {
				t.Fatalf("closed before it was %s", state)
			}
			if c.State == state {
				return c
			}
		case <-limit:
			t.Fatalf("not %s within five minutes", state)
		}
	}
}

func TestQueueMakesFilms(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 2})
	q := queue(t, a, Options{})
	first, err := q.Start(ctx, id, testSpec("mp4"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := q.Start(ctx, id, testSpec("webm"))
	if err != nil {
		t.Fatal(err)
	}
	if first.State != recording.CompositionQueued || first.Spec.Layout != DefaultLayout || recording.CheckID(recording.PrefixComposition, first.ID) != nil {
		t.Errorf("started as %+v", first)
	}
	updates, err := q.Watch(ctx, id, second.ID)
	if err != nil {
		t.Fatal(err)
	}
	ready := until(t, updates, recording.CompositionReady)
	if _, open := <-updates; open {
		t.Error("not closed after the final state")
	}
	if ready.Progress != 100 || ready.File != second.ID+".webm" || ready.FinishedAt.IsZero() {
		t.Errorf("ready as %+v", ready)
	}
	film, err := a.OpenFilm(ready)
	if err != nil {
		t.Fatal(err)
	}
	film.Close()
	list, err := q.List(ctx, id)
	if err != nil || len(list) != 2 || list[0].ID != first.ID || !reflect.DeepEqual(list[1], ready) || list[0].State != recording.CompositionReady {
		t.Errorf("list: %v %+v", err, list)
	}
	if n := folder(t, dir); len(n) != 4 {
		t.Errorf("the folder has %q", n)
	}
	// What is final can be watched and canceled without effect.
	if c, err := q.Cancel(ctx, id, first.ID); err != nil || !reflect.DeepEqual(c, list[0]) {
		t.Errorf("cancel of a final one: %v %+v", err, c)
	}
	if err := ContactSheet(ctx, filepath.Join(recording.CompositionsDir(dir), ready.File), filepath.Join(dir, "sheet.png"), 2, 2); err != nil {
		t.Error(err)
	}
}

func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	q := queue(t, a, Options{Backlog: 1})
	unknown, none := recording.NewID(recording.PrefixRecording), recording.NewID(recording.PrefixComposition)
	start := func(id string, spec recording.CompositionSpec) error {
		_, err := q.Start(ctx, id, spec)
		return err
	}
	get := func(rec, id string) error {
		_, err := q.Get(ctx, rec, id)
		return err
	}
	_, watchErr := q.Watch(ctx, id, none)
	_, cancelErr := q.Cancel(ctx, id, none)
	_, listErr := q.List(ctx, unknown)
	for name, c := range map[string]struct {
		err  error
		code recording.Code
	}{
		"path for an id":      {start("../"+id, slow), recording.CodeInvalidID},
		"unknown recording":   {start(unknown, slow), recording.CodeNotFound},
		"unknown layout":      {start(id, recording.CompositionSpec{Layout: "x"}), recording.CodeInvalidRequest},
		"get with a path":     {get(id, "../../recording"), recording.CodeInvalidID},
		"unknown composition": {get(id, none), recording.CodeNotFound},
		"watch of unknown":    {watchErr, recording.CodeNotFound},
		"cancel of unknown":   {cancelErr, recording.CodeNotFound},
		"list of unknown":     {listErr, recording.CodeNotFound},
	} {
		if recording.CodeOf(c.err) != c.code {
			t.Errorf("%s: got %v, want %s", name, c.err, c.code)
		}
	}
	running, err := q.Start(ctx, id, slow)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := q.Start(ctx, id, slow)
	if err != nil {
		t.Fatal(err)
	}
	if err := start(id, slow); recording.CodeOf(err) != recording.CodeCapacity {
		t.Errorf("a full queue says %v", err)
	}
	for _, c := range []recording.Composition{waiting, running} {
		if got, err := q.Cancel(ctx, id, c.ID); err != nil || got.State != recording.CompositionCanceled || got.Error == nil {
			t.Errorf("canceled as %+v, %v", got, err)
		}
	}
	for _, name := range folder(t, dir) {
		if !strings.HasSuffix(name, ".json") {
			t.Errorf("left behind: %s", name)
		}
	}
	m, err := a.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	m.State = recording.Active
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if err := start(id, slow); recording.CodeOf(err) != recording.CodeNotReady {
		t.Errorf("a running recording says %v", err)
	}
	m.State, m.Parts = recording.Stopped, nil
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if err := start(id, slow); recording.CodeOf(err) != recording.CodeNoMedia {
		t.Errorf("an empty recording says %v", err)
	}
}

// A queue that is closed over its work leaves it to the next.
func TestQueueGoesOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	q := queue(t, a, Options{})
	running, err := q.Start(ctx, id, recording.CompositionSpec{Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := q.Start(ctx, id, testSpec("mp4"))
	if err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(ctx, id, running.ID)
	if err != nil {
		t.Fatal(err)
	}
	until(t, updates, recording.CompositionRunning)
	q.Close()
	q.Close()
	if _, err := q.Start(ctx, id, slow); recording.CodeOf(err) != recording.CodeCapacity {
		t.Errorf("a closed queue says %v", err)
	}
	for _, name := range folder(t, dir) {
		if !strings.HasSuffix(name, ".json") {
			t.Errorf("left behind: %s", name)
		}
	}
	// What a crash leaves does no harm.
	if err := os.MkdirAll(filepath.Join(recording.CompositionsDir(dir), "."+running.ID+".tmp", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recording.CompositionsDir(dir), recording.NewID(recording.PrefixComposition)+".json"), []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	next := queue(t, a, Options{Parallel: 2})
	for _, c := range []recording.Composition{running, waiting} {
		updates, err := next.Watch(ctx, id, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := until(t, updates, recording.CompositionReady); got.Width != c.Spec.Width {
			t.Errorf("made again as %+v", got)
		}
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 4})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	film, err := Compose(ctx, dir, slow, func(c recording.Composition) {
		if c.Progress > 0 {
			cancel()
		}
	})
	if recording.CodeOf(err) != recording.CodeCanceled || film.State != recording.CompositionCanceled {
		t.Fatalf("got %v, %+v", err, film)
	}
	if film.Progress == 0 || film.Progress > 90 {
		t.Errorf("it was canceled at %v %%, not at once", film.Progress)
	}
	if left := folder(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// hostile are names that must not reach a shell, a filter or a file name.
var hostile = []string{
	strings.Repeat("W", 300), `';"$(touch pwned)` + "`id`", "a:b,c[d]=e%{pts}\\:%%", "new\nline\r\x00\x1b[31m", "🎉 李雷 مرحبا", "", "\xff\xfe", "../../etc/passwd",
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, `it's "50%": a [room], x=y;`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var people []person
	for i, name := range hostile {
		people = append(people, person{identity: name + string(rune('a'+i)), name: name, colour: "red", to: 1, noVideo: i%2 == 0, noAudio: i%2 == 1})
	}
	meeting(t, dir, people...)
	film, err := Compose(context.Background(), dir, recording.CompositionSpec{Width: 640, Height: 360}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := folder(t, dir); len(n) != 2 {
		t.Errorf("the folder has %q", n)
	}
	if d := film.Duration - sec(1); d < 0 || d > sec(0.025) {
		t.Errorf("film lasts %v", film.Duration)
	}
}
