package recording

import (
	"errors"
	"strings"
	"testing"
)

func TestSelectionTakes(t *testing.T) {
	for _, c := range []struct {
		name     string
		s        Selection
		identity string
		stream   string
		kind     Kind
		want     bool
	}{
		{"everything", Selection{}, "ada", "camera", Video, true},
		{"everything, no name", Selection{}, "", "", Audio, true},
		{"the one", Selection{Identities: []string{"ada"}}, "ada", "camera", Video, true},
		{"another", Selection{Identities: []string{"ada"}}, "bob", "camera", Video, false},
		{"capitals are another", Selection{Identities: []string{"ada"}}, "Ada", "camera", Video, false},
		{"a prefix is another", Selection{Identities: []string{"ada"}}, "ada2", "camera", Video, false},
		{"one of two", Selection{Identities: []string{"ada", "bob"}}, "bob", "camera", Video, true},
		{"all but", Selection{Except: []string{"ada"}}, "bob", "camera", Video, true},
		{"the excepted", Selection{Except: []string{"ada"}}, "ada", "camera", Video, false},
		{"except wins", Selection{Identities: []string{"ada"}, Except: []string{"ada"}}, "ada", "camera", Video, false},
		{"stream", Selection{Streams: []string{"camera"}}, "ada", "camera", Audio, true},
		{"another stream", Selection{Streams: []string{"camera"}}, "ada", "screen_share", Video, false},
		{"sound only", Selection{Kinds: []Kind{Audio}}, "ada", "camera", Audio, true},
		{"no picture", Selection{Kinds: []Kind{Audio}}, "ada", "camera", Video, false},
		{"every list", Selection{[]string{"ada"}, []string{"bob"}, []string{"camera"}, []Kind{Video}}, "ada", "camera", Video, true},
		{"every list but one", Selection{[]string{"ada"}, []string{"bob"}, []string{"camera"}, []Kind{Video}}, "ada", "camera", Audio, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.s.Takes(c.identity, c.stream, c.kind); got != c.want {
				t.Errorf("Takes = %v, want %v", got, c.want)
			}
		})
	}
}

func TestSelectionKey(t *testing.T) {
	given := []string{"bob", "ada", "bob"}
	same := []Selection{
		{Identities: given, Kinds: []Kind{Video, Audio}},
		{Identities: []string{"ada", "bob"}, Kinds: []Kind{Audio, Video, Audio}},
		{Identities: []string{"bob", "ada"}, Kinds: []Kind{Audio, Video}, Except: []string{}, Streams: []string{}},
	}
	for i, s := range same {
		if s.Key() != same[0].Key() {
			t.Errorf("selection %d has another key", i)
		}
	}
	if given[0] != "bob" {
		t.Error("Key sorted its caller's list")
	}
	if (Selection{}).Key() != (Selection{Identities: []string{}}).Key() {
		t.Error("an empty list is not the same as none")
	}

	// The same words in other lists, or cut up differently, are other selections.
	keys := map[string]int{}
	different := []Selection{
		{},
		{Identities: []string{"a"}},
		{Except: []string{"a"}},
		{Streams: []string{"a"}},
		{Kinds: []Kind{"a"}},
		{Identities: []string{"a", "b"}},
		{Identities: []string{"a,b"}},
		{Identities: []string{`a","b`}},
		{Identities: []string{"a"}, Except: []string{"b"}},
	}
	for i, s := range different {
		if other, taken := keys[s.Key()]; taken {
			t.Errorf("selections %d and %d have one key", other, i)
		}
		keys[s.Key()] = i
	}
}

func TestSelectionValidate(t *testing.T) {
	many := strings.Split(strings.Repeat("a,", 1000)+"a", ",")
	for _, c := range []struct {
		name string
		s    Selection
		says string // in the error; valid if empty
	}{
		{"zero", Selection{}, ""},
		{"full", Selection{many[:1000], many[:1000], many[:1000], []Kind{Audio, Video}}, ""},
		{"longest entry", Selection{Identities: []string{strings.Repeat("a", 256)}}, ""},
		{"kind", Selection{Kinds: []Kind{"data"}}, "selection.kinds"},
		{"kind in capitals", Selection{Kinds: []Kind{"AUDIO"}}, "selection.kinds"},
		{"empty kind", Selection{Kinds: []Kind{""}}, "selection.kinds"},
		{"too many identities", Selection{Identities: many}, "selection.identities"},
		{"too many excepted", Selection{Except: many}, "selection.except"},
		{"too many streams", Selection{Streams: many}, "selection.streams"},
		{"empty identity", Selection{Identities: []string{"a", ""}}, "selection.identities"},
		{"long stream", Selection{Streams: []string{strings.Repeat("a", 257)}}, "selection.streams"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.s.Validate()
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, &Error{Code: CodeInvalidRequest}) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want %s that names %s", err, CodeInvalidRequest, c.says)
			}
		})
	}
}
