package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recording"
)

// filmFlags say which film is wanted; filmSpec reads them.
func filmFlags() []cli.Flag {
	const looks, people, encoding = "Looks", "People", "Encoding"
	return []cli.Flag{
		&cli.StringFlag{Name: "spec", Usage: "read the wish from this JSON `FILE`, in the form that the API takes; flags go before it"},
		&cli.StringFlag{Name: "layout", Usage: "`NAME`: grid, speaker, host-bottom, host-only, single, pip, share, custom or recorded"},
		&cli.StringSliceFlag{Name: "box", Usage: "a place of the layout custom, `X,Y,WIDTH,HEIGHT[,FIT[,WHO]]`; WHO is host, speaker, screen, #1 for the first to come, or id:IDENTITY; may be repeated"},
		&cli.IntFlag{Name: "width", Usage: "canvas in `PIXELS`"},
		&cli.IntFlag{Name: "height", Usage: "canvas in `PIXELS`"},
		&cli.IntFlag{Name: "fps", Usage: "frames per second"},
		&cli.DurationFlag{Name: "from", Usage: "begin at this `TIME` of the recording, such as 1m30s"},
		&cli.DurationFlag{Name: "to", Usage: "end at this `TIME`; the recording's end if left out"},
		&cli.StringFlag{Name: "pauses", Usage: "cut, mark (a card of 3 seconds) or keep"},

		&cli.StringFlag{Name: "host", Category: people, Usage: "`IDENTITY` of the host"},
		&cli.StringFlag{Name: "focus", Category: people, Usage: "`IDENTITY` that always stands where the active speaker would"},
		&cli.StringSliceFlag{Name: "include", Category: people, Usage: "only this `IDENTITY` is seen and heard; may be repeated"},
		&cli.StringSliceFlag{Name: "exclude", Category: people, Usage: "this `IDENTITY` is not; may be repeated"},
		&cli.StringSliceFlag{Name: "withdrawn", Category: people, Usage: "`IDENTITY` of somebody who withdrew consent; may be repeated"},
		&cli.StringFlag{Name: "withdrawn-mode", Category: people, Usage: "blur (picture and name), silence (voice) or both"},
		&cli.StringSliceFlag{Name: "external", Category: people, Usage: "a video for somebody's camera, `IDENTITY@SECONDS=FILE`, the file inside DIR; may be repeated"},

		&cli.StringFlag{Name: "background", Category: looks, Usage: "`COLOUR` of the canvas, such as #1a2b3c"},
		&cli.BoolFlag{Name: "hide-names", Category: looks, Usage: "leave name plates out"},
		&cli.StringFlag{Name: "logo", Category: looks, Usage: "PNG or JPEG `FILE` in DIR/assets or the configured folder"},
		&cli.StringFlag{Name: "logo-corner", Category: looks, Usage: "top-left, top-right, bottom-left or bottom-right"},
		&cli.StringFlag{Name: "timestamp", Category: looks, Usage: "show the time: wall or elapsed"},
		&cli.StringFlag{Name: "time-zone", Category: looks, Usage: "`ZONE` of the wall clock, such as Europe/Vienna"},
		&cli.StringFlag{Name: "title", Category: looks, Usage: "open with a card of this `TEXT`"},
		&cli.StringFlag{Name: "subtitle", Category: looks, Usage: "smaller `TEXT` below the title"},

		&cli.StringFlag{Name: "format", Category: encoding, Usage: "mp4, webm, hls, m4a, opus or people"},
		&cli.StringFlag{Name: "quality", Category: encoding, Usage: "draft, standard or archive"},
		&cli.StringFlag{Name: "codec", Category: encoding, Usage: "h264, vp8, vp9 or av1"},
		&cli.StringFlag{Name: "encoder", Category: encoding, Usage: "software, vaapi, nvenc or qsv"},
		&cli.StringFlag{Name: "audio", Category: encoding, Usage: "mixed or multitrack"},
		&cli.StringSliceFlag{Name: "extra", Category: encoding, Usage: "`WHAT` is made beside the film: poster, sheet, chapters, speakers; may be repeated"},
	}
}

