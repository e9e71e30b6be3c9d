package recording

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ManifestVersion is the version that this program writes, and the newest it reads.
const ManifestVersion = 1

// ManifestFile and JournalFile are the names of a recording's two own files.
const (
	ManifestFile = "recording.json"
	JournalFile  = "journal.jsonl"
)

// Manifest tells what a recording is: the truth on disk, solved from the
// journal. Every position is in seconds on the recording's timeline, whose
// zero is StartedAt.
type Manifest struct {
	Version   int       `json:"version"`
	ID        string    `json:"id"`
	Room      string    `json:"room"`
	RoomSID   string    `json:"room_sid,omitempty"`
	State     State     `json:"state"`
	Selection Selection `json:"selection,omitzero"`
	Subject
	CreatedAt time.Time `json:"created_at"`
	StartedAt time.Time `json:"started_at"`
	StoppedAt time.Time `json:"stopped_at,omitzero"`
	Ended     EndReason `json:"ended,omitempty"`
	Error     *Error    `json:"error,omitempty"`
	Duration  Seconds   `json:"duration_s"`

	// PartsDeletedAt is when the files of all parts were deleted, because films of them
	// were all that was to be kept.
	PartsDeletedAt time.Time `json:"parts_deleted_at,omitzero"`

	// Turns are the nodes' turns at it, in order: more than one where another took over.
	Turns []Turn `json:"turns,omitempty"`
	// Pauses are the intervals of which nothing was written.
	Pauses []Interval `json:"pauses,omitempty"`
	// Layouts are the changes of layout that were asked for while it ran.
	Layouts      []LayoutChange `json:"layouts,omitempty"`
	Participants []Participant  `json:"participants"`
	Parts        []Part         `json:"parts"`
	// Refused are tracks that could not be recorded, each with its cause.
	Refused []RefusedTrack `json:"refused,omitempty"`
	// DroppedDatagrams counts what the kernel dropped while it was recorded, of all
	// that its node received: that machine was too busy, or its buffers too small.
	DroppedDatagrams int64 `json:"dropped_datagrams,omitempty"`
}

// Participant is a person in the room. The same identity is the same person,
// however often they reconnect.
type Participant struct {
	Identity string `json:"identity"`
	Name     string `json:"name,omitempty"`
	// Kind is LiveKit's, in lower case: standard, agent, sip, ingress and so on.
	Kind string `json:"kind,omitempty"`
	// Present are the intervals in which they were in the room, Speaking those
	// in which they were among the active speakers.
	Present  []Presence `json:"present"`
	Speaking []Interval `json:"speaking,omitempty"`
}

// Presence is one stay of a participant under one LiveKit session.
type Presence struct {
	SID  string  `json:"sid"`
	From Seconds `json:"from_s"`
	To   Seconds `json:"to_s"`
}

// LayoutChange says that films follow a layout from At on, until the next change.
type LayoutChange struct {
	At     Seconds `json:"at_s"`
	Layout string  `json:"layout"`
}

// Interval is a stretch of time.
type Interval struct {
	From Seconds `json:"from_s"`
	To   Seconds `json:"to_s"`
}

// Part is one continuous media file of one participant's stream.
type Part struct {
	ID   string `json:"id"`
	File string `json:"file"`
	// Location is the URL of the file in storage, once it is there; the file may
	// then be gone from the folder.
	Location string `json:"location,omitempty"`
	// Participant is the identity, Stream the name of the stream: "camera",
	// "screen_share", or what the publisher called it.
	Participant string `json:"participant"`
	Stream      string `json:"stream"`
	Node        string `json:"node,omitempty"`
	Epoch       int64  `json:"epoch"`
	// Start is where the file's time zero lies on the timeline.
	Start    Seconds   `json:"start_s"`
	Duration Seconds   `json:"duration_s"`
	Bytes    int64     `json:"bytes"`
	Ended    EndReason `json:"ended"`
	Error    *Error    `json:"error,omitempty"`
	Tracks   []Track   `json:"tracks"`
}

