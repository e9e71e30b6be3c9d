package api

import (
	"encoding/json"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// recordingProgress is the type of the events that tell how a recording fares. They
// are of the moment: made for those who watch, from what the store tells anyway, and
// kept nowhere.
const recordingProgress = "recording.progress"

// pace holds progress back, for one who watches: of each recording one event a
// second at most, but for a change of its state.
type pace map[string]paced

type paced struct {
	state recording.State
	at    time.Time
}

// due reports whether what has changed of r is to be told at now. An end is not: that
// is an event of its own.
func (p pace) due(r recording.Recording, now time.Time) bool {
	const least = time.Second
	last, told := p[r.ID]
	switch {
	case r.State.Final():
		delete(p, r.ID)
		return false
	case told && last.state == r.State && now.Sub(last.at) < least:
		return false
	}
	p[r.ID] = paced{r.State, now}
	return true
}

// progress is the event that tells how a recording fares that has changed, if the
// feed is to tell it now.
func (f eventFeed) progress(r recording.Recording, now time.Time) (Event, bool) {
	if f.Recording != "" && f.Recording != r.ID || f.Room != "" && f.Room != r.Room || !f.pace.due(r, now) {
		return Event{}, false
	}
	data, _ := json.Marshal(recordingBody(r)) // texts, numbers and times that were JSON before: cannot fail
	return Event{ID: recording.NewID("evt"), Type: recordingProgress, Time: now.UTC(), RecordingID: r.ID, Room: r.Room, Data: data}, true
}
