package compose

import (
	"image/color"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // containers seldom have the zones

	"github.com/roomreel/roomreel/recording"
)

const (
	// mostText is how long a text may be that is given for a film.
	mostText = 300
	// mostPeople bounds lists of identities.
	mostPeople = 1000
	// mostExternal bounds the videos from outside.
	mostExternal = 50
	maxCard      = recording.Seconds(60 * time.Second)
)

func invalid(format string, args ...any) error {
	return recording.Errorf(recording.CodeInvalidRequest, format, args...)
}

func oneOf[T ~string](field string, v T, allowed ...T) error {
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	var list []string
	for _, a := range allowed {
		list = append(list, string(a))
	}
	return invalid("%s: %.40q is not one of %s", field, v, strings.Join(list, ", "))
}

// normalizePeople checks what a wish says about participants.
func normalizePeople(s *recording.CompositionSpec) error {
	if max(len(s.Include), len(s.Exclude), len(s.Avatars)) > mostPeople {
		return invalid("include, exclude, avatars: there may be %d each", mostPeople)
	}
	if w := s.Withdrawn; w != nil {
		if err := oneOf("withdrawn.mode", w.Mode, recording.WithdrawalBlur, recording.WithdrawalSilence, recording.WithdrawalBoth); err != nil {
			return err
		}
		if len(w.Participants) == 0 || len(w.Participants) > mostPeople {
			return invalid("withdrawn.participants: give the identities of 1 to %d participants", mostPeople)
		}
		s.Withdrawn = &recording.Withdrawal{Participants: w.Participants, Mode: or(w.Mode, recording.WithdrawalBoth)}
	}
	if len(s.External) > mostExternal {
		return invalid("external: %d are too many, there may be %d", len(s.External), mostExternal)
	}
	for i, e := range s.External {
		if _, known := demuxers[strings.ToLower(filepath.Ext(e.File))]; !known || !filepath.IsLocal(e.File) {
			return invalid("external[%d].file: %.60q is no %s file inside the recording's directory", i, e.File, names(demuxers))
		}
		if e.Participant == "" {
			return invalid("external[%d].participant: name the identity whose video it is", i)
		}
		if e.End != 0 && e.End <= e.At || e.Duration < 0 || e.Width < 0 || e.Height < 0 || max(e.At, -e.At, e.End, e.Duration) > longest {
			return invalid("external[%d]: its times are out of range", i)
		}
	}
	return nil
}

// normalizeLooks fills in and checks colours, texts and pictures.
func normalizeLooks(s *recording.CompositionSpec) error {
	if s.Background == "" {
		s.Background = hexText(canvasColour)
	}
	if _, ok := parseColour(s.Background); !ok {
		return invalid("background: %.40q is no colour such as #1a2b3c", s.Background)
	}
	if err := oneOf("pauses", s.Pauses, recording.PausesCut, recording.PausesMark, recording.PausesKeep); err != nil {
		return err
	}
	s.Pauses = or(s.Pauses, recording.PausesCut)
	if err := oneOf("timestamp", s.Timestamp, recording.TimestampWall, recording.TimestampElapsed); err != nil {
		return err
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		return invalid("time_zone: %.40q is no zone such as Europe/Vienna", s.TimeZone)
	}
	for identity, file := range s.Avatars {
		if !isPicture(file) {
			return invalid("avatars[%.40q]: %.60q is no PNG or JPEG inside the folder of assets", identity, file)
		}
	}
	if t := s.Title; t != nil {
		if t.Text == "" || len(t.Text) > mostText || len(t.Subtitle) > mostText {
			return invalid("title: text is required, and it and subtitle have at most %d bytes", mostText)
		}
		if t.Duration < 0 || t.Duration > maxCard {
			return invalid("title.duration_s: %v is out of range, it goes up to %v", t.Duration, maxCard)
		}
		s.Title = &recording.TitleCard{Text: t.Text, Subtitle: t.Subtitle, Duration: or(t.Duration, titleTime)}
	}
	if l := s.Logo; l != nil {
		if err := oneOf("logo.corner", l.Corner, recording.TopLeft, recording.TopRight, recording.BottomLeft, recording.BottomRight); err != nil {
			return err
		}
		if !isPicture(l.File) {
			return invalid("logo.file: %.60q is no PNG or JPEG inside the folder of assets", l.File)
		}
		const most, usual = 50, 10
		if l.Height < 0 || l.Height > most {
			return invalid("logo.height_percent: %d is out of range, it goes from 1 to %d", l.Height, most)
		}
		s.Logo = &recording.Logo{File: l.File, Corner: or(l.Corner, recording.TopRight), Height: or(l.Height, usual)}
	}
	return nil
}

func isPicture(file string) bool {
	return filepath.IsLocal(file) && slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(file)))
}

// parseColour reads #rrggbb.
func parseColour(s string) (color.NRGBA, bool) {
	if len(s) != 7 || s[0] != '#' {
		return color.NRGBA{}, false
	}
	v, err := strconv.ParseUint(s[1:], 16, 24)
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}, err == nil
}
