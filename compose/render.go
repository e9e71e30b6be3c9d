package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/recording"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// renderer carries out one plan in one work folder.
type renderer struct {
	composer Composer
	plan     *Plan
	dir      string
	work     string
	held     string // where hold has put second names of the sources, if it has
	log      io.Writer
	tell     func(percent float64)
	chapters []chapter
}

// openSuffix is of parts that are still being written.
const openSuffix = ".open"

// path is where a source's file is, finished or not.
func (r *renderer) path(s Source) string {
	if held := filepath.Join(r.held, s.File); r.held != "" && exists(held) {
		return held
	}
	path := filepath.Join(r.dir, s.File)
	if !exists(path) && exists(path+openSuffix) {
		return path + openSuffix
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// checkSources names the part that is missing before any work is done.
func (r *renderer) checkSources() error {
	for _, s := range r.plan.Sources {
		f, err := os.OpenInRoot(r.dir, s.File)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.Open(r.path(s))
		}
		if err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "part %s: its file %s cannot be opened: it is missing or not readable. Bring it back, or exclude %.60q", s.Part, s.File, s.Participant)
		}
		info, err := f.Stat()
		_ = f.Close()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return recording.Errorf(recording.CodeComposeFailed, "part %s: its file %s is empty or no file. Bring it back, or exclude %.60q", s.Part, s.File, s.Participant)
		}
	}
	return nil
}

// task is one ffmpeg process, and what its result is kept under.
type task struct {
	file    string
	key     string
	origins []origin
	weight  float64
	draw    func() error // draws what the command reads, or nil
	command func() (args []string, graph string)
	measure func(progress) float64 // how much of weight is done
}

// render encodes what is not there yet, side by side, joins it and returns the film.
func (r *renderer) render(ctx context.Context) (string, error) {
	pieces, pictures, err := r.pictures(ctx)
	if err != nil {
		return "", err
	}
	tracks := r.plan.soundTracks()
	codec := formats[r.plan.Spec.Format].sound
	var stretches [][]stretch
	var voices []task
	for i, t := range tracks {
		list := r.plan.stretches(i, t, codec, r.cell())
		stretches = append(stretches, list)
		for k, s := range list {
			voices = append(voices, r.sound(s, codec, stretchName(i, k, codec)))
		}
	}
	if err := r.runAll(ctx, pictures, voices); err != nil {
		return "", err
	}

	sounds := make([]string, len(tracks))
	for i := range tracks {
		sounds[i] = fmt.Sprintf("sound%d.%s", i, codec.extension)
		file := func(k int) string { return filepath.Join(r.work, stretchName(i, k, codec)) }
		if err := joinSound(filepath.Join(r.work, sounds[i]), codec, stretches[i], file, samples(r.plan.Duration)); err != nil {
			return "", err
		}
	}
	film := "film." + r.plan.extension()
	return filepath.Join(r.work, film), r.join(ctx, pieces, pictures, tracks, sounds, film)
}

// cell is how much sound one process makes.
func (r *renderer) cell() time.Duration {
	if r.plan.Spec.Live {
		return liveCell
	}
	return or(r.composer.soundCell, soundCell)
}

func stretchName(track, n int, codec *soundCodec) string {
	return fmt.Sprintf("sound%d_%04d.%s", track, n, codec.extension)
}

// extension is that of the film's file name.
func (p *Plan) extension() string {
	if p.Spec.Audio == AudioMultitrack && p.Spec.Format == "opus" {
		return "mka" // Ogg has no names for tracks, and players take the first
	}
	return formats[p.Spec.Format].extension
}

// pictures lists the pieces of the film and the processes that make them. What
// is drawn is drawn now, but for timestamps.
func (r *renderer) pictures(ctx context.Context) ([]piece, []task, error) {
	if !formats[r.plan.Spec.Format].picture() {
		return nil, nil, nil
	}
	artist := newArtist(r.plan, r.work, r.dir, r.composer.Assets)
	pieces, err := r.withCopies(ctx, r.plan.pieces(r.composer.Cores))
	if err != nil {
		return nil, nil, err
	}
	tasks := make([]task, len(pieces))
	for i, p := range pieces {
		t := task{file: fmt.Sprintf("piece%04d.%s", i, formats[r.plan.Spec.Format].piece), weight: float64(p.frames) * p.segment.cost()}
		if p.copyFrom != nil {
			tasks[i] = r.copyTask(p, t)
			continue
		}
		drawn, err := artist.scene(p.segment, p.first, p.frames)
		if err != nil {
			return nil, nil, err
		}
		t.key, t.origins = r.plan.pieceKey(p, drawn.assets)
		t.command = func() ([]string, string) {
			args, graph := r.plan.pieceCommand(r.path, p.first, p.frames, drawn, t.file)
			if r.composer.Lossless {
				args = lossless(args)
			}
			return args, graph
		}
		t.draw = func() error { return r.plan.drawClock(r.work, drawn) }
		t.measure = func(now progress) float64 { return float64(now.frames) * p.segment.cost() }
		tasks[i] = t
	}
	return pieces, tasks, nil
}

