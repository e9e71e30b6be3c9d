package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	finalEvery    = 300 * time.Millisecond
)

// ahead composes what is closed until the recording is final, and returns where
// the film begins.
func (q *Queue) ahead(ctx context.Context, dir string, film recording.Composition) (zero recording.Seconds, err error) {
	pin := pinOf(dir, film.ID)
	zero = pin.read()
	work := filepath.Join(recording.CompositionsDir(dir), "."+film.ID+".live.tmp")
	defer os.RemoveAll(work)
	for next := time.Now(); ; {
		if _, err := readFinal(dir); err == nil {
			return zero, nil
		}
		if ctx.Err() != nil {
			return zero, context.Cause(ctx)
		}
		if time.Now().After(next) {
			began := time.Now()
			m, err := q.opts.Snapshot(ctx, film.RecordingID)
			switch code := recording.CodeOf(err); {
			case err == nil:
				if zero == noPin {
					if zero, err = pin.write(m, film.Spec); err != nil {
						return zero, err
					}
				}
				if zero != noPin {
					err = q.encodeSettled(ctx, dir, work, m, film, zero)
				}
			case code == recording.CodeNotReady || code == recording.CodeNoMedia || code == recording.CodeStoreUnavailable:
				err = nil
			}
			if ctx.Err() != nil {
				return zero, context.Cause(ctx)
			}
			if code := recording.CodeOf(err); code == recording.CodeNotFound {
				return zero, err
			} else if err != nil {
				q.log.Warn("live composition goes on", "composition", film.ID, "error", err)
			}
			next = time.Now().Add(max(snapshotEvery, 20*time.Since(began)/21))
		}
		select {
		case <-time.After(finalEvery):
		case <-ctx.Done():
		}
	}
}

// encodeSettled encodes the pieces that have settled and are not there yet.
func (q *Queue) encodeSettled(ctx context.Context, dir, work string, m *recording.Manifest, film recording.Composition, zero recording.Seconds) error {
	horizon := m.Duration - settled
	spec := film.Spec
	if spec.To == 0 || spec.To > horizon {
		spec.To = horizon
	}
	if spec.To <= max(zero, spec.From) {
		return nil
	}
	plan, err := planAt(m, spec, zero)
	if code := recording.CodeOf(err); code == recording.CodeNoMedia || code == recording.CodeInvalidRequest {
		return nil // nothing has settled yet
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return fmt.Errorf("create work folder: %w", err)
	}
	log, err := os.Create(filepath.Join(work, logName))
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	defer log.Close()
	c := q.composer
	c.Niceness = liveNiceness
	r := renderer{composer: c, plan: &plan, dir: dir, work: work, log: &sharedLog{w: log}, tell: func(float64) {}}
	if err := r.hold(); err != nil {
		return err
	}
	tasks, err := r.settledTasks()
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if cacheOf(dir).has(t.key, t.origins) {
			continue
		}
		if _, err := readFinal(dir); err == nil {
			return nil // the rest is done with all cores
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
		if err := cacheOf(dir).put(t.key, t.origins, filepath.Join(work, t.file)); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(work, t.file)); err != nil {
			return fmt.Errorf("remove piece: %w", err)
		}
	}
	return nil
}

// settledTasks are the pieces and stretches that end with their cell: the last
// ones would grow.
func (r *renderer) settledTasks() ([]task, error) {
	pieces, pictures, err := r.pictures()
	if err != nil {
		return nil, err
	}
	var out []task
	for i, p := range pieces {
		if p.first+p.frames < r.plan.Frames {
			out = append(out, pictures[i])
		}
	}
	codec := formats[r.plan.Spec.Format].sound
	for i, t := range r.plan.soundTracks() {
		for k, s := range r.plan.stretches(i, t, codec, r.cell()) {
			if s.keep >= 0 {
				out = append(out, r.sound(s, codec, stretchName(i, k, codec)))
			}
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
