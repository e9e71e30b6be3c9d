package compose

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// personStream is one stream of one participant, all its parts in order.
type personStream struct {
	participant, stream string
	parts               []recording.Part
}

// people groups the parts of a recording by whose they are.
func people(m *recording.Manifest) []personStream {
	var out []personStream
	for _, p := range m.Parts {
		i := slices.IndexFunc(out, func(s personStream) bool { return s.participant == p.Participant && s.stream == p.Stream })
		if i < 0 {
			i, out = len(out), append(out, personStream{participant: p.Participant, stream: p.Stream})
		}
		out[i].parts = append(out[i].parts, p)
	}
	for _, s := range out {
		slices.SortStableFunc(s.parts, func(a, b recording.Part) int { return cmp.Compare(a.Start, b.Start) })
	}
	slices.SortStableFunc(out, func(a, b personStream) int {
		return cmp.Or(strings.Compare(a.participant, b.participant), strings.Compare(a.stream, b.stream))
	})
	return out
}

// codecs returns the codecs of the stream's video, each once.
func (s personStream) codecs() []string {
	var found []string
	for _, p := range s.parts {
		for _, t := range p.Tracks {
			if t.Kind == recording.Video && !slices.Contains(found, t.Codec) {
				found = append(found, t.Codec)
			}
		}
	}
	return found
}

// continuous reports whether one picture follows the other: no part has two,
// none begins before the one before it has ended.
func (s personStream) continuous() bool {
	end := noPin
	for _, p := range s.parts {
		pictures := 0
		for _, t := range p.Tracks {
			if t.Kind != recording.Video {
				continue
			}
			if pictures++; pictures > 1 || t.Start < end {
				return false
			}
			end = t.End
		}
	}
	return true
}

// eachPerson makes one continuous file per participant and stream, in folder.
// Pictures are copied where all parts have one codec; sound is copied from a
// single part, and else put together with its gaps filled.
func (r *renderer) eachPerson(ctx context.Context, m *recording.Manifest, folder string) ([]recording.CompositionFile, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("create folder: %w", err)
	}
	var files []recording.CompositionFile
	list := people(m)
	withdrawn := func(identity string) bool {
		w := r.plan.Spec.Withdrawn
		return w != nil && slices.Contains(w.Participants, identity)
	}
	for i, s := range list {
		only := *m
		only.Parts = s.parts
		only.Participants = slices.DeleteFunc(slices.Clone(m.Participants), func(p recording.Participant) bool { return p.Identity != s.participant })
		spec := recording.CompositionSpec{
			Format: "webm", Quality: r.plan.Spec.Quality, Width: r.plan.Spec.Width, Height: r.plan.Spec.Height, FrameRate: r.plan.Spec.FrameRate,
			From: r.plan.Spec.From, To: r.plan.Spec.To, Pauses: r.plan.Spec.Pauses, Layout: layoutGrid, HideNames: true,
			Include: r.plan.Spec.Include, Exclude: r.plan.Spec.Exclude,
		}
		if withdrawn(s.participant) {
			spec.Withdrawn = &recording.Withdrawal{Participants: []string{s.participant}, Mode: r.plan.Spec.Withdrawn.Mode}
		}
		if len(s.codecs()) == 0 {
			spec.Format = "opus"
		}
		plan, err := NewPlan(&only, spec)
		if code := recording.CodeOf(err); code == recording.CodeNoMedia || code == recording.CodeInvalidRequest {
			continue // not in this range
		}
		if err != nil {
			return nil, err
		}
		one := renderer{
			composer: r.composer, plan: &plan, dir: r.dir, work: filepath.Join(r.work, fmt.Sprintf("person%d", i)), held: r.held, log: r.log,
			tell: func(percent float64) { r.tell((float64(i)*100 + percent) / float64(len(list))) },
		}
		if err := os.MkdirAll(one.work, 0o755); err != nil {
			return nil, fmt.Errorf("create folder: %w", err)
		}
		made, copied, err := one.person(ctx, s)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%02d-%s-%s%s", i+1, plain(s.participant), plain(s.stream), filepath.Ext(made))
		if err := os.Rename(made, filepath.Join(folder, name)); err != nil {
			return nil, fmt.Errorf("rename file: %w", err)
		}
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			return nil, fmt.Errorf("look at file: %w", err)
		}
		files = append(files, recording.CompositionFile{
			Name: name, Kind: "participant", Participant: s.participant, Start: plan.Takes[0].From, Duration: plan.Duration, Bytes: info.Size(), Copied: copied,
		})
	}
	return files, nil
}

// person makes one file and reports whether its pictures were copied.
func (r *renderer) person(ctx context.Context, s personStream) (file string, copied bool, err error) {
	codecs := s.codecs()
	whole := r.plan.Spec.From == 0 && r.plan.Spec.To == 0 && len(r.plan.Takes) == 1 && r.plan.Spec.Withdrawn == nil
	if !whole || len(codecs) > 1 || !s.continuous() {
		file, err = r.render(ctx)
		return file, false, err
	}
	if len(s.parts) > 1 && len(codecs) == 0 {
		file, err = r.render(ctx)
		return file, true, err
	}
	out := "person." + containerOf(codecs)
	var sources []string
	for _, p := range s.parts {
		// Own names for what may be called anything.
		name := fmt.Sprintf("part%d%s", len(sources), filepath.Ext(p.File))
		if err := link(r.path(Source{File: p.File}), filepath.Join(r.work, name)); err != nil {
			return "", false, fmt.Errorf("link part: %w", err)
		}
		sources = append(sources, name)
	}
	if len(s.parts) == 1 {
		err := r.composer.ffmpeg(ctx, r.work, r.log, remuxCommand(sources[0], out), nil)
		return filepath.Join(r.work, out), true, err
	}
	tracks := r.plan.soundTracks()
	sound, err := r.soundAlone(ctx, tracks[0])
	if err != nil {
		return "", false, err
	}
	script := followScript(sources, s.parts)
	const list = "parts.ffconcat"
	if err := os.WriteFile(filepath.Join(r.work, list), []byte(script), 0o644); err != nil {
		return "", false, fmt.Errorf("write list of parts: %w", err)
	}
	err = r.composer.ffmpeg(ctx, r.work, r.log, followCommand(list, s.parts[0].Start-r.plan.Takes[0].From, sound, out), nil)
	return filepath.Join(r.work, out), true, err
}

// soundAlone makes a track of sound without the pictures.
func (r *renderer) soundAlone(ctx context.Context, t soundTrack) (string, error) {
	list := r.plan.stretches(0, t, &opus, r.cell())
	tasks := make([]task, len(list))
	for k, s := range list {
		tasks[k] = r.sound(s, &opus, stretchName(0, k, &opus))
	}
	if err := r.runAll(ctx, nil, tasks); err != nil {
		return "", err
	}
	const sound = "sound.ogg"
	file := func(k int) string { return filepath.Join(r.work, stretchName(0, k, &opus)) }
	return sound, joinSound(filepath.Join(r.work, sound), &opus, list, file, samples(r.plan.Duration))
}

// containerOf is where a codec may go; WebM forbids H.264 and H.265.
func containerOf(codecs []string) string {
	for _, c := range codecs {
		if c == "h264" || c == "h265" {
			return "mkv"
		}
	}
	return "webm"
}

// plain keeps what is safe in any file system and URL.
func plain(s string) string {
	const most = 40
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
	return out[:min(len(out), most)]
}
