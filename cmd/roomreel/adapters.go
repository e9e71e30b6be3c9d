package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// recordings lets the API reach the store.
type recordings struct{ *coord.Store }

func (r recordings) List(ctx context.Context, q api.ListQuery) (api.ListPage, error) {
	page, err := r.Store.List(ctx, coord.Query(q))
	return api.ListPage{Items: page.Items, Next: page.Next}, err
}

// verifier lets the API check LiveKit's tokens.
type verifier struct{ plugin.Keys }

func (v verifier) Verify(token string) (api.Caller, error) {
	c, err := v.Keys.Verify(token)
	if err != nil {
		return api.Caller{}, recording.Errorf(recording.CodeNotPermitted, "%w", err)
	}
	return api.Caller{
		Subject: c.Identity, Room: c.Room,
		RoomRecord: c.RoomRecord, RoomAdmin: c.RoomAdmin, RoomList: c.RoomList,
		Role: c.Role, Agent: c.Agent,
	}, nil
}

// bot lets a node command a recorder's bot.
type bot struct {
	*recorder.Bot
	room    string
	rooms   *plugin.Rooms
	metrics *metrics
}

func (b bot) Start(ctx context.Context, r recording.Recording) error {
	err := b.Bot.Start(ctx, r)
	switch {
	case err == nil:
		b.metrics.begin(r.ID, b.room)
	case errors.Is(err, recorder.ErrClosed):
		return fmt.Errorf("%w: %w", coord.ErrGone, err)
	}
	return err
}

func (b bot) Stop(ctx context.Context, id string, why recording.EndReason) (coord.Result, error) {
	m, err := b.Bot.Stop(ctx, id, why)
	b.metrics.end(id)
	return resultOf(m), err
}

// Close leaves the room, and makes sure that LiveKit has noticed: a bot that it
// still believes in would keep everybody told that they are being recorded.
func (b bot) Close(ctx context.Context, why recording.EndReason) error {
	err := b.Bot.Close(ctx, why)
	b.metrics.leave(b.room)
	return errors.Join(err, b.rooms.Remove(ctx, b.room, b.Identity()))
}

func resultOf(m *recording.Manifest) coord.Result {
	if m == nil {
		return coord.Result{}
	}
	r := coord.Result{StartedAt: m.StartedAt, StoppedAt: m.StoppedAt, Duration: m.Duration, Parts: len(m.Parts)}
	seen := map[string]bool{}
	for _, p := range m.Parts {
		r.Bytes += p.Bytes
		seen[p.Participant] = true
	}
	for _, p := range m.Participants {
		if seen[p.Identity] {
			r.People = append(r.People, recording.Person{Identity: p.Identity, Name: p.Name})
		}
	}
	return r
}

// openRoom returns what a node calls to get a bot into a room.
func openRoom(o recorder.Options, rooms *plugin.Rooms, m *metrics) coord.OpenRoom {
	return func(ctx context.Context, room string, epoch int64, report func(coord.Report)) (coord.Bot, error) {
		b, err := recorder.Open(ctx, room, epoch, o, func(r recorder.Report) {
			told := coord.Report{
				ID: r.ID, FirstMediaAt: r.FirstMediaAt, Ended: r.Ended, Result: resultOf(r.Manifest), Err: r.Err,
				Live: r.Live,
			}
			m.observe(told)
			report(told)
		})
		if err != nil {
			return nil, err
		}
		return bot{b, room, rooms, m}, nil
	}
}
