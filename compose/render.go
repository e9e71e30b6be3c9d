package compose

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
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
	log      io.Writer
	tell     func(percent float64)
}

// piece is what one ffmpeg process encodes: a segment or a stretch of a long one.
type piece struct {
	segment       *Segment
	first, frames int
	file          string
}

const (
	// A cut costs the decoding since the keyframe before it, so pieces are
	// long; but every core should have one, and the last must not run alone
	// for ever.
	minPiece = 15 * time.Second
	maxPiece = 5 * time.Minute
)

// pieces divides the film so that n processes are busy.
func (p *Plan) pieces(n int) []piece {
	rate := p.Spec.FrameRate
	frames := func(d time.Duration) int { return int(d.Seconds() * float64(rate)) }
	aim := min(max((p.Frames+n-1)/n, frames(minPiece)), frames(maxPiece))
	var out []piece
	for i := range p.Segments {
		s := &p.Segments[i]
		parts := max(1, (s.Frames+aim/2)/aim)
		for k := range parts {
			from, to := s.Frames*k/parts, s.Frames*(k+1)/parts
			out = append(out, piece{
				segment: s, first: s.First + from, frames: to - from,
				file: fmt.Sprintf("piece%04d.%s", len(out), formats[p.Spec.Format].piece),
			})
		}
	}
	return out
}

func (r *renderer) path(s Source) string { return filepath.Join(r.dir, s.File) }

// checkSources names the part that is missing before any work is done.
func (r *renderer) checkSources() error {
	for _, s := range r.plan.Sources {
		f, err := os.OpenInRoot(r.dir, s.File)
		if err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "part %s: its file %s cannot be opened: it is missing or not readable", s.Part, s.File)
		}
		info, err := f.Stat()
		_ = f.Close()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return recording.Errorf(recording.CodeComposeFailed, "part %s: its file %s is empty or no file", s.Part, s.File)
		}
	}
	return nil
}

// render makes pieces and sound side by side, joins them and returns the film.
func (r *renderer) render(ctx context.Context) (string, error) {
	pieces := r.plan.pieces(r.composer.Cores)
	done := newMeter(r.plan, r.tell)
	sound := "sound." + formats[r.plan.Spec.Format].sound
	artist := newArtist(r.plan, r.work, r.dir, r.composer.Assets)
	scenes := make(map[string]sceneArt, len(pieces))
	for _, p := range pieces {
		drawn, err := artist.scene(p.segment, p.first, p.frames)
		if err != nil {
			return "", err
		}
		scenes[p.file] = drawn
	}

	group, running := errgroup.WithContext(ctx)
	group.SetLimit(r.composer.Cores)
	group.Go(func() error {
		args, graph := r.plan.soundCommand(r.path, sound)
		return r.run(running, sound, args, graph, func(p progress) { done.sound(p.time) })
	})
	for i, p := range pieces {
		group.Go(func() error {
			args, graph := r.plan.pieceCommand(r.path, p.first, p.frames, scenes[p.file], p.file)
			return r.run(running, p.file, args, graph, func(now progress) { done.piece(i, now.frames) })
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}

	files, lengths := make([]string, len(pieces)), make([]recording.Seconds, len(pieces))
	for i, p := range pieces {
		files[i] = p.file
		lengths[i] = frameTime(p.first+p.frames, r.plan.Spec.FrameRate) - frameTime(p.first, r.plan.Spec.FrameRate)
	}
	list, film := "pieces.ffconcat", "film."+r.plan.Spec.Format
	if err := os.WriteFile(filepath.Join(r.work, list), []byte(concatScript(files, lengths)), 0o644); err != nil {
		return "", fmt.Errorf("write list of pieces: %w", err)
	}
	if err := r.composer.ffmpeg(ctx, r.work, r.log, r.plan.joinCommand(list, sound, film), nil); err != nil {
		return "", err
	}
	return filepath.Join(r.work, film), nil
}

// run writes the graph that args refer to and runs ffmpeg.
func (r *renderer) run(ctx context.Context, out string, args []string, graph string, onProgress func(progress)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.work, out+".graph"), []byte(graph), 0o644); err != nil {
		return fmt.Errorf("write filter graph: %w", err)
	}
	return r.composer.ffmpeg(ctx, r.work, r.log, args, onProgress)
}

// meter adds up how far the processes are.
type meter struct {
	mu     sync.Mutex
	total  float64
	pieces map[int]int
	heard  float64
	last   float64
	tell   func(percent float64)
	rate   float64
}

// soundShare is the cost of sound relative to pictures.
const soundShare = 0.05

func newMeter(p *Plan, tell func(percent float64)) *meter {
	return &meter{total: float64(p.Frames), rate: float64(p.Spec.FrameRate), pieces: map[int]int{}, tell: tell}
}

func (m *meter) piece(i, frames int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pieces[i] = frames
	m.report()
}

func (m *meter) sound(at time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = at.Seconds()
	m.report()
}

// report tells the percentage, which never falls and leaves the last one for
// joining.
func (m *meter) report() {
	frames := m.heard * m.rate * soundShare
	for _, n := range m.pieces {
		frames += float64(n)
	}
	if percent := min(99, 99*frames/(m.total*(1+soundShare))); percent > m.last {
		m.last = percent
		m.tell(percent)
	}
}
