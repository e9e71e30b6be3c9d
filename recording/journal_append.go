package recording

import (
	"encoding/json"
	"strconv"
)

// appendJSON appends the entry as json.Marshal would write it. The kinds that come
// for every track every second are spelled out: reflection and a dozen
// allocations for each would be most of what a recording costs the heap.
func (e *Entry) appendJSON(b []byte) ([]byte, error) {
	head := Entry{At: e.At, Turn: e.Turn}
	switch {
	case *e == (Entry{At: e.At, Turn: e.Turn, Clock: e.Clock}) && e.Clock != nil:
		b = e.Clock.append(append(head.appendHead(b), `"clock":`...))
	case *e == (Entry{At: e.At, Turn: e.Turn, Report: e.Report}) && e.Report != nil:
		b = e.Report.append(append(head.appendHead(b), `"sender_report":`...))
	default:
		line, err := json.Marshal(e)
		return append(b, line...), err
	}
	return append(b, '}'), nil
}

// appendHead appends what begins every entry.
func (e *Entry) appendHead(b []byte) []byte {
	b = e.At.append(append(b, `{"at_s":`...))
	if e.Turn != 0 {
		b = strconv.AppendInt(append(b, `,"turn":`...), e.Turn, 10)
	}
	return append(b, ',')
}

func (c *ClockEntry) append(b []byte) []byte {
	b = appendTrack(b, c.Part, c.Number)
	b = strconv.AppendInt(append(b, `,"rtp":`...), c.RTP, 10)
	b = c.File.append(append(b, `,"file_s":`...))
	b = c.Arrival.append(append(b, `,"arrival_s":`...))
	if c.Channels != 0 {
		b = strconv.AppendInt(append(b, `,"channels":`...), int64(c.Channels), 10)
	}
	if c.Step != "" {
		b = appendString(append(b, `,"step":`...), c.Step)
	}
	return append(b, '}')
}

func (r *ReportEntry) append(b []byte) []byte {
	b = appendTrack(b, r.Part, r.Number)
	b = strconv.AppendInt(append(b, `,"rtp":`...), r.RTP, 10)
	b = strconv.AppendUint(append(b, `,"ntp":`...), r.NTP, 10)
	return append(b, '}')
}

// appendTrack appends which track of which part an entry is about.
func appendTrack(b []byte, part string, number int) []byte {
	b = appendString(append(b, `{"part":`...), part)
	return strconv.AppendInt(append(b, `,"number":`...), int64(number), 10)
}

// appendString appends a string as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		plain := s[i] == ' ' || s[i] == '_' || s[i] == '-' || '0' <= s[i] && s[i] <= '9' || 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !plain {
			quoted, _ := json.Marshal(s) // of a string it never fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
