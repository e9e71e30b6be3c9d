package recorder

import (
	"time"

	"github.com/roomreel/roomreel/recording"
)

// The parts of the meeting below.
const (
	partAda  = "prt_00000000000000000000000000000001"
	partBob  = "prt_00000000000000000000000000000002"
	partLost = "prt_00000000000000000000000000000003"
)

var meetingStart = time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)

// meeting is the journal of a meeting in which everything happens once: Bob
// joins late and leaves, Ada reconnects and publishes her microphone again, a
// track is refused, the first node dies and the second one goes on. What the
// first left open is repaired at the end.
func meeting() []recording.Entry {
	at := func(f float64, e recording.Entry) recording.Entry { e.At = sec(f); return e }
	here := func(identity, sid, name string, present bool) recording.Entry {
		return recording.Entry{Participant: &recording.ParticipantEntry{Identity: identity, SID: sid, Name: name, Kind: "standard", Present: present}}
	}
	part := func(id, who string, start float64) recording.Entry {
		return recording.Entry{Part: &recording.PartEntry{ID: id, File: id + ".webm", Participant: who, Stream: "camera", Start: sec(start)}}
	}
	sound := func(part, sid string) recording.Entry {
		return recording.Entry{Track: &recording.TrackEntry{
			Part: part, Number: 1, SID: sid, Source: "microphone", Kind: recording.Audio, Codec: "opus", SSRC: 1, ClockRate: 48000,
		}}
	}
	pictures := func(part, sid string) recording.Entry {
		return recording.Entry{Track: &recording.TrackEntry{
			Part: part, Number: 2, SID: sid, Source: "camera", Kind: recording.Video, Codec: "vp8", SSRC: 2, ClockRate: 90000,
		}}
	}
	clock := func(part string, number int, file, arrival float64) recording.Entry {
		return recording.Entry{Clock: &recording.ClockEntry{Part: part, Number: number, File: sec(file), Arrival: sec(arrival)}}
	}
	size := func(file float64, w, h int) recording.Entry {
		return recording.Entry{Size: &recording.SizeEntry{Part: partAda, Number: 2, File: sec(file), Width: w, Height: h}}
	}
	mute := func(sid string, muted bool) recording.Entry {
		return recording.Entry{Mute: &recording.MuteEntry{SID: sid, Muted: muted}}
	}
	speak := func(who ...string) recording.Entry {
		return recording.Entry{Speakers: &recording.SpeakersEntry{Identities: who}}
	}
	stall := func(stalled bool) recording.Entry {
		return recording.Entry{Stall: &recording.StallEntry{SID: "TR_V1", Stalled: stalled}}
	}
	pause := func(paused bool) recording.Entry {
		return recording.Entry{Pause: &recording.PauseEntry{Paused: paused}}
	}
	epoch := func(number int64, node string, after time.Duration) recording.Entry {
		return recording.Entry{Epoch: &recording.EpochEntry{
			Number: number, Node: node, Wall: meetingStart.Add(after), Room: "stand-up", RoomSID: "RM_1",
			Recording: "rec_00000000000000000000000000000001", CreatedAt: meetingStart.Add(-time.Second),
		}}
	}
	late := at(14, speak("ada"))
	late.Turn = 1

	return []recording.Entry{
		at(0, epoch(1, "node-a", 0)),
		at(0, here("ada", "PA_1", "Ada", true)),
		at(0.5, part(partAda, "ada", 0.5)),
		at(0.5, sound(partAda, "TR_A1")),
		at(0.5, clock(partAda, 1, 0, 0.5)),
		at(1, here("bob", "PA_2", "Bob", true)),
		at(1.2, pictures(partAda, "TR_V1")),
		at(1.2, clock(partAda, 2, 0.7, 1.3)), // 0.1 s later than sound
		at(1.2, size(0.7, 320, 180)),
		at(2, speak("ada")),
		at(2, mute("TR_A1", true)),
		at(3, size(2.5, 640, 360)),
		at(4, recording.Entry{Gap: &recording.GapEntry{Part: partAda, Number: 1, Packets: 3, From: sec(3), To: sec(3.06)}}),
		at(4, recording.Entry{Gap: &recording.GapEntry{Part: partAda, Number: 2, Packets: 1, From: sec(12.4), To: sec(13)}}), // the track ends in it
		at(4, recording.Entry{Drops: &recording.DropsEntry{Datagrams: 40}}),
		at(5, recording.Entry{Drops: &recording.DropsEntry{Datagrams: 2}}),
		at(4.5, recording.Entry{Freeze: &recording.FreezeEntry{Part: partAda, Number: 2, From: sec(3.5), To: sec(4.25)}}),
		at(5, mute("TR_A1", false)),
		at(5, speak("bob", "ada")),
		at(6, speak("bob")),
		at(6, recording.Entry{Refused: &recording.RefusedEntry{
			Participant: "bob", SID: "TR_X", Source: "camera", Codec: "video/x",
			Error: &recording.Error{Code: recording.CodeUnsupportedCodec, Message: "video/x cannot be recorded"},
		}}),
		at(7, here("ada", "PA_1", "Ada", false)),
		at(7.5, here("ada", "PA_3", "Ada L.", true)),
		at(8, sound(partAda, "TR_A2")),
		at(9, pause(true)),
		at(10, pause(false)),
		at(10, stall(true)),
		at(12, stall(false)),
		at(12.5, mute("TR_V1", true)), // still is when the node dies, as Bob still speaks
		at(13, clock(partAda, 1, 12.5, 12.98)),

		at(0, epoch(2, "node-b", 20*time.Second)),
		late,
		at(0, here("ada", "PA_3", "Ada L.", true)),
		at(0, here("bob", "PA_2", "", true)),
		at(1, part(partBob, "bob", 1)),
		at(1, sound(partBob, "TR_B1")),
		at(1, clock(partBob, 1, 0, 1)),
		at(2, part(partLost, "ada", 2)), // of which nothing reaches the disk
		at(3, speak("bob")),
		at(5, here("bob", "PA_2", "", false)),
		at(5, speak()),
		at(6, recording.Entry{PartEnd: &recording.PartEndEntry{
			ID: partBob, Reason: recording.EndedByLeave, Duration: sec(4.02), Bytes: 9000,
			Tracks: []recording.TrackTotals{{Number: 1, First: 0, Last: sec(4.02), Packets: 201, Lost: 2, Duplicates: 5, Frames: 201, Bytes: 8000}},
		}}),
		at(8, recording.Entry{End: &recording.EndEntry{Reason: recording.EndedByStop}}),
		{At: sec(8), Turn: 2, PartEnd: &recording.PartEndEntry{
			ID: partAda, Reason: recording.EndedByCrash, Duration: sec(12.6), Bytes: 90000,
			Tracks: []recording.TrackTotals{
				{Number: 1, First: 0, Last: sec(12.52), Frames: 626, Bytes: 30000},
				{Number: 2, First: sec(0.7), Last: sec(12.5), Frames: 300, Bytes: 50000},
			},
		}},
	}
}

func sec(f float64) recording.Seconds { return recording.Seconds(f * float64(time.Second)) }