// Track is one track inside a part. Positions in it are on the timeline.
type Track struct {
	// Number is the track's number in the file.
	Number int `json:"number"`
	// SIDs are the LiveKit tracks that it holds: more than one where the
	// publisher published again.
	SIDs   []string `json:"sids"`
	Source string   `json:"source"`
	Kind   Kind     `json:"kind"`
	Codec  string   `json:"codec"`
	// Start and End bound the track's media.
	Start Seconds `json:"start_s"`
	End   Seconds `json:"end_s"`
	// Sync maps file time to the timeline, piecewise linearly and extended
	// beyond its ends. It has at least one point.
	Sync []SyncPoint `json:"sync"`
	// Channels of sound: 1 if every packet was in mono, 2 if one was in stereo, 0
	// if it is not known. The file's head has 2 always, as WebRTC does.
	Channels int `json:"channels,omitempty"`
	// Residual is the largest distance of a clock observation from Sync.
	Residual Seconds `json:"residual_s"`

	Sizes   []Size     `json:"sizes,omitempty"`
	Muted   []Interval `json:"muted,omitempty"`
	Gaps    []Interval `json:"gaps,omitempty"`
	Freezes []Interval `json:"freezes,omitempty"`
	// Stalled are the intervals in which nothing came although it was not muted.
	Stalled []Interval `json:"stalled,omitempty"`

	Packets    int64 `json:"packets"`
	Lost       int64 `json:"lost"`
	Duplicates int64 `json:"duplicates"`
	Frames     int64 `json:"frames"`
	Bytes      int64 `json:"bytes"`
}

// SyncPoint says that the media at File in the file belongs at Timeline.
type SyncPoint struct {
	File     Seconds `json:"file_s"`
	Timeline Seconds `json:"at_s"`
}

// Size is a change of picture size. AV1 tells the largest that may come: with
// spatial layers, of which not all were sent, the pictures are smaller.
type Size struct {
	At     Seconds `json:"at_s"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
}

// RefusedTrack is a track that was not recorded, and why.
type RefusedTrack struct {
	At          Seconds `json:"at_s"`
	Participant string  `json:"participant"`
	SID         string  `json:"sid"`
	Source      string  `json:"source"`
	Codec       string  `json:"codec,omitempty"`
	Error       *Error  `json:"error"`
}

// At returns where file time t of the track lies on the timeline.
func (t Track) At(file Seconds) Seconds {
	p := t.Sync
	switch len(p) {
	case 0:
		return file
	case 1:
		return p[0].Timeline + file - p[0].File
	}
	i := 1
	for i < len(p)-1 && file >= p[i].File {
		i++
	}
	a, b := p[i-1], p[i]
	if b.File == a.File {
		return b.Timeline + file - b.File
	}
	return a.Timeline + Seconds(float64(file-a.File)*float64(b.Timeline-a.Timeline)/float64(b.File-a.File))
}

// ReadManifest reads the manifest in dir.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read manifest in %s: %w", dir, err)
	}
	if m.Version < 1 || m.Version > ManifestVersion {
		return nil, fmt.Errorf("read manifest in %s: version %d is not known to this program, which reads up to %d", dir, m.Version, ManifestVersion)
	}
	return &m, nil
}

// WriteManifest replaces the manifest in dir atomically and syncs it.
func WriteManifest(dir string, m *Manifest) error {
	m.Version = ManifestVersion
	return WriteJSON(filepath.Join(dir, ManifestFile), m)
}

// WriteJSON replaces the file at path by v as indented JSON: it writes beside
// it, syncs, renames and syncs the directory, so that a crash leaves either
// the old or the new file, never a mixture.
func WriteJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	err = replace(path, (*os.File).Sync, func(w io.Writer) error {
		if _, err := w.Write(append(b, '\n')); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes renames and creations in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
