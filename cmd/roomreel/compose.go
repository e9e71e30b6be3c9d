package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

func composeCommand() *cli.Command {
	return &cli.Command{
		Name:      "compose",
		Usage:     "make a film of the recording in a directory",
		ArgsUsage: "DIR",
		Description: "DIR holds recording.json and the parts; a copy from another machine will do.\n" +
			"The film is left in DIR/compositions and its path printed. Ctrl-C leaves nothing behind.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "layout", Value: "grid", Usage: "`NAME` of the layout"},
			&cli.StringFlag{Name: "format", Value: "mp4", Usage: "mp4, webm, hls, m4a, opus, or people: a file per participant"},
			&cli.StringFlag{Name: "quality", Value: "standard", Usage: "draft, standard or archive"},
			&cli.StringFlag{Name: "codec", Usage: "of the picture: h264; in webm vp8, vp9 or av1"},
			&cli.StringFlag{Name: "encoder", Value: "software", Usage: "software, vaapi, nvenc or qsv"},
			&cli.StringFlag{Name: "audio", Value: "mixed", Usage: "mixed, or multitrack in m4a and opus"},
			&cli.StringSliceFlag{Name: "extra", Usage: "also make `WHAT`: poster, sheet, chapters, speakers; may be given several times"},
			&cli.IntFlag{Name: "width", Usage: "canvas in `PIXELS`"},
			&cli.IntFlag{Name: "height", Usage: "canvas in `PIXELS`"},
			&cli.IntFlag{Name: "fps", Usage: "frames per second"},
			&cli.DurationFlag{Name: "from", Usage: "begin at this `TIME` of the recording, such as 1m30s"},
			&cli.DurationFlag{Name: "to", Usage: "end at this `TIME`; the recording's end if left out"},
			&cli.StringFlag{Name: "contact-sheet", Usage: "also draw frames of the film into this PNG `FILE`"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			dir := cmd.Args().First()
			if dir == "" || cmd.Args().Len() > 1 {
				return errors.New("give one directory: roomreel compose DIR")
			}
			if err := checkPrograms(c.Composer); err != nil {
				return err
			}
			composer := compose.Composer{FFmpeg: c.Composer.FFmpeg, FFprobe: c.Composer.FFprobe}
			film, err := composer.Compose(ctx, dir, recording.CompositionSpec{
				Layout: cmd.String("layout"), Format: cmd.String("format"),
				Width: cmd.Int("width"), Height: cmd.Int("height"), FrameRate: cmd.Int("fps"),
				Quality: cmd.String("quality"), VideoCodec: cmd.String("codec"), Encoder: cmd.String("encoder"),
				Audio: cmd.String("audio"), Extras: cmd.StringSlice("extra"),
				From: recording.Seconds(cmd.Duration("from")), To: recording.Seconds(cmd.Duration("to")),
			}, printProgress)
			if ctx.Err() != nil {
				return errInterrupted
			}
			if err != nil {
				return err
			}
			path := filepath.Join(recording.CompositionsDir(dir), film.File)
			if film.File == "" {
				path = filepath.Join(recording.CompositionsDir(dir), film.ID)
			}
			fmt.Fprintln(os.Stderr)
			if sheet := cmd.String("contact-sheet"); sheet != "" {
				const columns, rows = 4, 3
				if err := composer.ContactSheet(ctx, path, sheet, columns, rows); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(cmd.Root().Writer, path)
			return err
		},
	}
}

// printProgress keeps one line on the terminal up to date.
func printProgress(f recording.Composition) {
	left := ""
	if f.Remaining > 0 {
		left = fmt.Sprintf(", %v left", f.Remaining.Duration().Round(time.Second))
	}
	fmt.Fprintf(os.Stderr, "\r%3.0f %% %s%s   ", f.Progress, f.State, left)
}
