package recorder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"

	"github.com/roomreel/roomreel/recording"
)

// connectTimeout bounds the way into a room: the SDK's own 5 s are too short
// for a busy machine.
const connectTimeout = 15 * time.Second

// connect joins the room. What LiveKit tells from then on becomes messages to
// the bot's goroutine, which must not be the one that waits here.
func (b *Bot) connect(ctx context.Context) (*lksdk.Room, error) {
	token, err := b.opts.Token(b.name, b.identity)
	if err != nil {
		return nil, err
	}
	var room *lksdk.Room
	room = lksdk.NewRoom(b.callbacks(func() { b.do(func() { b.disconnected(room) }) }))
	err = room.JoinWithContextAndToken(ctx, b.opts.URL, token,
		lksdk.WithAutoSubscribe(false), lksdk.WithDisableRegionDiscovery(), lksdk.WithConnectTimeout(connectTimeout))
	if err != nil {
		return nil, recording.Errorf(recording.CodeRoomUnreachable, "join room %q on LiveKit: %w", b.name, err)
	}
	if err := RaiseReceiveBuffers(); err != nil {
		b.log.Warn("receive buffers stay small: packets may be lost under load", "error", err)
	}
	return room, nil
}

// enter makes room the one that the bot is in.
func (b *Bot) enter(room *lksdk.Room) {
	if b.leaving {
		room.Disconnect()
		return
	}
	b.room = room
	clear(b.requested) // LiveKit knows of no subscription any more
	b.missed(func(identity string) bool { return room.GetParticipantByIdentity(identity) != nil })
	b.reconcile()
	if room.ConnectionState() == lksdk.ConnectionStateDisconnected {
		b.disconnected(room) // before it was known to be in
	}
}

// missed ends the stays of those who have left while the bot was away.
func (b *Bot) missed(present func(identity string) bool) {
	for _, p := range b.people {
		if !present(p.identity) {
			b.left(p)
		}
	}
}

func (b *Bot) callbacks(disconnected func()) *lksdk.RoomCallback {
	reconcile := func(*lksdk.RemoteTrackPublication, *lksdk.RemoteParticipant) { b.do(b.reconcile) }
	return &lksdk.RoomCallback{
		OnParticipantConnected: func(rp *lksdk.RemoteParticipant) {
			p := personOf(rp)
			b.do(func() { b.joined(p); b.reconcile() })
		},
		OnParticipantDisconnected: func(rp *lksdk.RemoteParticipant) {
			p := personOf(rp)
			b.do(func() { b.left(p) })
		},
		OnActiveSpeakersChanged: func(speakers []lksdk.Participant) {
			identities := make([]string, 0, len(speakers))
			for _, p := range speakers {
				identities = append(identities, p.Identity())
			}
			b.do(func() {
				b.noteAll(recording.Entry{Speakers: &recording.SpeakersEntry{Identities: identities}})
			})
		},
		OnReconnecting: func() { b.log.Warn("connection to room interrupted") },
		OnReconnected: func() {
			// After a full reconnect LiveKit knows of no subscription any more.
			b.do(func() { clear(b.requested); b.reconcile() })
		},
		OnDisconnected: disconnected,
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackPublished: reconcile,
			OnTrackUnpublished: func(pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
				b.do(func() { b.forget(pub.SID()); b.reconcile() })
			},
			OnTrackSubscribed: func(t *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, rp *lksdk.RemoteParticipant) {
				b.subscribed(t, pub, rp)
			},
			OnTrackSubscriptionFailed: func(sid string, rp *lksdk.RemoteParticipant) {
				b.log.Warn("track has no publication yet: subscribing again", "participant", rp.Identity(), "track", sid)
				b.do(func() { clear(b.requested); b.reconcile() })
			},
			OnTrackMuted:   func(pub lksdk.TrackPublication, p lksdk.Participant) { b.muted(pub.SID(), true) },
			OnTrackUnmuted: func(pub lksdk.TrackPublication, p lksdk.Participant) { b.muted(pub.SID(), false) },
		},
	}
}

// person is a participant at one of their stays in the room.
type person struct{ identity, sid, name, kind string }

func personOf(rp *lksdk.RemoteParticipant) person {
	kind := livekit.ParticipantInfo_Kind(rp.Kind()).String()
	return person{rp.Identity(), rp.SID(), rp.Name(), strings.ToLower(kind)}
}

func (p person) entry(present bool) recording.Entry {
	return recording.Entry{Participant: &recording.ParticipantEntry{
		Identity: p.identity, SID: p.sid, Name: p.name, Kind: p.kind, Present: present,
	}}
}

