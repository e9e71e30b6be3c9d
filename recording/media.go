package recording

import (
	"path/filepath"
	"slices"
)

// MediaType is the content type of the part's file (RFC 9559 §27.3 for Matroska).
func (p Part) MediaType() string {
	kind := "audio"
	if slices.ContainsFunc(p.Tracks, func(t Track) bool { return t.Kind == Video }) {
		kind = "video"
	}
	if filepath.Ext(p.File) == ".webm" {
		return kind + "/webm"
	}
	return kind + "/x-matroska"
}
