package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
			"The film is left in DIR/compositions and its path printed. Ctrl-C leaves nothing behind.\n\n" +
			"   roomreel compose data/recordings/rec_0199…\n" +
			"   roomreel compose DIR --layout speaker --from 1m --to 10m\n" +
			"   roomreel compose DIR --plan                 # what would be made",
		// Names may have commas.
		DisableSliceFlagSeparator: true,
		Flags: append(filmFlags(),
			&cli.BoolFlag{Name: "plan", Usage: "make nothing, but print the plan of the film as JSON"},
			&cli.StringFlag{Name: "contact-sheet", Usage: "also draw frames of the film into this PNG `FILE`"},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			dir := cmd.Args().First()
			if dir == "" || cmd.Args().Len() > 1 {
				return errors.New("give one directory: roomreel compose DIR")
			}
			spec, err := filmSpec(cmd)
			if err != nil {
				return err
			}
			if cmd.IsSet("contact-sheet") { // to refuse it before the film is made, and not after
				drawn := spec
				drawn.Extras = append(slices.Clone(spec.Extras), compose.ExtraSheet)
				if _, err := compose.Normalize(drawn); err != nil {
					return fmt.Errorf("--contact-sheet: %w", err)
				}
			}
			composer := compose.Composer{FFmpeg: c.Composer.FFmpeg, FFprobe: c.Composer.FFprobe, Assets: c.Composer.Assets}
			if cmd.Bool("plan") {
				return printPlan(ctx, cmd, composer, dir, spec)
			}
			if err := checkPrograms(c.Composer); err != nil {
				return err
			}
			film, err := composer.Compose(ctx, dir, spec, printProgress)
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
			for _, warning := range film.Warnings {
				fmt.Fprintln(os.Stderr, "warning:", warning)
			}
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

func printPlan(ctx context.Context, cmd *cli.Command, composer compose.Composer, dir string, spec recording.CompositionSpec) error {
	plan, err := composer.Plan(ctx, dir, spec)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(cmd.Root().Writer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(plan)
}

// printProgress keeps one line on the terminal up to date.
func printProgress(f recording.Composition) {
	left := ""
	if f.Remaining > 0 {
		left = fmt.Sprintf(", %v left", f.Remaining.Duration().Round(time.Second))
	}
	fmt.Fprintf(os.Stderr, "\r%3.0f %% %s%s   ", f.Progress, f.State, left)
}
