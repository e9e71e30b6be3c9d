package compose

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// board is Claims for several queues in one test, as Redis would keep them.
type board struct {
	mu   sync.Mutex
	open map[string]Job
	held map[string]held
}

type held struct {
	node  string
	until time.Time
}

// nodeClaims is what one node has of a board.
type nodeClaims struct {
	*board
	node string
}

func newBoard() *board { return &board{open: map[string]Job{}, held: map[string]held{}} }

func (b *board) Offer(_ context.Context, j Job) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[j.ID] = j
	return nil
}

func (b *board) Open(context.Context) (list []Job, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, j := range b.open {
		list = append(list, j)
	}
	return list, nil
}

func (n nodeClaims) Claim(_ context.Context, id string, ttl time.Duration) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h, held := n.held[id]; held && h.node != n.node && time.Now().Before(h.until) {
		return false, nil
	}
	n.held[id] = held{n.node, time.Now().Add(ttl)}
	return true, nil
}

func (n nodeClaims) Release(_ context.Context, id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held[id].node == n.node {
		delete(n.held, id)
	}
	return nil
}

func (n nodeClaims) Done(ctx context.Context, id string) error {
	n.mu.Lock()
	delete(n.open, id)
	n.mu.Unlock()
	return n.Release(ctx, id)
}

func (b *board) holder(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[id].node
}

// Two nodes share jobs: each is made once, any node tells how far it is, and
// cancels what the other has.
func TestNodesShareJobs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, _ := archive(t, person{identity: "ann", colour: "red", to: 2})
	b := newBoard()
	var mu sync.Mutex
	begun := map[string]int{}
	notify := func(_ context.Context, film recording.Composition) {
		mu.Lock()
		defer mu.Unlock()
		if film.State == recording.CompositionRunning && film.Progress == 0 {
			begun[film.ID]++
		}
	}
	one := queue(t, a, Options{Claims: nodeClaims{b, "one"}, Notify: notify})
	two := queue(t, a, Options{Claims: nodeClaims{b, "two"}, Notify: notify})
	var films []recording.Composition
	for _, format := range []string{"mp4", "webm", "m4a", "opus"} {
		film, err := one.Start(ctx, id, testSpec(format))
		if err != nil {
			t.Fatal(err)
		}
		films = append(films, film)
	}
	for _, film := range films {
		updates, err := two.Watch(ctx, id, film.ID)
		if err != nil {
			t.Fatal(err)
		}
		until(t, updates, recording.CompositionReady)
	}
	mu.Lock()
	for _, film := range films {
		if begun[film.ID] != 1 {
			t.Errorf("%s was begun %d times", film.ID, begun[film.ID])
		}
	}
	mu.Unlock()

	long, updates := begin(t, one, id, slow)
	until(t, updates, recording.CompositionRunning)
	other := map[string]*Queue{"one": two, "two": one}[b.holder(long.ID)]
	if film, err := other.Cancel(ctx, id, long.ID); err != nil || film.State != recording.CompositionCanceled {
		t.Errorf("canceled from another node as %+v, %v", film, err)
	}
	again, err := one.Retry(ctx, id, films[0].ID)
	if recording.CodeOf(err) != recording.CodeAlreadyStopped {
		t.Errorf("a film that is ready is tried again: %+v, %v", again, err)
	}
}

