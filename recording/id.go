package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// Prefixes of the identifiers that roomreel hands out.
const (
	PrefixRecording   = "rec"
	PrefixPart        = "prt"
	PrefixComposition = "cmp"
)

// NewID returns a new identifier: the prefix, an underscore and a UUIDv7
// (RFC 9562 §5.7) in 32 hexadecimal digits. Identifiers sort by creation time
// and carry 74 random bits, so they cannot be guessed.
func NewID(prefix string) string {
	id := uuid.Must(uuid.NewV7())
	return prefix + "_" + hex.EncodeToString(id[:])
}

// DerivedID returns the identifier that follows from what something is about:
// whoever derives it, and however often, gets the same, so that what several nodes
// do is done once. Unlike those of NewID it does not sort by time.
func DerivedID(prefix, about string) string {
	sum := sha256.Sum256([]byte(about))
	return prefix + "_" + hex.EncodeToString(sum[:16])
}

// CheckID reports whether s is an identifier with the given prefix. Whatever
// passes is safe as a file name. The error is a *Error with CodeInvalidID.
func CheckID(prefix, s string) error {
	const digits = 32
	valid := len(s) == len(prefix)+1+digits && s[:len(prefix)] == prefix && s[len(prefix)] == '_'
	for i := len(prefix) + 1; valid && i < len(s); i++ {
		c := s[i]
		valid = c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
	}
	if !valid {
		return Errorf(CodeInvalidID, "%s is not an identifier of the form %s_<32 hexadecimal digits>", quote(s), prefix)
	}
	return nil
}

// quote shortens what a caller sent before it enters a message.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%.60q…", s)
	}
	return fmt.Sprintf("%q", s)
}
