package compose

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Composer makes films. The zero value works: it finds ffmpeg and ffprobe in
// PATH and uses every core.
type Composer struct {
	// FFmpeg and FFprobe are the programs to run.
	FFmpeg, FFprobe string
	// Cores is how many processes may work on one film at a time.
	Cores int
	// Assets is a folder of logos and avatars for all recordings, besides the
	// one that each has of its own.
	Assets string
	// Niceness of the processes, by default 10.
	Niceness int
	// Memory is how many bytes the processes of one film may take together, by
	// default half of what the machine has.
	Memory int64
	// KeepPieces leaves what was encoded in the recording's compositions/.pieces
	// when the film is ready, for other films of it. Otherwise only a film that
	// failed leaves pieces, for the next try.
	KeepPieces bool
	// Fetch brings back parts that are not in the directory any more.
	Fetch Fetch
	Log   *slog.Logger

	// Lossless encodes the picture without loss, to compare films with.
	Lossless bool

	soundCell time.Duration // soundCell, but in tests
}

func (c Composer) withDefaults() Composer {
	c.FFmpeg, c.FFprobe = fromAnywhere(or(c.FFmpeg, "ffmpeg")), fromAnywhere(or(c.FFprobe, "ffprobe"))
	c.Cores = max(1, or(c.Cores, cores()))
	c.Memory = or(c.Memory, memory()/2)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// fromAnywhere names a program as it must be to be run in another folder.
func fromAnywhere(program string) string {
	if abs, err := filepath.Abs(program); err == nil && filepath.Base(program) != program {
		return abs
	}
	return program
}

// Compose makes a film of the recording in dir with ffmpeg from PATH; see
// Composer.Compose.
func Compose(ctx context.Context, dir string, spec recording.CompositionSpec, report func(recording.Composition)) (recording.Composition, error) {
	return Composer{}.Compose(ctx, dir, spec, report)
}

// Compose makes a film of the recording in dir and leaves it, with its JSON,
// in dir's compositions folder. report, if not nil, hears of every step, from
// one goroutine at a time. When ctx ends, ffmpeg ends at once and nothing
// stays behind; when ffmpeg fails, its log stays beside the film's place as
// <id>.log. Errors are *recording.Error: CodeNotReady, CodeNoMedia,
// CodeInvalidRequest, CodeCanceled, CodeDiskFull or CodeComposeFailed.
func (c Composer) Compose(ctx context.Context, dir string, spec recording.CompositionSpec, report func(recording.Composition)) (recording.Composition, error) {
	m, err := readFinal(dir)
	if err != nil {
		return recording.Composition{}, err
	}
	plan, err := c.plan(ctx, dir, m, spec)
	if err != nil {
		return recording.Composition{}, err
	}
	film, err := c.make(ctx, dir, m, plan, newComposition(m.ID, plan.Spec), report)
	if film.State == recording.CompositionCanceled {
		return film, err
	}
	if lost := save(dir, film); err == nil {
		err = lost
	}
	return film, err
}

func newComposition(recordingID string, spec recording.CompositionSpec) recording.Composition {
	return recording.Composition{
		ID: recording.NewID(recording.PrefixComposition), RecordingID: recordingID, Spec: spec,
		State: recording.CompositionQueued, CreatedAt: now(),
	}
}

// readFinal reads a manifest that will not change any more.
func readFinal(dir string) (*recording.Manifest, error) {
	m, err := recording.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, recording.Errorf(recording.CodeNotFound, "there is no %s in the folder", recording.ManifestFile)
	}
	if err != nil {
		return nil, recording.AsError(err, recording.CodeComposeFailed)
	}
	if m.State == recording.Failed {
		return nil, recording.Errorf(recording.CodeNoMedia, "recording %s failed, and nothing was recorded", m.ID)
	}
	if m.State != recording.Stopped {
		return nil, recording.Errorf(recording.CodeNotReady, "recording %s is %s: a film can be made once it is stopped", m.ID, m.State)
	}
	return m, nil
}

