package compose

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// mostRunes is how much of a name is looked at; no tile shows more.
const mostRunes = 80

// nameFor returns what a tile calls a participant, and up to two initials. It
// falls back from the name to the identity, and to "?" when neither can be drawn.
func nameFor(name, identity string) (label, initials string) {
	for _, s := range []string{name, identity} {
		if label = clean(s); label == "" {
			continue
		}
		words := strings.Fields(label)
		for _, w := range words {
			for _, r := range w {
				if unicode.IsLetter(r) || unicode.IsDigit(r) {
					initials += string(unicode.ToUpper(r))
					break
				}
			}
			if utf8.RuneCountInString(initials) == 2 {
				break
			}
		}
		if initials == "" {
			initials = "?"
		}
		return label, initials
	}
	return "?", "?"
}

// clean makes one line of what can be drawn: spaces folded, and runes that no
// font has left out, control characters with them.
func clean(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case drawable(r):
			b.WriteRune(r)
		}
		if n++; n == mostRunes {
			break
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// shorten cuts s to width, with an ellipsis in place of what is left out.
func shorten(face font.Face, s string, width int) string {
	limit := fixed.I(width)
	if font.MeasureString(face, s) <= limit {
		return s
	}
	for runes := []rune(s); len(runes) > 0; runes = runes[:len(runes)-1] {
		if short := strings.TrimSpace(string(runes)) + "…"; font.MeasureString(face, short) <= limit {
			return short
		}
	}
	return ""
}