func (b *Bot) joined(p person) {
	switch known, ok := b.people[p.identity]; {
	case ok && known == p:
		return
	case ok && known.sid != p.sid:
		b.left(known) // LiveKit need not tell that another stay takes the place of one
	}
	b.people[p.identity] = p
	b.noteAll(p.entry(true))
}

func (b *Bot) left(p person) {
	if known, ok := b.people[p.identity]; ok && known.sid == p.sid {
		delete(b.people, p.identity)
	}
	b.noteAll(p.entry(false))
}

func (b *Bot) muted(sid string, muted bool) {
	b.do(func() {
		b.noteAll(recording.Entry{Mute: &recording.MuteEntry{SID: sid, Muted: muted}})
		b.waitAnew(sid)
		if t := b.tracks[sid]; t != nil {
			t.muted = muted
			t.arrived.Store(int64(b.now())) // a stall counts from the unmute
		}
	})
}

// noteAll adds an entry to the journal of every recording.
func (b *Bot) noteAll(e recording.Entry) {
	now := b.now()
	for _, c := range b.captures {
		c.note(now, e)
	}
}

// reconcile makes the subscriptions as the recordings want them. It may run at
// any time and any number of times.
func (b *Bot) reconcile() {
	if b.room == nil {
		return
	}
	published := make(map[string]bool, len(b.publications))
	for _, rp := range b.room.GetRemoteParticipants() {
		b.joined(personOf(rp))
		for _, p := range rp.TrackPublications() {
			pub, ok := p.(*lksdk.RemoteTrackPublication)
			if !ok {
				continue
			}
			published[pub.SID()] = true
			want := b.wanted(pub, rp.Identity())
			switch asked := b.requested[pub.SID()]; {
			case asked.want != want:
			case want && b.overdue(pub, asked):
				b.refuse(rp.Identity(), b.publications[pub.SID()], recording.Errorf(recording.CodeSubscribeFailed,
					"LiveKit sends nothing of the track: see its log, and whether its limit.subscription_limit_%s is reached", pub.Kind()))
			default:
				continue
			}
			if err := pub.SetSubscribed(want); err != nil {
				b.log.Warn("subscription not sent: trying again", "participant", rp.Identity(), "track", pub.SID(), "error", err)
				continue
			}
			b.requested[pub.SID()] = request{want, b.now()}
		}
	}
	for sid := range b.publications {
		if !published[sid] { // the SDK does not tell so of those who leave
			b.forget(sid)
		}
	}
}

// wanted reports whether any recording takes the publication. Tracks that
// cannot be recorded are told once to every recording that would take them.
func (b *Bot) wanted(pub *lksdk.RemoteTrackPublication, identity string) bool {
	p, known := b.publication(pub)
	if !known {
		return false
	}
	want := false
	for _, c := range b.captures {
		if !c.takes(streamKey{identity, p.stream}, p.kind) {
			continue
		}
		if p.encryption != livekit.Encryption_NONE {
			c.refuse(b.now(), identity, p, recording.Errorf(recording.CodeEncrypted,
				"the track is end-to-end encrypted (%s): only its participants hold the key", p.encryption))
			continue
		}
		want = true
	}
	return want
}

// disconnected tells the bot that LiveKit ended its connection to room.
func (b *Bot) disconnected(room *lksdk.Room) {
	if b.leaving || room != b.room {
		return
	}
	switch why := room.DisconnectReason(); why {
	case livekit.DisconnectReason_ROOM_CLOSED, livekit.DisconnectReason_ROOM_DELETED:
		b.leaving = true // a room of that name that is opened anew is another bot's
		b.endAll(recording.EndedByRoom, nil)
	default:
		b.rejoin(fmt.Sprintf("LiveKit ended the connection (%s)", why))
	}
}

// The times a bot takes to come back into a room that it fell out of.
const (
	rejoinFor   = 30 * time.Second
	rejoinPause = time.Second
)

// rejoin joins the room again, beside the bot's goroutine, with the recordings going
// on: their streams wait for the same identities. After rejoinFor it gives up.
func (b *Bot) rejoin(why string) {
	b.log.Warn("left the room unasked: joining again", "cause", why)
	b.room = nil
	b.joining.Go(func() {
		for deadline := time.Now().Add(rejoinFor); ; {
			ctx, cancel := context.WithDeadline(b.ctx, deadline)
			room, err := b.connect(ctx)
			cancel()
			switch {
			case err == nil:
				if !b.do(func() { b.enter(room) }) {
					room.Disconnect()
				}
				return
			case !time.Now().Add(rejoinPause).Before(deadline):
				b.do(func() {
					if !b.leaving {
						b.leaving = true
						b.endAll(recording.EndedByFailure, recording.AsError(err, recording.CodeRoomUnreachable))
					}
				})
				return
			}
			select {
			case <-time.After(rejoinPause):
			case <-b.ctx.Done():
				return
			}
		}
	})
}