// make carries out a plan. The composition that it returns is final.
func (c Composer) make(ctx context.Context, dir string, m *recording.Manifest, plan Plan, film recording.Composition, report func(recording.Composition)) (recording.Composition, error) {
	c = c.withDefaults()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs // ffmpeg runs in a folder of its own
	}
	folder := recording.CompositionsDir(dir)
	// A try has a folder of its own: who lost the job to another node may still
	// be cleaning up.
	work := filepath.Join(folder, "."+film.ID+"."+rand.Text()+".tmp")
	film.State, film.StartedAt = recording.CompositionRunning, now()
	found := -1.0 // what was there already took no time
	tell := func(percent float64) {
		film.Progress = percent
		if found < 0 && percent > 0 {
			found = percent
		}
		if elapsed := time.Since(film.StartedAt); percent >= found+1 && found >= 0 {
			film.Remaining = recording.Seconds(time.Duration(float64(elapsed) * (100 - percent) / (percent - found)).Round(time.Millisecond))
		}
		if report != nil {
			report(film)
		}
	}
	tell(0)
	err := c.produce(ctx, dir, work, m, plan, &film, tell)
	if recording.CodeOf(fullOr(err)) == recording.CodeComposeFailed && ctx.Err() == nil {
		// Looking at every part takes time: only now is there cause to.
		r := renderer{composer: c, plan: &plan, dir: dir, held: filepath.Join(work, heldName)}
		if rest, again, warnings := r.withoutBroken(ctx, m); len(warnings) > 0 {
			c.Log.Warn("a film is made without what is damaged", "recording", m.ID, "composition", film.ID, "warnings", warnings)
			if err = c.produce(ctx, dir, work, rest, again, &film, tell); err == nil {
				m, film.Warnings = rest, warnings
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		keepLog(work, filepath.Join(folder, film.ID+".log"))
	}
	if cleanup := os.RemoveAll(work); cleanup != nil {
		c.Log.Warn("temporary files stay behind", "composition", film.ID, "error", cleanup)
	}
	if !c.KeepPieces && (err == nil || ctx.Err() != nil) {
		if cleanup := cacheOf(dir).clear(); cleanup != nil {
			c.Log.Warn("pieces stay behind", "composition", film.ID, "error", cleanup)
		}
	}
	film.FinishedAt, film.Remaining = now(), 0
	switch {
	case err == nil:
		film.State, film.Parts = recording.CompositionReady, len(m.Parts)
		tell(100)
		return film, nil
	case ctx.Err() != nil:
		film.State = recording.CompositionCanceled
		film.Error = recording.Errorf(recording.CodeCanceled, "the composition was canceled")
	default:
		film.State = recording.CompositionFailed
		film.Error = recording.AsError(fullOr(err), recording.CodeComposeFailed)
		// What ffmpeg says, and the system, holds paths of this machine.
		inside := dir + string(filepath.Separator)
		film.Error.Message = strings.NewReplacer("file:"+inside, "", inside, "").Replace(film.Error.Message)
	}
	tell(film.Progress)
	return film, film.Error
}

// produce makes the film in work and moves it into its place.
func (c Composer) produce(ctx context.Context, dir, work string, m *recording.Manifest, plan Plan, film *recording.Composition, tell func(percent float64)) error {
	for _, program := range []string{c.FFmpeg, c.FFprobe} {
		if _, err := exec.LookPath(program); err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "%s cannot be run: install ffmpeg, or name its place in the configuration: %w", program, err)
		}
	}
	if err := clearTries(dir, film.ID); err != nil {
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
	r := renderer{composer: c, plan: &plan, dir: dir, work: work, log: &sharedLog{w: log}, tell: tell}
	if err := plan.checkRoom(work); err != nil {
		return err
	}
	if err := r.fetch(ctx); err != nil {
		return err
	}
	if err := r.checkSources(); err != nil {
		return err
	}
	folder := filepath.Join(work, "files")
	place := filepath.Join(recording.CompositionsDir(dir), film.ID)
	if plan.Spec.Format == "people" {
		if film.Files, err = r.eachPerson(ctx, m, folder); err != nil {
			return err
		}
		film.Duration = plan.Duration
		for _, f := range film.Files {
			film.Bytes += f.Bytes
		}
		return settleFolder(folder, place)
	}
	if slices.Contains(plan.Spec.Extras, ExtraChapters) {
		r.chapters = plan.chapters(m)
	}
	var made string
	if part, whole := plan.unchanged(m); whole {
		made, err = r.copy(ctx, part)
	} else {
		made, err = r.render(ctx)
	}
	if err != nil {
		return err
	}
	film.Duration, film.Width, film.Height, film.Bytes, err = c.probe(ctx, made)
	if err != nil {
		return err
	}
	film.File = film.ID + "." + plan.extension()
	film.Files, err = r.beside(ctx, m, made, folder)
	if err != nil {
		return err
	}
	if len(film.Files) > 0 {
		if err := settleFolder(folder, place); err != nil {
			return err
		}
	}
	film.Files = append([]recording.CompositionFile{{Name: film.File, Kind: "film", Duration: film.Duration, Bytes: film.Bytes}}, film.Files...)
	return settleFile(made, filepath.Join(recording.CompositionsDir(dir), film.File))
}

