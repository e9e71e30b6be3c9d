package compose

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Extract says which tracks of a recording go into one file, without a film being
// planned: at most one of sound and one of pictures, each over all its parts.
type Extract struct {
	// SIDs are the LiveKit tracks to take; empty takes tracks of all Kinds.
	SIDs []string
	// Kinds are the kinds to take; empty takes both.
	Kinds []recording.Kind
	// Canvas has pictures encoded as H.264 of its size and rate, if it has any.
	// Otherwise they are copied.
	Canvas recording.CompositionSpec
}

func (e Extract) takes(t recording.Track) bool {
	sids := len(e.SIDs) == 0 || slices.ContainsFunc(t.SIDs, func(s string) bool { return slices.Contains(e.SIDs, s) })
	return sids && (len(e.Kinds) == 0 || slices.Contains(e.Kinds, t.Kind))
}

// Extract copies tracks of the recording in dir into the file out, whose extension
// names the container: .webm, .mkv, .mp4, .ogg, .m4a or .mp3. Opus is copied where
// the container holds it by custom, and encoded as AAC or MP3 where not. A pause
// between two parts stays a pause. Errors are *recording.Error: CodeNotFound,
// CodeNotReady, CodeNoMedia, CodeInvalidRequest, CodeComposeFailed.
func (c Composer) Extract(ctx context.Context, dir string, e Extract, out string) error {
	c = c.withDefaults()
	m, err := readFinal(dir)
	if err != nil {
		return err
	}
	sound, pictures := e.excerpts(m, recording.Audio), e.excerpts(m, recording.Video)
	if len(sound)+len(pictures) == 0 {
		return recording.Errorf(recording.CodeNoMedia, "nothing was recorded of the tracks that are asked for")
	}
	work, err := os.MkdirTemp(filepath.Dir(out), ".extract-")
	if err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	defer os.RemoveAll(work)
	x := extraction{composer: c, dir: dir, work: work}
	args, maps := slices.Clone(common), []string{}
	if len(sound) == 1 && len(pictures) == 1 && sound[0].file == pictures[0].file {
		args = append(args, x.input(sound[0])...) // both in one file, in step already
		maps = append(maps, "-map", "0:v:0", "-map", "0:a:0")
	} else {
		base, inputs := earliest(sound, pictures), 0
		for _, list := range [][]excerpt{pictures, sound} {
			if len(list) == 0 {
				continue
			}
			input, err := x.join(ctx, list)
			if err != nil {
				return err
			}
			args = append(append(args, "-itsoffset", decimal(list[0].start-base)), input...)
			maps = append(maps, "-map", fmt.Sprintf("%d:%s:0", inputs, list[0].letter()))
			inputs++
		}
	}
	encode, err := encodeArgs(out, e.Canvas, len(pictures) > 0, len(sound) > 0)
	if err != nil {
		return err
	}
	return c.ffmpeg(ctx, work, io.Discard, slices.Concat(args, maps, encode, []string{out}), nil)
}

// Sound copies the sound of a media file into the file out; see Extract.
func (c Composer) Sound(ctx context.Context, file, out string) error {
	c = c.withDefaults()
	encode, err := encodeArgs(out, recording.CompositionSpec{}, false, true)
	if err != nil {
		return err
	}
	args := slices.Concat(common, []string{"-i", "file:" + file, "-map", "0:a:0"}, encode, []string{out})
	return c.ffmpeg(ctx, filepath.Dir(out), io.Discard, args, nil)
}

// excerpt is a track in one part.
type excerpt struct {
	file  string
	kind  recording.Kind
	start recording.Seconds // of its first media, on the timeline
}

func (r excerpt) letter() string {
	if r.kind == recording.Audio {
		return "a"
	}
	return "v"
}

