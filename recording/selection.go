package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Kind is a media kind.
type Kind string

// The media kinds.
const (
	Audio Kind = "audio"
	Video Kind = "video"
)

// Selection says which tracks of a room a recording takes. The zero value
// takes all of them; each list that is not empty narrows it.
type Selection struct {
	// Identities are the participants to take.
	Identities []string `json:"identities,omitempty"`
	// Except are participants to leave out; it wins over Identities.
	Except []string `json:"except,omitempty"`
	// Streams are names of streams to take, such as "camera".
	Streams []string `json:"streams,omitempty"`
	// Kinds are media kinds to take: "audio" alone records sound only.
	Kinds []Kind `json:"kinds,omitempty"`
}

// Takes reports whether the selection covers a track.
func (s Selection) Takes(identity, stream string, kind Kind) bool {
	return !slices.Contains(s.Except, identity) &&
		admits(s.Identities, identity) && admits(s.Streams, stream) && admits(s.Kinds, kind)
}

func admits[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

// Normal returns the selection with every list sorted and free of repeats, so
// that equal selections compare equal.
func (s Selection) Normal() Selection {
	return Selection{
		Identities: normal(s.Identities), Except: normal(s.Except),
		Streams: normal(s.Streams), Kinds: normal(s.Kinds),
	}
}

func normal[T ~string](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// Key names the selection: equal selections have equal keys, whatever the
// order in which their lists were given.
func (s Selection) Key() string {
	b, _ := json.Marshal(s.Normal()) // strings only: cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Validate refuses kinds that do not exist and lists that are out of bounds.
func (s Selection) Validate() error {
	const mostEntries, longest = 1000, 256
	for _, k := range s.Kinds {
		if k != Audio && k != Video {
			return Errorf(CodeInvalidRequest, "selection.kinds: %s is neither \"audio\" nor \"video\"", quote(string(k)))
		}
	}
	for name, list := range map[string][]string{"identities": s.Identities, "except": s.Except, "streams": s.Streams} {
		if len(list) > mostEntries {
			return Errorf(CodeInvalidRequest, "selection.%s: %d entries, at most %d are allowed", name, len(list), mostEntries)
		}
		for _, v := range list {
			if v == "" || len(v) > longest {
				return Errorf(CodeInvalidRequest, "selection.%s: an entry must have 1 to %d bytes", name, longest)
			}
		}
	}
	return nil
}