// A node that was not heard of for a lease loses its job to another, which goes
// on; the first leaves the film alone.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, _ := archive(t, person{identity: "ann", colour: "red", to: 2})
	b := newBoard()
	const lease = time.Second
	first, err := NewQueue(a, Options{Claims: nodeClaims{b, "one"}, Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	film, updates := begin(t, first, id, slow)
	until(t, updates, recording.CompositionRunning)
	// Somebody else has it now.
	b.mu.Lock()
	b.held[film.ID] = held{"two", time.Now().Add(time.Hour)}
	b.mu.Unlock()
	eventually(t, "the first lets go", func() bool { _, here := first.here(film.ID); return !here })
	if got, err := first.Get(ctx, id, film.ID); err != nil || got.State != recording.CompositionRunning {
		t.Errorf("who lost the job wrote %+v, %v", got, err)
	}
	first.Close()
	b.mu.Lock()
	b.held[film.ID] = held{"two", time.Now()}
	b.mu.Unlock()
	second := queue(t, a, Options{Claims: nodeClaims{b, "two"}, Lease: lease})
	eventually(t, "the second goes on", func() bool { _, here := second.here(film.ID); return here })
	if _, err := second.Cancel(ctx, id, film.ID); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// What waits is taken by priority, then by age.
func TestOrder(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	jobs := []Job{
		{ID: "low", Priority: PriorityLow, CreatedAt: at(1)},
		{ID: "second", Priority: PriorityNormal, CreatedAt: at(3)},
		{ID: "first", Priority: PriorityNormal, CreatedAt: at(2)},
		{ID: "high", Priority: PriorityHigh, CreatedAt: at(9)},
	}
	inOrder(jobs)
	var got []string
	for _, j := range jobs {
		got = append(got, j.ID)
	}
	if want := []string{"high", "first", "second", "low"}; !slices.Equal(got, want) {
		t.Errorf("taken as %v, want %v", got, want)
	}
}

// A film that a recording was started with is made once, whoever asks.
func TestWishedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, _ := archive(t, person{identity: "ann", colour: "red", to: 1})
	b := newBoard()
	one, two := queue(t, a, Options{Claims: nodeClaims{b, "one"}}), queue(t, a, Options{Claims: nodeClaims{b, "two"}})
	var all sync.WaitGroup
	for range 3 {
		for _, q := range []*Queue{one, two} {
			all.Go(func() {
				if _, err := q.StartWished(ctx, id, 0, testSpec("opus")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	eventually(t, "it is ready", func() bool {
		films, err := one.List(ctx, id)
		return err == nil && len(films) == 1 && films[0].State == recording.CompositionReady
	})
	if _, err := two.StartWished(ctx, id, 0, testSpec("opus")); err != nil {
		t.Error(err)
	}
	if _, err := two.StartWished(ctx, id, 1, recording.CompositionSpec{Layout: "spiral"}); err != nil {
		t.Error(err)
	}
	films, err := two.List(ctx, id)
	if err != nil || len(films) != 2 {
		t.Fatalf("films: %+v, %v", films, err)
	}
	i := slices.IndexFunc(films, func(f recording.Composition) bool { return f.State == recording.CompositionFailed })
	if i < 0 || films[i].Error == nil || films[i].Error.Code != recording.CodeInvalidRequest {
		t.Errorf("what cannot be made is left as %+v", films)
	}
}

// Films are listed by when they were asked for, also those that were wished, and
// whose identifiers tell nothing of time.
func TestListIsInOrder(t *testing.T) {
	t.Parallel()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	q := queue(t, a, Options{})
	var want []string
	for n := range 6 {
		film := newComposition(id, testSpec("opus"))
		film.State, film.CreatedAt = recording.CompositionReady, now().Add(time.Duration(n)*time.Minute)
		if n%2 == 0 {
			film.ID = WishedID(id, n)
		}
		want = append(want, film.ID)
		if err := save(dir, film); err != nil {
			t.Fatal(err)
		}
	}
	films, err := q.List(t.Context(), id)
	var got []string
	for _, film := range films {
		got = append(got, film.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("listed as %v, %v, not %v", got, err, want)
	}
}

// A wish that is broken off by a shutdown has not failed.
func TestWishedLater(t *testing.T) {
	t.Parallel()
	a, id, _ := archive(t, person{identity: "ann", colour: "red", to: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := queue(t, a, Options{Fetch: func(ctx context.Context, _ string, _ ...string) error {
		cancel()
		return ctx.Err()
	}})
	spec := testSpec("mp4")
	spec.External = []recording.ExternalVideo{{File: "away.mp4", Participant: "ann"}}
	check := func(ctx context.Context) {
		t.Helper()
		if _, err := q.StartWished(ctx, id, 0, spec); err == nil {
			t.Error("nothing tells that it is to be wished again")
		}
		if film, err := q.Get(t.Context(), id, WishedID(id, 0)); recording.CodeOf(err) != recording.CodeNotFound {
			t.Errorf("it is left as %+v, %v", film, err)
		}
	}
	check(ctx)
	q.Close()
	check(t.Context())
}

// Who is told that a film failed may have it tried again at once, on any node.
func TestRetryWhenTold(t *testing.T) {
	t.Parallel()
	a, id, _ := archive(t, person{identity: "ann", colour: "red", to: 1})
	b := newBoard()
	failed := filepath.Join(t.TempDir(), "failed")
	program, _ := wrapper(t, "if mkdir '"+failed+"'; then exit 1; fi")
	two := queue(t, a, Options{Claims: nodeClaims{b, "two"}})
	var one *Queue
	told := make(chan error, 1)
	made := queue(t, a, Options{FFmpeg: program, Claims: nodeClaims{b, "one"}, Notify: func(ctx context.Context, film recording.Composition) {
		if film.State != recording.CompositionFailed {
			return
		}
		got, err := one.Get(ctx, id, film.ID)
		if err == nil && got.State != film.State {
			err = fmt.Errorf("it is %s still", got.State)
		}
		if err == nil {
			_, err = two.Retry(ctx, id, film.ID)
		}
		told <- err
	}})
	one = made
	film, _ := begin(t, one, id, testSpec("mp4"))
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is ready", func() bool {
		got, err := two.Get(t.Context(), id, film.ID)
		return err == nil && got.State == recording.CompositionReady
	})
}

// Who watches a film hears of its end also when it is deleted, and so does who
// cancels it.
func TestDeletedWhileWatched(t *testing.T) {
	t.Parallel()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	b := newBoard()
	q := queue(t, a, Options{Claims: nodeClaims{b, "one"}})
	film := newComposition(id, testSpec("mp4"))
	if granted, err := (nodeClaims{b, "two"}).Claim(t.Context(), film.ID, time.Hour); !granted || err != nil {
		t.Fatal(granted, err)
	}
	if err := save(dir, film); err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(t.Context(), id, film.ID)
	if err != nil {
		t.Fatal(err)
	}
	canceled := make(chan error, 1)
	go func() {
		_, err := q.Cancel(t.Context(), id, film.ID)
		canceled <- err
	}()
	eventually(t, "the other node is asked to cancel", func() bool { return exists(q.cancelMark(film)) })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range updates {
	}
	if err := <-canceled; recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("cancel: %v", err)
	}
}

// wrapper is an ffmpeg that writes down what it is asked, and fails or dies as told.
func wrapper(t *testing.T, script string) (program, calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	program = filepath.Join(dir, "ffmpeg")
	text := "#!/bin/sh\nfor last; do :; done\necho \"$last\" >> " + calls + "\n" + script + "\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return program, calls
}

// encoded is what was encoded: the outputs of calls that are no joins.
func encoded(t *testing.T, calls string) []string {
	t.Helper()
	b, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(strings.Fields(string(b)), func(name string) bool { return strings.HasPrefix(name, "film.") })
	slices.Sort(list)
	return list
}

// After ffmpeg was killed or the disk was full the state is clear, what was
// finished stays, and a retry encodes only the rest.
func TestRetryGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble string
		code    recording.Code
	}{
		"ffmpeg is killed": {`case "$last" in piece0001*) (until [ -s "$last" ]; do sleep 0.01; done; kill -9 $$) > /dev/null 2>&1 & esac`, recording.CodeComposeFailed},
		"disk is full":     {`case "$last" in piece0001*) echo "[error] av_interleaved_write_frame(): No space left on device" >&2; exit 1;; esac`, recording.CodeDiskFull},
	} {
		t.Run(name, func(t *testing.T) {
			a, id, dir := archive(t,
				person{identity: "ann", colour: "red", to: 4},
				person{identity: "bob", colour: "green", from: 2, videoAt: 2, audioAt: 2, to: 4},
			)
			kept := filepath.Join(recording.CompositionsDir(dir), cacheName, "*.json")
			wait := `case "$last" in piece0001*) until ls ` + kept + ` > /dev/null 2>&1; do sleep 0.01; done; esac` // for one that is finished
			broken, _ := wrapper(t, wait+"\n"+c.trouble)
			q := queue(t, a, Options{FFmpeg: broken})
			film, updates := begin(t, q, id, testSpec("mp4"))
			failed := until(t, updates, recording.CompositionFailed)
			if failed.Error == nil || failed.Error.Code != c.code || strings.Contains(failed.Error.Message, "\n") {
				t.Errorf("failed as %+v", failed.Error)
			}
			eventually(t, "the job is gone", func() bool { _, here := q.here(film.ID); return !here })
			q.Close()

			done, err := filepath.Glob(kept)
			if err != nil || len(done) == 0 {
				t.Fatalf("nothing was kept: %v", err)
			}
			whole, calls := wrapper(t, "")
			next := queue(t, a, Options{FFmpeg: whole})
			ready := retry(t, next, id, film.ID)
			if ready.Error != nil || ready.Bytes == 0 {
				t.Errorf("made as %+v", ready)
			}
			again := encoded(t, calls)
			if len(again)+len(done) != 3 || !slices.Contains(again, "piece0001.mp4") {
				t.Errorf("%d pieces were kept, and %v encoded again", len(done), again)
			}
			d := decode(t, filepath.Join(recording.CompositionsDir(dir), ready.File), testWidth, testHeight, testRate)
			if a, b := d.colour(1.5, 80, 90), d.colour(3.5, 240, 90); a != "red" || b != "green" {
				t.Errorf("the film shows %s, then %s", a, b)
			}
		})
	}
}

// Another range of the same recording finds what it shares with the first film.
func TestCacheServesOtherFilms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir,
		person{identity: "ann", colour: "red", to: 6},
		person{identity: "bob", colour: "green", from: 2, videoAt: 2, audioAt: 2, to: 4},
	)
	program, calls := wrapper(t, "")
	c := Composer{FFmpeg: program, KeepPieces: true}
	films := func(spec recording.CompositionSpec) []string {
		t.Helper()
		if err := os.WriteFile(calls, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Compose(context.Background(), dir, spec, nil); err != nil {
			t.Fatal(err)
		}
		return encoded(t, calls)
	}
	spec := testSpec("mp4")
	if got := films(spec); len(got) != 4 {
		t.Errorf("at first %v were encoded", got)
	}
	if got := films(spec); len(got) != 0 {
		t.Errorf("the same film again encoded %v", got)
	}
	spec.From = sec(1)
	if got := films(spec); !reflect.DeepEqual(got, []string{"piece0000.mp4", "sound0_0000.aac"}) {
		t.Errorf("a later beginning encoded %v", got)
	}
	spec.Layout, spec.From = "speaker", 0
	if got := films(spec); len(got) == 0 {
		t.Error("another layout encoded nothing")
	}
	if err := prune([]cache{cacheOf(dir)}, func(cache) bool { return false }, time.Hour, 1<<30); err != nil {
		t.Fatal(err)
	}
	if got := films(spec); len(got) != 0 {
		t.Errorf("after pieces in use were pruned %v were encoded", got)
	}
	if err := prune([]cache{cacheOf(dir)}, func(cache) bool { return false }, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cacheOf(dir).dir); err == nil {
		t.Error("pieces stay after they were pruned")
	}
}

// What was used longest ago goes first, whosever it is; what a live film is
// made of stays.
func TestPrune(t *testing.T) {
	t.Parallel()
	var caches []cache
	piece := func(c cache, name string, age time.Duration) string {
		path := filepath.Join(c.dir, name)
		then := time.Now().Add(-age)
		if err := errors.Join(os.MkdirAll(c.dir, 0o755), os.WriteFile(path+".mp4", make([]byte, 100), 0o600), os.WriteFile(path+".json", nil, 0o600), os.Chtimes(path+".mp4", then, then)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for range 4 { // the last one has none
		caches = append(caches, cacheOf(t.TempDir()))
	}
	aged, older, newer := piece(caches[0], "aged", 3*time.Hour), piece(caches[0], "older", 2*time.Minute), piece(caches[1], "newer", time.Minute)
	oldest := piece(caches[1], "oldest", 3*time.Minute)
	live := piece(caches[2], "live", 5*time.Hour)
	needed := func(c cache) bool { return c == caches[2] }
	left := func() (names []string) {
		for _, path := range []string{aged, oldest, older, newer, live} {
			if exists(path+".mp4") != exists(path+".json") {
				t.Errorf("%s is torn", filepath.Base(path))
			}
			if exists(path + ".mp4") {
				names = append(names, filepath.Base(path))
			}
		}
		return names
	}
	for _, step := range []struct {
		size int64
		want []string
	}{{1000, []string{"oldest", "older", "newer", "live"}}, {300, []string{"older", "newer", "live"}}, {250, []string{"newer", "live"}}, {10, []string{"live"}}} {
		if err := prune(caches, needed, time.Hour, step.size); err != nil {
			t.Fatal(err)
		}
		if got := left(); !slices.Equal(got, step.want) {
			t.Errorf("of %d bytes %v are left, not %v", step.size, got, step.want)
		}
	}
	if exists(caches[0].dir) || !exists(caches[2].dir) {
		t.Error("an empty folder is left, or one in use is not")
	}
}

// A folder of pieces that is needed stays while its first piece is put there.
func TestPruneLeavesFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := cacheOf(dir)
	ctx, cancel := context.WithCancel(t.Context())
	var tidying sync.WaitGroup
	tidying.Go(func() {
		for ctx.Err() == nil {
			if err := prune([]cache{c}, func(cache) bool { return true }, time.Hour, 1<<30); err != nil {
				t.Error(err)
			}
		}
	})
	defer func() { cancel(); tidying.Wait() }()
	for range 50 {
		piece := filepath.Join(dir, "piece.mp4")
		if err := os.WriteFile(piece, []byte("piece"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := c.put("key", nil, piece); err != nil {
			t.Fatal(err)
		}
		if err := c.clear(); err != nil {
			t.Fatal(err)
		}
	}
}

// A part that is in storage only is brought back for the film, and is used
// although it is released again at once. So are a video from outside and a
// picture that were put into storage.
func TestFetch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
	part := filepath.Join(dir, m.Parts[0].File)
	away := filepath.Join(t.TempDir(), "away.webm")
	if err := os.Rename(part, away); err != nil {
		t.Fatal(err)
	}
	program, _ := wrapper(t, "rm -f '"+part+"'")
	logo := image.NewRGBA(image.Rect(0, 0, 30, 30))
	draw.Draw(logo, logo.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	storage := t.TempDir()
	if err := writePNG(filepath.Join(storage, "logo.png"), logo); err != nil {
		t.Fatal(err)
	}
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=blue:s=320x180:r=30:d=1", "-c:v", "libx264", "-preset", "ultrafast", filepath.Join(storage, "ann.mp4"))
	var asked []string
	c := Composer{FFmpeg: program, Fetch: func(_ context.Context, id string, files ...string) error {
		if id != m.ID {
			t.Errorf("fetch of %s", id)
		}
		asked = append(asked, files...)
		for _, file := range files {
			from := filepath.Join(storage, filepath.Base(file))
			if file == m.Parts[0].File {
				from = away
			}
			b, err := os.ReadFile(from)
			if err != nil {
				return err
			}
			to := filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644)); err != nil {
				return err
			}
		}
		return nil
	}}
	spec := testSpec("mp4")
	spec.Logo = &recording.Logo{File: "logo.png", Height: 20}
	spec.External = []recording.ExternalVideo{{File: "uploads/ann.mp4", Participant: "ann"}}
	film, err := c.Compose(context.Background(), dir, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := decode(t, filepath.Join(recording.CompositionsDir(dir), film.File), testWidth, testHeight, testRate)
	if a, b := d.colour(0.5, 100, 100), d.colour(0.5, 300, 20); a != "blue" || b != "white" {
		t.Errorf("the film shows %s, and %s for a logo", a, b)
	}
	if want := []string{"uploads/ann.mp4", "assets/logo.png", m.Parts[0].File}; !slices.Equal(asked, want) {
		t.Errorf("%q were asked for, not %q", asked, want)
	}
	spec.External[0].File = "none.mp4"
	if _, err := c.Compose(context.Background(), dir, spec, nil); recording.CodeOf(err) != recording.CodeInvalidRequest || !strings.Contains(err.Error(), "none.mp4") {
		t.Errorf("a video that is nowhere: %v", err)
	}
}

// Parts may be released while a film is made of each participant, and videos from
// outside may have one name in two folders.
func TestSourcesAreHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "ann", colour: "red", to: 1}, person{identity: "bob", colour: "red", to: 1})
	spec := testSpec("mp4")
	for who, colour := range map[string]string{"ann": "blue", "bob": "green"} {
		file := filepath.Join(who, "camera.mp4")
		if err := os.Mkdir(filepath.Join(dir, who), 0o755); err != nil {
			t.Fatal(err)
		}
		tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c="+colour+":s=320x180:r=30:d=1", "-c:v", "libx264", "-preset", "ultrafast", filepath.Join(dir, file))
		spec.External = append(spec.External, recording.ExternalVideo{File: file, Participant: who})
	}
	program, _ := wrapper(t, "rm -f '"+dir+"'/*.webm")
	c := Composer{FFmpeg: program, Fetch: func(context.Context, string, ...string) error { return nil }}
	film, err := c.Compose(t.Context(), dir, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := decode(t, filepath.Join(recording.CompositionsDir(dir), film.File), testWidth, testHeight, testRate)
	if ann, bob := d.colour(0.5, 80, 90), d.colour(0.5, 240, 90); ann != "blue" || bob != "green" {
		t.Errorf("ann's video is %s and bob's %s", ann, bob)
	}

	for _, p := range m.Parts {
		tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=320x180:r=30:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libvpx", "-c:a", "libopus", filepath.Join(dir, p.File))
	}
	film, err = c.Compose(t.Context(), dir, recording.CompositionSpec{Format: "people"}, nil)
	if err != nil || len(film.Files) != 2 {
		t.Errorf("of parts that were released %v were made: %v", film.Files, err)
	}
}
