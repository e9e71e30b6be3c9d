package recording

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a duration or a position that is written to JSON as a number of
// seconds with microsecond precision, which ffmpeg and people read alike.
type Seconds time.Duration

// Duration returns s as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) }

// Float returns s in seconds.
func (s Seconds) Float() float64 { return time.Duration(s).Seconds() }

func (s Seconds) String() string { return string(s.append(nil)) }

func (s Seconds) append(b []byte) []byte {
	return strconv.AppendFloat(b, time.Duration(s).Round(time.Microsecond).Seconds(), 'f', -1, 64)
}

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) { return s.append(nil), nil }

// UnmarshalJSON implements json.Unmarshaler; numbers beyond ±290 years are refused.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("read seconds: %w", err)
	}
	const most = float64(math.MaxInt64) / float64(time.Second)
	if math.Abs(f) >= most {
		return fmt.Errorf("read seconds: %v is out of range", f)
	}
	*s = Seconds(time.Duration(math.Round(f*1e6)) * time.Microsecond)
	return nil
}
