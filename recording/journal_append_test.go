package recording

import (
	"encoding/json"
	"math"
	"testing"
)

// TestEntryJSON: what is spelled out is what encoding/json writes.
func TestEntryJSON(t *testing.T) {
	entries := append(everyEntry(),
		Entry{Clock: &ClockEntry{}},
		Entry{At: seconds(-0.5), Turn: 7, Clock: &ClockEntry{Part: `p"<\` + "\n\xff", Number: -1, RTP: math.MinInt64, File: math.MaxInt64, Arrival: math.MinInt64}},
		Entry{At: seconds(1e6), Turn: -7, Report: &ReportEntry{Part: "prt_é", RTP: math.MaxInt64}},
		Entry{Clock: &ClockEntry{Step: "sender reports"}, Report: &ReportEntry{Part: "both"}},
	)
	for _, e := range entries {
		want, err := json.Marshal(e)
		must(t, err)
		got, err := e.appendJSON([]byte("before"))
		must(t, err)
		if string(got) != "before"+string(want) {
			t.Errorf("got  %s\nwant before%s", got, want)
		}
	}
}

// TestAppendAllocates: the entries that come every second cost the heap nothing.
func TestAppendAllocates(t *testing.T) {
	j, err := OpenJournal(t.TempDir())
	must(t, err)
	defer j.Close()
	entries := []Entry{
		{At: seconds(2), Turn: 1, Clock: &ClockEntry{"prt_1", 1, 1 << 40, seconds(1.5), seconds(2), 2, "rtp time stood still"}},
		{At: seconds(2), Turn: 1, Report: &ReportEntry{"prt_1", 1, -5, 1<<64 - 1}},
	}
	n := testing.AllocsPerRun(1000, func() {
		for _, e := range entries {
			if err := j.Append(e); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 2 { // Append's own copies
		t.Errorf("%v allocations, want 2 at most", n)
	}
}
