package compose

import (
	"strings"
	"unicode"

	"github.com/go-text/typesetting/segmenter"
)

const (
	// mostRunes is how much of a name is looked at; no tile shows more.
	mostRunes = 80
	// mostMarks is how many marks may be piled on a letter.
	mostMarks = 3
)

// nameFor returns what a tile calls a participant, and up to two initials. It
// falls back from the name to the identity, and to "?" when neither has
// anything to read.
func nameFor(name, identity string) (label, initials string) {
	for _, s := range []string{name, identity} {
		if label = clean(s); label != "" {
			return label, initialsOf(label)
		}
	}
	return "?", "?"
}

// initialsOf takes the first letter of the first two words. Of scripts that
// join their letters it takes one, and of a name without letters its symbol.
func initialsOf(label string) string {
	initials := ""
	words := strings.Fields(label)
	for _, w := range words {
		for _, g := range graphemes(w) {
			r := []rune(g)[0]
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				continue
			}
			if initials += strings.ToUpper(g); unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian) {
				return initials
			}
			break
		}
		if len(graphemes(initials)) == 2 {
			return initials
		}
	}
	if initials == "" {
		for _, g := range graphemes(label) {
			if unicode.IsSymbol([]rune(g)[0]) && g[0] > unicode.MaxASCII {
				return g
			}
		}
		return "?"
	}
	return initials
}

// graphemes divides s into what people take for characters.
func graphemes(s string) []string {
	var seg segmenter.Segmenter
	seg.InitWithString(s)
	var out []string
	for i := seg.GraphemeIterator(); i.Next(); {
		out = append(out, string(i.Grapheme().Text))
	}
	return out
}

// clean makes one line of a text: spaces folded, and left out what is not to
// be seen (control characters, overrides of direction, broken bytes) or is
// piled up too high.
func clean(s string) string { return cleanUpTo(s, mostRunes) }

// cleanUpTo is clean for a text of so many runes.
func cleanUpTo(s string, most int) string {
	var b strings.Builder
	n, marks := 0, 0
	for _, r := range s {
		if unicode.Is(unicode.M, r) && !steers(r) {
			if marks++; marks > mostMarks {
				continue
			}
		} else {
			marks = 0
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r != unicode.ReplacementChar && (unicode.IsGraphic(r) || steers(r)):
			b.WriteRune(r)
		}
		if n++; n == most {
			break
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// steers reports whether r is not to be seen itself but joins others: in
// Persian and Indian scripts and in emoji.
func steers(r rune) bool {
	const joiner, nonJoiner, emojiStyle = 0x200d, 0x200c, 0xfe0f
	return r == joiner || r == nonJoiner || r == emojiStyle || r >= 0xe0020 && r <= 0xe007f // flags of regions
}
