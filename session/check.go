package session

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roomreel/roomreel/recording"
)

func (s *Service) checkOpen(clientID string, streams []string, webhookURL string) error {
	if err := checkName("client_id", clientID); err != nil {
		return err
	}
	if len(streams) > s.o.MaxStreams {
		return recording.Errorf(recording.CodeInvalidRequest, "streams: %d, at most %d are allowed", len(streams), s.o.MaxStreams)
	}
	for i, name := range streams {
		if err := checkStream(name); err != nil {
			return err
		}
		if slices.Contains(streams[:i], name) {
			return recording.Errorf(recording.CodeInvalidRequest, "streams: there are two of the name %q", name)
		}
	}
	return s.checkURL("webhook_url", webhookURL)
}

func checkName(field, name string) error {
	const longest = 128
	if name == "" || len(name) > longest || !utf8.ValidString(name) {
		return recording.Errorf(recording.CodeInvalidRequest, "%s: a name must have 1 to %d bytes of UTF-8", field, longest)
	}
	return nil
}

// checkStream keeps names to what fits into a path, and apart from those of the
// streams' tracks.
func checkStream(name string) error {
	if err := checkName("stream", name); err != nil {
		return err
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) {
		return recording.Errorf(recording.CodeInvalidRequest, "stream: a name must have neither a slash nor control characters")
	}
	return nil
}

func (s *Service) checkURL(field, url string) error {
	if url == "" {
		return nil
	}
	if err := s.o.CheckURL(url); err != nil {
		return recording.Errorf(recording.CodeOf(err), "%s: %w", field, err)
	}
	return nil
}
