package recording

import (
	"slices"
	"time"
)

// Part returns the part of an identifier, or nil.
func (m *Manifest) Part(id string) *Part {
	i := slices.IndexFunc(m.Parts, func(p Part) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Parts[i]
}

// PartsKept is nil as long as the files of the parts are kept, and else tells with
// CodePartsDeleted since when they are not.
func (m *Manifest) PartsKept() error {
	if m.PartsDeletedAt.IsZero() {
		return nil
	}
	return Errorf(CodePartsDeleted, "the files of people were deleted at %s, once the films of recording %s were made, as its start wished",
		m.PartsDeletedAt.UTC().Format(time.RFC3339), m.ID)
}