// excerpts are where the media of a kind lies, in order.
func (e Extract) excerpts(m *recording.Manifest, kind recording.Kind) (list []excerpt) {
	for _, p := range m.Parts {
		for _, t := range p.Tracks {
			if t.Kind == kind && e.takes(t) && t.Frames > 0 {
				list = append(list, excerpt{p.File, kind, t.Start})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b excerpt) int { return int(min(max(a.start-b.start, -1), 1)) })
	return list
}

func earliest(lists ...[]excerpt) recording.Seconds {
	first := recording.Seconds(1 << 62)
	for _, l := range lists {
		if len(l) > 0 {
			first = min(first, l[0].start)
		}
	}
	return first
}

// extraction is the work on one file.
type extraction struct {
	composer  Composer
	dir, work string
}

func (x extraction) input(r excerpt) []string {
	return []string{"-f", "matroska", "-i", "file:" + filepath.Join(x.dir, r.file)}
}

// halfPacket is half of Opus' usual packet: one that begins as the next part does, but for
// rounding, is there twice.
const halfPacket = recording.Seconds(10 * time.Millisecond)

// join returns the input that plays the excerpts one after another, each at its time and
// until the next begins: a node may have written on after another had taken over.
func (x extraction) join(ctx context.Context, list []excerpt) ([]string, error) {
	if len(list) == 1 {
		return x.input(list[0]), nil
	}
	// The concatenation counts on every file having the same streams, and on its
	// media beginning at zero.
	var entries strings.Builder
	entries.WriteString("ffconcat version 1.0\n")
	for i, r := range list {
		last := i+1 == len(list)
		if !last && list[i+1].start == r.start {
			continue
		}
		piece := fmt.Sprintf("%s-%d.mkv", r.letter(), i)
		args := slices.Concat(common, x.input(r), []string{"-map", "0:" + r.letter() + ":0", "-c", "copy", "-avoid_negative_ts", "make_zero", piece})
		if err := x.composer.ffmpeg(ctx, x.work, io.Discard, args, nil); err != nil {
			return nil, err
		}
		fmt.Fprintf(&entries, "file %s\n", piece)
		if !last {
			lasts := list[i+1].start - r.start
			fmt.Fprintf(&entries, "outpoint %s\nduration %s\n", decimal(max(0, lasts-halfPacket)), decimal(lasts))
		}
	}
	path := filepath.Join(x.work, list[0].letter()+".ffconcat")
	if err := os.WriteFile(path, []byte(entries.String()), 0o600); err != nil {
		return nil, fmt.Errorf("write list of parts: %w", err)
	}
	return []string{"-f", "concat", "-i", path}, nil
}

// encodeArgs are the codecs and the container of a file by its extension.
func encodeArgs(out string, canvas recording.CompositionSpec, pictures, sound bool) ([]string, error) {
	var args []string
	switch {
	case pictures && canvas.Width > 0:
		fit := fmt.Sprintf("scale=w=%d:h=%d:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=%d:%d:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=%d,format=yuv420p",
			canvas.Width, canvas.Height, canvas.Width, canvas.Height, canvas.FrameRate)
		args = append(args, "-vf", fit, "-c:v", "libx264", "-preset", "superfast", "-crf", "23")
	case pictures:
		args = append(args, "-c:v", "copy")
	}
	format, known := containersOf[filepath.Ext(out)]
	if !known {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "%s is no container for tracks: %s are", filepath.Ext(out), names(containersOf))
	}
	if sound {
		args = append(args, format.sound...)
	}
	return append(args, format.container...), nil
}

// containersOf are the containers by their extension, and how sound goes into each.
// Encoded sound is stretched and filled so that it stays in time.
var containersOf = map[string]struct{ sound, container []string }{
	".webm": {[]string{"-c:a", "copy"}, []string{"-f", "webm"}},
	".mkv":  {[]string{"-c:a", "copy"}, []string{"-f", "matroska"}},
	".ogg":  {[]string{"-c:a", "copy"}, []string{"-f", "ogg"}},
	".mp4":  {[]string{"-af", "aresample=async=1", "-c:a", "aac", "-b:a", "128k"}, []string{"-movflags", "+faststart", "-f", "mp4"}},
	".m4a":  {[]string{"-af", "aresample=async=1", "-c:a", "aac", "-b:a", "128k"}, []string{"-movflags", "+faststart", "-f", "mp4"}},
	".mp3":  {[]string{"-af", "aresample=async=1", "-c:a", "libmp3lame", "-b:a", "128k"}, []string{"-f", "mp3"}},
}

// Length is how long a media file is.
func (c Composer) Length(ctx context.Context, file string) (recording.Seconds, error) {
	length, _, _, _, err := c.withDefaults().probe(ctx, file)
	return length, err
}
