package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/roomreel/roomreel/compose/movie"
	"github.com/roomreel/roomreel/recording"
)

// join puts pieces of picture and tracks of sound together without encoding
// them. ffmpeg looks at every packet and writes the film twice to have its index
// in front, which takes most of a minute for a meeting of a morning; MP4 films
// are written once. ffmpeg still writes chapters, and the other formats.
func (r *renderer) join(ctx context.Context, pieces []piece, pictures []task, tracks []soundTrack, sounds []string, film string) error {
	rate := r.plan.Spec.FrameRate
	length := func(p piece) recording.Seconds { return frameTime(p.first+p.frames, rate) - frameTime(p.first, rate) }
	if formats[r.plan.Spec.Format].piece == "mp4" && r.chapters == "" {
		m := movie.Film{
			Sound:    movie.Sound{File: filepath.Join(r.work, sounds[0]), Delay: aac.delay},
			Duration: r.plan.Duration.Duration(),
		}
		for i, p := range pieces {
			m.Pieces = append(m.Pieces, movie.Piece{File: filepath.Join(r.work, pictures[i].file), Length: length(p).Duration()})
		}
		return movie.Write(ctx, filepath.Join(r.work, film), m)
	}
	list := ""
	if len(pieces) > 0 {
		list = "pieces.ffconcat"
		files, lengths := make([]string, len(pieces)), make([]recording.Seconds, len(pieces))
		for i, p := range pieces {
			files[i], lengths[i] = pictures[i].file, length(p)
		}
		if err := os.WriteFile(filepath.Join(r.work, list), []byte(concatScript(files, lengths)), 0o644); err != nil {
			return fmt.Errorf("write list of pieces: %w", err)
		}
	}
	return r.composer.ffmpeg(ctx, r.work, r.log, r.plan.joinCommand(list, tracks, sounds, r.chapters, film), nil)
}