// filmSpec reads the wish: the file of --spec, and flags over it.
func filmSpec(cmd *cli.Command) (spec recording.CompositionSpec, err error) {
	if file := cmd.String("spec"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return spec, fmt.Errorf("read --spec: %w", err)
		}
		decoder := json.NewDecoder(strings.NewReader(string(b)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&spec); err != nil {
			return spec, fmt.Errorf("read --spec %s: %w", file, err)
		}
	}
	set := func(flag string, to *string) {
		if cmd.IsSet(flag) {
			*to = cmd.String(flag)
		}
	}
	list := func(flag string, to *[]string) {
		if cmd.IsSet(flag) {
			*to = cmd.StringSlice(flag)
		}
	}
	for flag, to := range map[string]*string{
		"layout": &spec.Layout, "host": &spec.Host, "focus": &spec.Focus, "background": &spec.Background, "time-zone": &spec.TimeZone,
		"pauses": (*string)(&spec.Pauses), "timestamp": (*string)(&spec.Timestamp),
		"format": &spec.Format, "quality": &spec.Quality, "codec": &spec.VideoCodec, "encoder": &spec.Encoder, "audio": &spec.Audio,
	} {
		set(flag, to)
	}
	for flag, to := range map[string]*int{"width": &spec.Width, "height": &spec.Height, "fps": &spec.FrameRate} {
		if cmd.IsSet(flag) {
			*to = cmd.Int(flag)
		}
	}
	for flag, to := range map[string]*recording.Seconds{"from": &spec.From, "to": &spec.To} {
		if cmd.IsSet(flag) {
			*to = recording.Seconds(cmd.Duration(flag))
		}
	}
	list("include", &spec.Include)
	list("exclude", &spec.Exclude)
	list("extra", &spec.Extras)
	if cmd.IsSet("hide-names") {
		spec.HideNames = cmd.Bool("hide-names")
	}
	if cmd.IsSet("withdrawn") || cmd.IsSet("withdrawn-mode") {
		w := recording.Withdrawal{}
		if spec.Withdrawn != nil {
			w = *spec.Withdrawn
		}
		list("withdrawn", &w.Participants)
		set("withdrawn-mode", (*string)(&w.Mode))
		spec.Withdrawn = &w
	}
	if cmd.IsSet("logo") || cmd.IsSet("logo-corner") {
		l := recording.Logo{}
		if spec.Logo != nil {
			l = *spec.Logo
		}
		set("logo", &l.File)
		set("logo-corner", (*string)(&l.Corner))
		spec.Logo = &l
	}
	if cmd.IsSet("title") || cmd.IsSet("subtitle") {
		t := recording.TitleCard{}
		if spec.Title != nil {
			t = *spec.Title
		}
		set("title", &t.Text)
		set("subtitle", &t.Subtitle)
		spec.Title = &t
	}
	if cmd.IsSet("box") {
		if spec.Boxes, err = readBoxes(cmd.StringSlice("box")); err != nil {
			return spec, err
		}
	}
	if cmd.IsSet("external") {
		spec.External, err = readExternal(cmd.StringSlice("external"))
	}
	return spec, err
}

// readBoxes reads X,Y,WIDTH,HEIGHT[,FIT[,WHO]].
func readBoxes(list []string) ([]recording.LayoutBox, error) {
	var boxes []recording.LayoutBox
	for _, text := range list {
		const all = 6
		fields := strings.SplitN(text, ",", all)
		var b recording.LayoutBox
		numbers := []*int{&b.X, &b.Y, &b.Width, &b.Height}
		if len(fields) < len(numbers) {
			return nil, fmt.Errorf("--box %q: write X,Y,WIDTH,HEIGHT[,FIT[,WHO]]", text)
		}
		for i, to := range numbers {
			n, err := strconv.Atoi(strings.TrimSpace(fields[i]))
			if err != nil {
				return nil, fmt.Errorf("--box %q: %q is no whole number", text, fields[i])
			}
			*to = n
		}
		if len(fields) > len(numbers) {
			b.Fit = recording.Fit(fields[len(numbers)])
		}
		if len(fields) == all {
			if err := readWho(&b, fields[all-1]); err != nil {
				return nil, fmt.Errorf("--box %q: %w", text, err)
			}
		}
		boxes = append(boxes, b)
	}
	return boxes, nil
}

func readWho(b *recording.LayoutBox, who string) (err error) {
	if identity, is := strings.CutPrefix(who, "id:"); is {
		b.Participant = identity
		return nil
	}
	if order, is := strings.CutPrefix(who, "#"); is {
		if b.Order, err = strconv.Atoi(order); err != nil {
			return fmt.Errorf("%q is no place in the order of coming", who)
		}
		return nil
	}
	b.Role = recording.Role(who)
	return nil
}

// readExternal reads IDENTITY@SECONDS=FILE.
func readExternal(list []string) ([]recording.ExternalVideo, error) {
	var out []recording.ExternalVideo
	for _, text := range list {
		rest, file, found := strings.Cut(text, "=")
		at := strings.LastIndexByte(rest, '@')
		if !found || at < 1 {
			return nil, fmt.Errorf("--external %q: write IDENTITY@SECONDS=FILE", text)
		}
		seconds, err := strconv.ParseFloat(rest[at+1:], 64)
		const most = 1e6
		if err != nil || seconds < -most || seconds > most {
			return nil, fmt.Errorf("--external %q: %q is no number of seconds", text, rest[at+1:])
		}
		out = append(out, recording.ExternalVideo{
			Participant: rest[:at], File: file, At: recording.Seconds(seconds * float64(time.Second)),
		})
	}
	return out, nil
}