// What frames cost, relative to encoding one: measured with 4, 9 and 25
// participants at standard quality. soundShare is the sound of a frame's time.
const (
	pictureShare = 0.25
	soundShare   = 0.05
)

// cost is what a frame of the segment costs to make.
func (s *Segment) cost() float64 { return 1 + pictureShare*float64(s.pictures()) }

// pictures is how many videos the segment shows.
func (s *Segment) pictures() int {
	n := 0
	for _, t := range s.Tiles {
		if t.Picture != nil {
			n++
		}
	}
	return n
}

func (r *renderer) sound(s stretch, codec *soundCodec, file string) task {
	rate := float64(r.plan.Spec.FrameRate) * soundShare
	t := task{file: file, weight: (at(s.to) - at(s.from)).Float() * rate}
	t.key, t.origins = r.plan.stretchKey(s, codec)
	t.command = func() ([]string, string) { return r.plan.soundCommand(r.path, s, codec, file) }
	t.measure = func(now progress) float64 { return min(t.weight, now.time.Seconds()*rate) }
	return t
}

// runAll makes what is not there yet. As many processes make pictures as there
// are cores and memory for, the longest first, so that all are busy to the end.
// Sound takes little beside pictures, and has one process more. What is finished
// is kept, whatever becomes of the rest.
func (r *renderer) runAll(ctx context.Context, pictures, sounds []task) error {
	done := &meter{tell: r.tell, done: map[string]float64{}}
	pictures, sounds = r.missing(pictures, done), r.missing(sounds, done)
	done.report()
	group, running := errgroup.WithContext(ctx)
	work := func(tasks []task, workers int) {
		slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(b.weight, a.weight) })
		next := make(chan task, len(tasks))
		for _, t := range tasks {
			next <- t
		}
		close(next)
		for range min(workers, len(tasks)) {
			group.Go(func() error {
				for t := range next {
					if err := r.run(running, t, func(now progress) { done.set(t, t.measure(now)) }); err != nil {
						return err
					}
					if err := cacheOf(r.dir).put(t.key, t.origins, filepath.Join(r.work, t.file)); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	workers := r.composer.parallel(r.plan)
	work(pictures, workers)
	if len(pictures) > 0 {
		workers = 1
	}
	work(sounds, workers)
	return group.Wait()
}

// missing takes what is there already, and returns the rest.
func (r *renderer) missing(tasks []task, done *meter) []task {
	kept := cacheOf(r.dir)
	var left []task
	for _, t := range tasks {
		done.total += t.weight
		if kept.take(t.key, t.origins, filepath.Join(r.work, t.file)) {
			done.done[t.file] = t.weight
			continue
		}
		left = append(left, t)
	}
	return left
}

// run writes the graph that the command refers to and runs ffmpeg.
func (r *renderer) run(ctx context.Context, t task, onProgress func(progress)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.draw != nil {
		if err := t.draw(); err != nil {
			return err
		}
	}
	args, graph := t.command()
	if err := os.WriteFile(filepath.Join(r.work, t.file+".graph"), []byte(graph), 0o644); err != nil {
		return fmt.Errorf("write filter graph: %w", err)
	}
	return r.composer.ffmpeg(ctx, r.work, r.log, args, onProgress)
}

// meter adds up how far the processes are.
type meter struct {
	mu    sync.Mutex
	total float64
	done  map[string]float64
	last  float64
	tell  func(percent float64)
}

func (m *meter) set(t task, done float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done[t.file] = done
	m.report()
}

// report tells the percentage, which never falls and leaves the last one for
// joining.
func (m *meter) report() {
	var sum float64
	for _, n := range m.done {
		sum += n
	}
	if percent := min(99, 99*sum/max(m.total, 1)); percent > m.last {
		m.last = percent
		m.tell(percent)
	}
}
