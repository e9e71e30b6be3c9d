package recording

import "unicode/utf8"

// Request says what recording is wanted. Only Room is required.
type Request struct {
	// Room names the LiveKit room: 1 to 256 bytes of UTF-8.
	Room      string    `json:"room"`
	Selection Selection `json:"selection,omitzero"`
	Limits    Limits    `json:"limits,omitzero"`

	// Layout is the one that films follow from the start, if any. It can change
	// while the recording runs; the manifest keeps every change.
	Layout string `json:"layout,omitempty"`
	// Egress is the LiveKit egress that the recording serves. Such a recording
	// stands beside others of the same selection.
	Egress string `json:"egress,omitempty"`

	Subject
	// EndWithHost ends the recording when the host has left for good.
	EndWithHost bool `json:"end_with_host,omitempty"`

	// Delivery says where its file and its news go.
	Delivery Delivery `json:"delivery,omitzero"`
	// Compositions are the films to make as soon as it has ended.
	Compositions []CompositionSpec `json:"compositions,omitempty"`
	// DeleteParts deletes the parts once the films are made: all of Compositions, and one
	// at least of the whole recording.
	DeleteParts bool `json:"delete_parts,omitempty"`
}

// Subject says what a recording is about, in its caller's terms. Manifests keep
// it.
type Subject struct {
	// Host is the identity of whoever runs the meeting: layouts give them the
	// largest place.
	Host string `json:"host,omitempty"`
	// Session is the agent session that the recording belongs to, and Client its
	// agent. Both are empty for a meeting.
	Session string `json:"session,omitempty"`
	Client  string `json:"client,omitempty"`
	// Labels are the caller's own; roomreel only keeps them.
	Labels map[string]string `json:"labels,omitempty"`
}

// Delivery says where the file of a recording of one stream, and the news of
// it, go. The URLs may hold secrets: they are for Redis only, never for
// manifests, events or logs.
type Delivery struct {
	// UploadURL takes the file by HTTP PUT.
	UploadURL string `json:"upload_url,omitempty"`
	// WebhookURL is told what becomes of the recording, besides the configured
	// endpoints.
	WebhookURL string `json:"webhook_url,omitempty"`
	// Eyeson makes the bodies sent to WebhookURL those of eyeson's contract.
	Eyeson bool `json:"eyeson,omitempty"`
}

// Key names what must not be recorded twice at the same time: the selection, and
// the egress that the recording serves.
func (r Request) Key() string {
	if r.Egress == "" {
		return r.Selection.Key()
	}
	return r.Selection.Key() + ":" + r.Egress
}

// Validate refuses a request that cannot be meant.
func (r Request) Validate() error {
	const longestRoom = 256 // LiveKit's default limit.max_room_name_length
	if r.Room == "" || len(r.Room) > longestRoom || !utf8.ValidString(r.Room) {
		return Errorf(CodeInvalidRequest, "room: a name must have 1 to %d bytes of UTF-8", longestRoom)
	}
	if err := CheckLayout(r.Layout); err != nil {
		return err
	}
	const mostLabels, longestLabel, mostCompositions = 50, 1024, 10
	if len(r.Labels) > mostLabels {
		return Errorf(CodeInvalidRequest, "labels: %d entries, at most %d are allowed", len(r.Labels), mostLabels)
	}
	for name, value := range r.Labels {
		if name == "" || len(name) > longestLabel || len(value) > longestLabel {
			return Errorf(CodeInvalidRequest, "labels: a name must have 1 to %d bytes, a value at most as many", longestLabel)
		}
	}
	if len(r.Compositions) > mostCompositions {
		return Errorf(CodeInvalidRequest, "compositions: %d entries, at most %d are allowed", len(r.Compositions), mostCompositions)
	}
	if r.EndWithHost && r.Host == "" {
		return Errorf(CodeInvalidRequest, "end_with_host: it needs a host")
	}
	if err := r.Selection.Validate(); err != nil {
		return err
	}
	return r.Limits.Validate()
}

// CheckLayout refuses what cannot be the name of a layout. Which names there are
// the composer knows.
func CheckLayout(name string) error {
	const longest = 64
	if len(name) > longest || !utf8.ValidString(name) {
		return Errorf(CodeInvalidRequest, "layout: a name has at most %d bytes of UTF-8", longest)
	}
	return nil
}
