package recording

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const digits = "0198f3a17c2b7d4e9a5b6c7d8e9f0a1b"

func TestNewID(t *testing.T) {
	var ids []string
	for range 1000 {
		id := NewID(PrefixPart)
		if err := CheckID(PrefixPart, id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("identifiers do not sort by the time they were made")
	}
	if len(slices.Compact(ids)) != 1000 {
		t.Error("an identifier was made twice")
	}
}

func TestCheckID(t *testing.T) {
	for _, c := range []struct {
		name, prefix, id string
		ok               bool
	}{
		{"whole", "rec", "rec_" + digits, true},
		{"all zero", "rec", "rec_" + strings.Repeat("0", 32), true},
		{"empty", "rec", "", false},
		{"prefix only", "rec", "rec_", false},
		{"of another kind", "rec", "prt_" + digits, false},
		{"no prefix", "rec", digits, false},
		{"prefix in capitals", "rec", "REC_" + digits, false},
		{"capitals", "rec", "rec_" + strings.ToUpper(digits), false},
		{"one digit short", "rec", "rec_" + digits[1:], false},
		{"one digit more", "rec", "rec_" + digits + "0", false},
		{"dash for underscore", "rec", "rec-" + digits, false},
		{"dots", "rec", "rec_" + strings.Repeat("../", 10) + "ab", false},
		{"parent", "rec", "rec_" + strings.Repeat(".", 32), false},
		{"slash", "rec", "rec_" + digits[:31] + "/", false},
		{"backslash", "rec", "rec_" + digits[:31] + `\`, false},
		{"NUL", "rec", "rec_" + digits[:31] + "\x00", false},
		{"newline after", "rec", "rec_" + digits + "\n", false},
		{"space before", "rec", " rec_" + digits, false},
		{"digits of another script", "rec", "rec_" + strings.Repeat("٣", 16), false},
		{"not UTF-8", "rec", "rec_" + strings.Repeat("\xff", 32), false},
		{"very long", "rec", "rec_" + strings.Repeat("a", 1<<20), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := CheckID(c.prefix, c.id)
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, &Error{Code: CodeInvalidID}) {
				t.Fatalf("error is %v, want one with %s", err, CodeInvalidID)
			}
			if len(err.Error()) > 500 {
				t.Errorf("the message repeats all that was sent: %d bytes", len(err.Error()))
			}
		})
	}
}

// FuzzCheckID holds the promise that what passes is safe as a file name.
func FuzzCheckID(f *testing.F) {
	for _, s := range []string{"", "rec_" + digits, "rec_../../../../../../../etc/passwd", "rec_" + digits + "\x00", "rec_\xff"} {
		f.Add("rec", s)
	}
	f.Add("", "_"+digits)
	f.Fuzz(func(t *testing.T, prefix, s string) {
		if CheckID(prefix, s) != nil {
			return
		}
		rest := strings.TrimPrefix(s, prefix+"_")
		if len(rest) != 32 || strings.Trim(rest, "0123456789abcdef") != "" {
			t.Fatalf("%q passed", s)
		}
		if strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz") == "" && filepath.Base(s) != s {
			t.Fatalf("%q passed and is not a file name", s)
		}
	})
}

func TestDerivedID(t *testing.T) {
	// The first half of SHA-256 of "abc" (FIPS 180-4, example).
	const want = PrefixRecording + "_ba7816bf8f01cfea414140de5dae2223"
	if got := DerivedID(PrefixRecording, "abc"); got != want || CheckID(PrefixRecording, got) != nil {
		t.Errorf("got %s, want %s", got, want)
	}
}
