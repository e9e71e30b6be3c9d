package recording

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestSecondsJSON(t *testing.T) {
	for _, c := range []struct {
		s    Seconds
		json string
		back Seconds
	}{
		{0, "0", 0},
		{Seconds(time.Microsecond), "0.000001", Seconds(time.Microsecond)},
		{Seconds(499 * time.Nanosecond), "0", 0},
		{Seconds(500 * time.Nanosecond), "0.000001", Seconds(time.Microsecond)},
		{Seconds(-1500 * time.Millisecond), "-1.5", Seconds(-1500 * time.Millisecond)},
		{Seconds(100 * time.Millisecond), "0.1", Seconds(100 * time.Millisecond)},
		{Seconds(time.Second/3 + time.Hour), "3600.333333", Seconds(time.Hour + 333333*time.Microsecond)},
		{Seconds(30*time.Hour + time.Microsecond), "108000.000001", Seconds(30*time.Hour + time.Microsecond)},
		{Seconds(100 * 365 * 24 * time.Hour), "3153600000", Seconds(100 * 365 * 24 * time.Hour)},
	} {
		t.Run(c.json, func(t *testing.T) {
			b, err := json.Marshal(c.s)
			if err != nil || string(b) != c.json {
				t.Fatalf("Marshal = %s, %v; want %s", b, err, c.json)
			}
			if c.s.String() != c.json {
				t.Errorf("String = %s, want %s", c.s, c.json)
			}
			var back Seconds
			if err := json.Unmarshal(b, &back); err != nil || back != c.back {
				t.Errorf("Unmarshal = %d, %v; want %d", back, err, c.back)
			}
		})
	}
}

func TestSecondsRefused(t *testing.T) {
	for _, s := range []string{`"1"`, `"1s"`, `{}`, `[1]`, `true`, `1e10`, `-1e10`, `1e400`, `9223372036.9`, `NaN`, ``, `1,`} {
		before := Seconds(7)
		got := before
		if err := json.Unmarshal([]byte(s), &got); err == nil {
			t.Errorf("%q was read as %v", s, got)
		} else if got != before {
			t.Errorf("%q was refused and yet changed the value", s)
		}
	}
}

func TestSecondsUnits(t *testing.T) {
	s := Seconds(1500 * time.Millisecond)
	if s.Duration() != 1500*time.Millisecond || s.Float() != 1.5 {
		t.Errorf("Duration = %v, Float = %v", s.Duration(), s.Float())
	}
}

// FuzzSeconds: what can be read is written as it will be read again, and lies
// within a microsecond of the number.
func FuzzSeconds(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.5", "1e-7", "9223372036.854774", "-9223372036.854774", "1e400", "108000.0000005", "null", `"1"`, "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Seconds
		if json.Unmarshal(b, &s) != nil {
			return
		}
		var number float64
		if err := json.Unmarshal(b, &number); err != nil {
			t.Fatalf("%q is no number and was read as %v", b, s)
		}
		if off := math.Abs(s.Float() - number); off > 1e-6+math.Abs(number)*1e-15 {
			t.Fatalf("%q was read as %v, off by %v", b, s, off)
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Seconds
		if err := json.Unmarshal(out, &again); err != nil || again != s {
			t.Fatalf("%q was read as %d, written as %s and read as %d, %v", b, s, out, again, err)
		}
	})
}