// abandoned is how long nothing was written into a work folder whose process
// must have died: a film of another identifier will not clear it.
const abandoned = 24 * time.Hour

// clearTries removes what tries that broke off have left of a film, and of
// others that nobody is at any more.
func clearTries(dir, id string) error {
	folder := recording.CompositionsDir(dir)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear work folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		own := id != "" && strings.HasPrefix(e.Name(), "."+id)
		// The log is written at every beginning, the folder with every new file.
		work := filepath.Join(folder, e.Name())
		if own || time.Since(changed(work)) > abandoned && time.Since(changed(filepath.Join(work, logName))) > abandoned {
			if err := os.RemoveAll(work); err != nil {
				return fmt.Errorf("clear work folder: %w", err)
			}
		}
	}
	return nil
}

// changed is when a file or the list of a folder last did, or long ago.
func changed(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// settleFolder makes finished files durable in their place.
func settleFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("clear place of files: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("rename files: %w", err)
	}
	if err := recording.SyncDir(to); err != nil {
		return err
	}
	return recording.SyncDir(filepath.Dir(to))
}

// settleFile makes a finished file durable in its place.
func settleFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open film: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync film: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("rename film: %w", err)
	}
	return recording.SyncDir(filepath.Dir(to))
}

const logName = "ffmpeg.log"

// keepLog moves ffmpeg's log beside the film's place, unless it is empty.
func keepLog(work, to string) {
	from := filepath.Join(work, logName)
	if info, err := os.Stat(from); err == nil && info.Size() > 0 {
		_ = os.Rename(from, to)
	}
}

// probe reads what a film really became.
func (c Composer) probe(ctx context.Context, file string) (duration recording.Seconds, width, height int, size int64, err error) {
	out, err := command(ctx, niceness, "", c.FFprobe, probeArgs(file)).Output()
	if ctx.Err() != nil {
		return 0, 0, 0, 0, context.Cause(ctx)
	}
	if err != nil {
		return 0, 0, 0, 0, recording.Errorf(recording.CodeComposeFailed, "run ffprobe on the film: %w", err)
	}
	var said struct {
		Streams []struct {
			Type          string `json:"codec_type"`
			Width, Height int
		}
		Format struct{ Duration, Size string }
	}
	if err := json.Unmarshal(out, &said); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, 0, 0, recording.Errorf(recording.CodeComposeFailed, "read what ffprobe says: %w", err)
	}
	seconds, err := strconv.ParseFloat(said.Format.Duration, 64)
	if err != nil {
		return 0, 0, 0, 0, recording.Errorf(recording.CodeComposeFailed, "the film has no duration")
	}
	size, _ = strconv.ParseInt(said.Format.Size, 10, 64)
	for _, s := range said.Streams {
		if s.Type == "video" {
			width, height = s.Width, s.Height
		}
	}
	return recording.Seconds(seconds * float64(time.Second)), width, height, size, nil
}
