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
// them. ffmpeg looks at every packet, and writes an MP4 film twice to have its
// index in front: most of a minute for a meeting of a morning. So that is left to
// it for the other formats only.
func (r *renderer) join(ctx context.Context, pieces []piece, pictures []task, tracks []soundTrack, sounds []string, film string) error {
	rate := r.plan.Spec.FrameRate
	files, lengths := make([]string, len(pieces)), make([]recording.Seconds, len(pieces))
	for i, p := range pieces {
		files[i] = pictures[i].file
		lengths[i] = frameTime(p.first+p.frames, rate) - frameTime(p.first, rate)
	}
	if formats[r.plan.Spec.Format].piece == "mp4" {
		return movie.Write(ctx, filepath.Join(r.work, film), r.movie(files, lengths, sounds[0]))
	}
	list, chapters := "", ""
	write := func(name, text string) (string, error) {
		if err := os.WriteFile(filepath.Join(r.work, name), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("write what ffmpeg joins: %w", err)
		}
		return name, nil
	}
	var err error
	if len(files) > 0 {
		if list, err = write("pieces.ffconcat", concatScript(files, lengths)); err != nil {
			return err
		}
	}
	if len(r.chapters) > 0 {
		if chapters, err = write("chapters.txt", metadata(r.chapters, r.plan.Duration)); err != nil {
			return err
		}
	}
	return r.composer.ffmpeg(ctx, r.work, r.log, r.plan.joinCommand(list, tracks, sounds, chapters, film), nil)
}

// movie describes an MP4 film of the files in work.
func (r *renderer) movie(files []string, lengths []recording.Seconds, sound string) movie.Film {
	m := movie.Film{
		Sound:    movie.Sound{File: filepath.Join(r.work, sound), Delay: aac.delay},
		Duration: r.plan.Duration.Duration(),
	}
	for i, file := range files {
		m.Pieces = append(m.Pieces, movie.Piece{File: filepath.Join(r.work, file), Length: lengths[i].Duration()})
	}
	for _, c := range r.chapters {
		m.Chapters = append(m.Chapters, movie.Chapter{At: c.at.Duration(), Title: c.title})
	}
	return m
}
