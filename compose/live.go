package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// A film that is composed live is planned again and again while its recording
// runs, and what lies far enough in the past to change no more is encoded into
// the recording's pieces. At the end the film is made like any other and finds
// most of it there. What was guessed wrong is merely encoded again.

const (
	// settled is how far behind the present a piece must end: what is on disk,
	// what clocks were fitted to, and who has come or gone are known by then.
	settled = recording.Seconds(8 * time.Second)
	// snapshotEvery is the least pause between two plans; planning takes no more
	// than a twentieth of the time.
	snapshotEvery = 5 * time.Second
	planShare     = 20
	finalEvery    = 300 * time.Millisecond
)

// errFinal ends what is encoded at low priority: the recording is over, and the
// rest is done with all cores.
var errFinal = errors.New("the recording is final")

// ahead composes what is closed until the recording is final, and returns where
// the film begins. A machine that is too slow for that falls behind, and has the
// more to do afterwards.
func (q *Queue) ahead(ctx context.Context, dir string, film recording.Composition) (zero recording.Seconds, err error) {
	pin := pinOf(dir, film.ID)
	zero = pin.read()
	work := filepath.Join(recording.CompositionsDir(dir), "."+film.ID+".live.tmp")
	defer os.RemoveAll(work)
	running, done := untilFinal(ctx, dir)
	defer done()
	for running.Err() == nil {
		began := time.Now()
		r, tasks, err := q.planAhead(running, dir, work, film, pin, &zero)
		planning := time.Since(began)
		if err == nil {
			err = q.encodeSettled(running, r, tasks)
		}
		switch code := recording.CodeOf(err); {
		case err == nil || running.Err() != nil:
		case code == recording.CodeNotReady || code == recording.CodeNoMedia || code == recording.CodeStoreUnavailable:
		case code == recording.CodeNotFound && !final(dir):
			return zero, err
		default:
			q.log.Warn("live composition goes on", "composition", film.ID, "error", err)
		}
		select {
		case <-time.After(max(snapshotEvery, planShare*planning) - time.Since(began)):
		case <-running.Done():
		}
	}
	if ctx.Err() != nil {
		return zero, context.Cause(ctx)
	}
	return zero, nil
}

// untilFinal is a context that ends when the recording has its manifest. done
// joins what looks for it.
func untilFinal(ctx context.Context, dir string) (running context.Context, done func()) {
	running, cancel := context.WithCancelCause(ctx)
	var look sync.WaitGroup
	if final(dir) {
		cancel(errFinal)
	}
	look.Go(func() {
		for tick := time.NewTicker(finalEvery); ; {
			select {
			case <-tick.C:
				if final(dir) {
					cancel(errFinal)
				}
			case <-running.Done():
				tick.Stop()
				return
			}
		}
	})
	return running, func() { cancel(nil); look.Wait() }
}

// final reports whether the recording in a directory is.
func final(dir string) bool {
	m, err := recording.ReadManifest(dir)
	return err == nil && m.State.Final()
}

// planAhead takes a snapshot of the recording and returns the pieces that have
// settled, and what makes them; nothing if none have.
func (q *Queue) planAhead(ctx context.Context, dir, work string, film recording.Composition, pin pin, zero *recording.Seconds) (*renderer, []task, error) {
	m, err := q.opts.Snapshot(ctx, film.RecordingID)
	if err != nil {
		return nil, nil, err
	}
	if *zero == noPin {
		if *zero, err = pin.write(m, film.Spec); err != nil || *zero == noPin {
			return nil, nil, err
		}
	}
	plan, err := planSettled(m, film.Spec, *zero)
	if err != nil || plan == nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, nil, fmt.Errorf("create work folder: %w", err)
	}
	c := q.composer
	c.Niceness = liveNiceness
	r := &renderer{composer: c, plan: plan, dir: dir, work: work, tell: func(float64) {}}
	if err := r.hold(); err != nil {
		return nil, nil, err
	}
	tasks, err := r.settledTasks(ctx)
	return r, tasks, err
}

// encodeSettled makes those of the pieces that are not there yet.
func (q *Queue) encodeSettled(ctx context.Context, r *renderer, tasks []task) error {
	if r == nil {
		return nil
	}
	log, err := os.Create(filepath.Join(r.work, logName))
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	defer log.Close()
	r.log = &sharedLog{w: log}
	for _, t := range tasks {
		if err := q.encodeAhead(ctx, r, t); err != nil {
			return err
		}
	}
	return nil
}

// planSettled plans what of the film has settled, or nothing.
func planSettled(m *recording.Manifest, spec recording.CompositionSpec, zero recording.Seconds) (*Plan, error) {
	if spec.Format == "people" {
		return nil, nil // each has a film of their own, of parts that are whole
	}
	horizon := m.Duration - settled
	if spec.To == 0 || spec.To > horizon {
		spec.To = horizon
	}
	if spec.To <= max(zero, spec.From) {
		return nil, nil
	}
	plan, err := planAt(m, spec, zero)
	if code := recording.CodeOf(err); code == recording.CodeNoMedia || code == recording.CodeInvalidRequest {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &plan, nil
}

// encodeAhead makes one piece unless it is kept already. All live films of the
// node take turns.
func (q *Queue) encodeAhead(ctx context.Context, r *renderer, t task) error {
	kept := cacheOf(r.dir)
	if kept.has(t.key, t.origins) {
		return nil
	}
	select {
	case q.liveWork <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := r.run(ctx, t, nil)
	<-q.liveWork
	if err != nil {
		return err
	}
	if err := kept.put(t.key, t.origins, filepath.Join(r.work, t.file)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(r.work, t.file)); err != nil {
		return fmt.Errorf("remove piece: %w", err)
	}
	return nil
}

// settledTasks are the stretches and pieces that end with their cell: the last
// ones would grow. Sound comes first, for it takes little.
func (r *renderer) settledTasks(ctx context.Context) ([]task, error) {
	var out []task
	codec := formats[r.plan.Spec.Format].sound
	for i, t := range r.plan.soundTracks() {
		for k, s := range r.plan.stretches(i, t, codec, r.cell()) {
			if s.keep >= 0 {
				out = append(out, r.sound(s, codec, stretchName(i, k, codec)))
			}
		}
	}
	pieces, pictures, err := r.pictures(ctx)
	if err != nil {
		return nil, err
	}
	for i, p := range pieces {
		if !p.grows {
			out = append(out, pictures[i])
		}
	}
	return out, nil
}

// pin remembers on disk where a live film begins, for whichever node goes on.
type pin struct{ path string }

func pinOf(dir, id string) pin {
	return pin{filepath.Join(recording.CompositionsDir(dir), "."+id+".live")}
}

func (p pin) read() recording.Seconds {
	b, err := os.ReadFile(p.path)
	zero := noPin
	if err != nil || json.Unmarshal(b, &zero) != nil {
		return noPin
	}
	return zero
}

// write settles the film's zero once the first media is old enough.
func (p pin) write(m *recording.Manifest, spec recording.CompositionSpec) (recording.Seconds, error) {
	plan, err := planAt(m, spec, noPin)
	if code := recording.CodeOf(err); code == recording.CodeNoMedia || code == recording.CodeInvalidRequest {
		return noPin, nil // there is nothing yet
	}
	if err != nil {
		return noPin, err
	}
	if plan.Takes[0].From > m.Duration-settled {
		return noPin, nil // it is too early to say
	}
	zero := plan.Takes[0].From
	return zero, recording.WriteJSON(p.path, zero)
}

func (p pin) remove() error {
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
