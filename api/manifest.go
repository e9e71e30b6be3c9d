package api

import (
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Manifest tells what a recording is. Positions are in seconds on the
// recording's timeline, whose zero is started_at.
type Manifest struct {
	Version      int               `json:"version" doc:"Version of this form." example:"1"`
	ID           string            `json:"id" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room         string            `json:"room" doc:"Name of the LiveKit room." example:"standup"`
	RoomSID      string            `json:"room_sid,omitempty" doc:"LiveKit's identifier of the room's session." example:"RM_Xy3bN8kq2LdT"`
	State        string            `json:"state" doc:"State of the recording." example:"stopped"`
	Selection    Selection         `json:"selection,omitzero" doc:"Which streams it takes; all of them, when absent."`
	Host         string            `json:"host,omitempty" doc:"Identity of whoever runs the meeting." example:"anna"`
	Session      string            `json:"session,omitempty" doc:"The agent session that it belongs to." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Client       string            `json:"client,omitempty" doc:"The agent of that session." example:"agent-7"`
	Labels       map[string]string `json:"labels,omitempty" doc:"The caller's own names and values." example:"{\"case\":\"4711\"}"`
	CreatedAt    time.Time         `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	StartedAt    time.Time         `json:"started_at" doc:"Zero of the timeline." example:"2026-03-01T09:00:00.2Z"`
	StoppedAt    time.Time         `json:"stopped_at,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
	PartsDeleted time.Time         `json:"parts_deleted_at,omitzero" doc:"When the files of all parts were deleted, as delete_parts wished." example:"2026-03-02T10:00:00Z"`
	Ended        string            `json:"ended,omitempty" doc:"Why it ended." example:"stop"`
	Error        *Failure          `json:"error,omitempty" doc:"Why it failed."`
	Duration     float64           `json:"duration_s" doc:"Length of the timeline." example:"1799.8"`
	Layouts      []LayoutChange    `json:"layouts,omitempty" doc:"The changes of layout that were asked for while it ran."`
	Turns        []Turn            `json:"turns,omitempty" doc:"The nodes that recorded it, one after the other."`
	Pauses       []Interval        `json:"pauses,omitempty" doc:"Intervals of which nothing was written."`
	Participants []Participant     `json:"participants" doc:"Who was in the room."`
	Parts        []Part            `json:"parts" doc:"The media files."`
	Refused      []RefusedTrack    `json:"refused,omitempty" doc:"Tracks that could not be recorded."`
	Dropped      int64             `json:"dropped_datagrams,omitempty" doc:"Datagrams that the kernel dropped, of all that the node received meanwhile: it was too busy, or its buffers too small." example:"0"`
}

// Turn is one node's turn at the recording.
type Turn struct {
	Epoch int64   `json:"epoch" doc:"Orders the turns at a room: it only grows." example:"1767225600001"`
	Node  string  `json:"node" doc:"The node." example:"node-1"`
	From  float64 `json:"from_s" doc:"When it took over." example:"0"`
	To    float64 `json:"to_s" doc:"The last that is known of it." example:"912.4"`
	Away  bool    `json:"away,omitempty" doc:"The node went away with its parts: they are missing until it is back, and from_s and to_s are not known." example:"true"`
}

// LayoutChange says that films follow a layout from then on, until the next change.
type LayoutChange struct {
	At     float64 `json:"at_s" doc:"From when." example:"312.5"`
	Layout string  `json:"layout" doc:"Name of the layout." example:"speaker"`
}

// Participant is a person in the room, however often they reconnected.
type Participant struct {
	Identity string     `json:"identity" doc:"LiveKit identity." example:"anna"`
	Name     string     `json:"name,omitempty" doc:"Display name." example:"Anna"`
	Kind     string     `json:"kind,omitempty" doc:"LiveKit's kind of participant: standard, agent, sip, ingress and so on." example:"standard"`
	Present  []Presence `json:"present" doc:"When they were in the room."`
	Speaking []Interval `json:"speaking,omitempty" doc:"When they spoke."`
}

// Presence is one stay of a participant under one LiveKit session.
type Presence struct {
	SID  string  `json:"sid" doc:"LiveKit's identifier of the session." example:"PA_q7cV2bYw9sKf"`
	From float64 `json:"from_s" doc:"When it began." example:"0"`
	To   float64 `json:"to_s" doc:"When it ended." example:"1799.8"`
}

// Part is one media file: one participant's stream without a break.
type Part struct {
	ID          string   `json:"id" doc:"Identifier." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	File        string   `json:"file" doc:"Name in the recording's folder." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm"`
	Location    string   `json:"location,omitempty" doc:"URL of the file in storage, once it is there." example:"s3://recordings/rec_0199a3f27c5d7e0fb1d2c3b4a5968778/prt_0199a3f27c5d7e0fb1d2c3b4a5968779.webm"`
	Media       string   `json:"media" doc:"Path to download it from." example:"/v1/recordings/rec_0199a3f27c5d7e0fb1d2c3b4a5968778/parts/prt_0199a3f27c5d7e0fb1d2c3b4a5968778/media"`
	MediaType   string   `json:"media_type" doc:"Content type of the file." example:"video/webm"`
	Participant string   `json:"participant" doc:"Identity of the participant." example:"anna"`
	Stream      string   `json:"stream" doc:"Name of the stream." example:"camera"`
	Node        string   `json:"node,omitempty" doc:"The node that wrote it." example:"node-1"`
	Epoch       int64    `json:"epoch" doc:"Grows with every node that takes the recording over." example:"1"`
	Start       float64  `json:"start_s" doc:"Where the file's time zero lies on the timeline." example:"0.25"`
	Duration    float64  `json:"duration_s" doc:"Length of the file." example:"1799.5"`
	Bytes       int64    `json:"bytes" doc:"Size of the file." example:"137448559"`
	Ended       string   `json:"ended" doc:"Why it ended." example:"stop"`
	Error       *Failure `json:"error,omitempty" doc:"What went wrong with it."`
	Tracks      []Track  `json:"tracks" doc:"The tracks in the file."`
}

// PartList lists the parts of a recording.
type PartList struct {
	Data []Part `json:"data" doc:"The parts, all of them."`
}

// Track is one track inside a part. Positions are on the timeline.
type Track struct {
	Number     int         `json:"number" doc:"Number in the file." example:"1"`
	SIDs       []string    `json:"sids" doc:"The LiveKit tracks that it holds: more than one where the publisher published again." example:"[\"TR_VCk8sW3nQz5xBd\"]"`
	Source     string      `json:"source" doc:"LiveKit's source." example:"camera"`
	Kind       string      `json:"kind" enum:"audio,video" doc:"Media kind." example:"video"`
	Codec      string      `json:"codec" doc:"Codec." example:"vp8"`
	Channels   int         `json:"channels,omitempty" enum:"1,2" doc:"Channels of sound: 1 if every packet was in mono, 2 if one was in stereo. Left out if it is not known." example:"1"`
	Start      float64     `json:"start_s" doc:"Where its media begins." example:"0.25"`
	End        float64     `json:"end_s" doc:"Where its media ends." example:"1799.75"`
	Sync       []SyncPoint `json:"sync" doc:"Maps file time to the timeline, piecewise linearly."`
	Residual   float64     `json:"residual_s" doc:"Largest distance of a clock observation from sync." example:"0.004"`
	Sizes      []Size      `json:"sizes,omitempty" doc:"Changes of picture size. AV1 tells the largest that may come: with spatial layers, of which not all were sent, the pictures are smaller."`
	Muted      []Interval  `json:"muted,omitempty" doc:"When it was muted."`
	Gaps       []Interval  `json:"gaps,omitempty" doc:"Where packets were lost for good."`
	Freezes    []Interval  `json:"freezes,omitempty" doc:"Where the picture stands still."`
	Stalled    []Interval  `json:"stalled,omitempty" doc:"When nothing came although it was not muted."`
	Packets    int64       `json:"packets" doc:"Packets received." example:"215000"`
	Lost       int64       `json:"lost" doc:"Packets lost for good." example:"2"`
	Duplicates int64       `json:"duplicates" doc:"Packets that came more than once." example:"0"`
	Frames     int64       `json:"frames" doc:"Frames written." example:"53990"`
	Bytes      int64       `json:"bytes" doc:"Bytes of media written." example:"130000000"`
}

// SyncPoint says that the media at file_s in the file belongs at at_s.
type SyncPoint struct {
	File     float64 `json:"file_s" doc:"Position in the file." example:"0"`
	Timeline float64 `json:"at_s" doc:"Position on the timeline." example:"0.25"`
}

// Interval is a stretch of the timeline.
type Interval struct {
	From float64 `json:"from_s" doc:"Where it begins." example:"12.5"`
	To   float64 `json:"to_s" doc:"Where it ends." example:"14"`
}

// Size is a change of picture size.
type Size struct {
	At     float64 `json:"at_s" doc:"When." example:"0.25"`
	Width  int     `json:"width" doc:"In pixels." example:"1280"`
	Height int     `json:"height" doc:"In pixels." example:"720"`
}

// RefusedTrack is a track that was not recorded, and why.
type RefusedTrack struct {
	At          float64  `json:"at_s" doc:"When it appeared." example:"3.1"`
	Participant string   `json:"participant" doc:"Identity of the participant." example:"ben"`
	SID         string   `json:"sid" doc:"LiveKit's identifier." example:"TR_VCm2pR6tLw8yHf"`
	Source      string   `json:"source" doc:"LiveKit's source." example:"camera"`
	Codec       string   `json:"codec,omitempty" doc:"Codec." example:"h264"`
	Error       *Failure `json:"error,omitempty" doc:"Why."`
}

func manifestBody(m *recording.Manifest) Manifest {
	return Manifest{
		Version: m.Version, ID: m.ID, Room: m.Room, RoomSID: m.RoomSID, State: string(m.State), Selection: selectionBody(m.Selection),
		Host: m.Host, Session: m.Session, Client: m.Client, Labels: m.Labels,
		CreatedAt: m.CreatedAt.UTC(), StartedAt: m.StartedAt.UTC(), StoppedAt: m.StoppedAt.UTC(), PartsDeleted: m.PartsDeletedAt.UTC(),
		Ended: string(m.Ended), Error: failureBody(m.Error), Duration: seconds(m.Duration),
		Layouts: each(m.Layouts, func(c recording.LayoutChange) LayoutChange { return LayoutChange{At: seconds(c.At), Layout: c.Layout} }),
		Turns: each(m.Turns, func(t recording.Turn) Turn {
			return Turn{Epoch: t.Epoch, Node: t.Node, From: seconds(t.From), To: seconds(t.To), Away: t.Away}
		}),
		Pauses: each(m.Pauses, intervalBody), Participants: each(m.Participants, participantBody), Parts: partBodies(m), Refused: each(m.Refused, refusedBody), Dropped: m.DroppedDatagrams,
	}
}

func participantBody(p recording.Participant) Participant {
	return Participant{
		Identity: p.Identity, Name: p.Name, Kind: p.Kind,
		Present: each(p.Present, func(s recording.Presence) Presence {
			return Presence{SID: s.SID, From: seconds(s.From), To: seconds(s.To)}
		}),
		Speaking: each(p.Speaking, intervalBody),
	}
}

func partBodies(m *recording.Manifest) []Part {
	return each(m.Parts, func(p recording.Part) Part {
		return Part{
			ID: p.ID, File: p.File, Location: p.Location, Media: "/v1/recordings/" + m.ID + "/parts/" + p.ID + "/media", MediaType: mediaType(p.File, hasVideo(p)),
			Participant: p.Participant, Stream: p.Stream, Node: p.Node, Epoch: p.Epoch,
			Start: seconds(p.Start), Duration: seconds(p.Duration), Bytes: p.Bytes,
			Ended: string(p.Ended), Error: failureBody(p.Error), Tracks: each(p.Tracks, trackBody),
		}
	})
}

func trackBody(t recording.Track) Track {
	return Track{
		Number: t.Number, SIDs: texts(t.SIDs), Source: t.Source, Kind: string(t.Kind), Codec: t.Codec, Channels: t.Channels, Start: seconds(t.Start), End: seconds(t.End),
		Sync: each(t.Sync, func(p recording.SyncPoint) SyncPoint {
			return SyncPoint{File: seconds(p.File), Timeline: seconds(p.Timeline)}
		}),
		Residual: seconds(t.Residual),
		Sizes: each(t.Sizes, func(z recording.Size) Size {
			return Size{At: seconds(z.At), Width: z.Width, Height: z.Height}
		}),
		Muted: each(t.Muted, intervalBody), Gaps: each(t.Gaps, intervalBody), Freezes: each(t.Freezes, intervalBody), Stalled: each(t.Stalled, intervalBody),
		Packets: t.Packets, Lost: t.Lost, Duplicates: t.Duplicates, Frames: t.Frames, Bytes: t.Bytes,
	}
}

func intervalBody(i recording.Interval) Interval {
	return Interval{From: seconds(i.From), To: seconds(i.To)}
}

func refusedBody(r recording.RefusedTrack) RefusedTrack {
	return RefusedTrack{
		At: seconds(r.At), Participant: r.Participant, SID: r.SID, Source: r.Source, Codec: r.Codec, Error: failureBody(r.Error),
	}
}
