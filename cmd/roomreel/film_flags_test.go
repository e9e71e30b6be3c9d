package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recording"
)

func TestFilmFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "film.json")
	wish := `{"layout":"pip","host":"anna","boxes":[[0,0,64,36]],"title":{"text":"T","duration_s":2},"withdrawn":{"participants":["x"],"mode":"blur"}}`
	if err := os.WriteFile(file, []byte(wish), 0o600); err != nil {
		t.Fatal(err)
	}
	seconds := func(d time.Duration) recording.Seconds { return recording.Seconds(d) }
	for name, c := range map[string]struct {
		args []string
		want recording.CompositionSpec
		fail bool
	}{
		"nothing": {},
		"plain": {
			args: []string{"--layout", "grid", "--width", "640", "--height", "360", "--fps", "25", "--from", "1m", "--to", "90s", "--format", "webm", "--codec", "vp9", "--extra", "poster", "--extra", "sheet"},
			want: recording.CompositionSpec{
				Layout: "grid", Width: 640, Height: 360, FrameRate: 25, From: seconds(time.Minute), To: seconds(90 * time.Second),
				Format: "webm", VideoCodec: "vp9", Extras: []string{"poster", "sheet"},
			},
		},
		"people": {
			args: []string{"--include", "a,b", "--include", "c", "--external", "a@b@-1.5=assets/x=y.mp4", "--withdrawn", "d", "--logo", "l.png", "--title", "Hello, world"},
			want: recording.CompositionSpec{
				Include: []string{"a,b", "c"}, External: []recording.ExternalVideo{{Participant: "a@b", At: seconds(-1500 * time.Millisecond), File: "assets/x=y.mp4"}},
				Withdrawn: &recording.Withdrawal{Participants: []string{"d"}}, Logo: &recording.Logo{File: "l.png"}, Title: &recording.TitleCard{Text: "Hello, world"},
			},
		},
		"boxes": {
			args: []string{"--box", "0,1,2,3", "--box", "4,5,6,7,cover,speaker", "--box", "4,5,6,7,,#2", "--box", "4,5,6,7,auto,id:a,b"},
			want: recording.CompositionSpec{Boxes: []recording.LayoutBox{
				{X: 0, Y: 1, Width: 2, Height: 3},
				{X: 4, Y: 5, Width: 6, Height: 7, Fit: recording.FitCover, Role: recording.RoleSpeaker},
				{X: 4, Y: 5, Width: 6, Height: 7, Order: 2},
				{X: 4, Y: 5, Width: 6, Height: 7, Fit: recording.FitAuto, Participant: "a,b"},
			}},
		},
		"a file, and flags before it": {
			args: []string{"--spec", file, "--layout", "share", "--subtitle", "S", "--withdrawn-mode", "both"},
			want: recording.CompositionSpec{
				Layout: "share", Host: "anna", Boxes: []recording.LayoutBox{{Width: 64, Height: 36}},
				Title:     &recording.TitleCard{Text: "T", Subtitle: "S", Duration: seconds(2 * time.Second)},
				Withdrawn: &recording.Withdrawal{Participants: []string{"x"}, Mode: recording.WithdrawalBoth},
			},
		},
		"no file":          {args: []string{"--spec", file + "x"}, fail: true},
		"short box":        {args: []string{"--box", "1,2,3"}, fail: true},
		"box of words":     {args: []string{"--box", "1,2,three,4"}, fail: true},
		"external no time": {args: []string{"--external", "a=b.mp4"}, fail: true},
		"external words":   {args: []string{"--external", "a@soon=b.mp4"}, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			var got recording.CompositionSpec
			cmd := &cli.Command{Flags: filmFlags(), DisableSliceFlagSeparator: true, Action: func(_ context.Context, cmd *cli.Command) (err error) {
				got, err = filmSpec(cmd)
				return err
			}}
			err := cmd.Run(t.Context(), append([]string{"film"}, c.args...))
			if (err != nil) != c.fail {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" && !c.fail {
				t.Error(diff)
			}
		})
	}
}

// What has no picture to draw is refused before its film is made.
func TestContactSheetNeedsPictures(t *testing.T) {
	for _, format := range []string{"opus", "people"} {
		err := typed(t.Context(), &screen{}, "compose", t.TempDir(), "--format", format, "--contact-sheet", "sheet.png")
		if err == nil || !strings.HasPrefix(err.Error(), "--contact-sheet: ") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
