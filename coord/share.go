package coord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Place is where files of a recording may be: the folder of the node that recorded
// them.
type Place struct {
	// Node held the turns.
	Node string
	// Folder names the node's data folder, which other nodes may share; empty if it
	// is not known.
	Folder string
	// At are the nodes that live and have that folder; there may be none.
	At []NodeInfo
}

// Turns returns who has recorded a recording under which epoch, in order. From and
// To of a turn are not known here.
func (s *Store) Turns(ctx context.Context, id string) ([]recording.Turn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lines, err := s.rdb.HGet(ctx, prefix+"rec:"+id, "turns").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read turns: %w", unavailable(err))
	}
	return turnsOf(lines)
}

func turnsOf(lines string) ([]recording.Turn, error) {
	var turns []recording.Turn
	for line := range strings.Lines(lines) {
		epoch, node, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		number, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return nil, recording.Errorf(recording.CodeInternal, "read turns: %w", err)
		}
		turns = append(turns, recording.Turn{Epoch: number, Node: node})
	}
	slices.SortFunc(turns, func(a, b recording.Turn) int { return int(a.Epoch - b.Epoch) })
	return turns, nil
}

// Share makes known which turns of a recording that has ended a folder has, and, if m
// is not nil, what it has: the other folders need it for their manifests. It returns
// all turns that are known, and what each folder has shared.
func (s *Store) Share(ctx context.Context, id, folder string, turns []recording.Turn, m *recording.Manifest) ([]recording.Turn, []*recording.Manifest, error) {
	doc := ""
	if m != nil {
		b, err := json.Marshal(m)
		if err != nil {
			return nil, nil, fmt.Errorf("share manifest: %w", err)
		}
		doc = string(b)
	}
	args := []any{id, folder, doc}
	for _, t := range turns {
		args = append(args, t.Epoch, t.Node)
	}
	reply, err := s.run(ctx, shareScript, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("share manifest: %w", err)
	}
	list := stringsOf(reply)
	if len(list) == 0 || list[0] == "absent" {
		return nil, nil, notFound(id)
	}
	known, err := turnsOf(list[0])
	if err != nil {
		return nil, nil, err
	}
	shared := make([]*recording.Manifest, 0, len(list)-1)
	for _, doc := range list[1:] {
		m := new(recording.Manifest)
		if err := json.Unmarshal([]byte(doc), m); err != nil {
			return nil, nil, recording.Errorf(recording.CodeInternal, "read shared manifest: %w", err)
		}
		shared = append(shared, m)
	}
	return known, shared, nil
}

// Amend corrects what a record that is final tells of its files: their number, size
// and length, and which nodes it waits for. That it begins or ceases to wait is news.
// Of amendments at the same time each counts. Errors: CodeNotFound, and CodeNotReady
// for a recording that is not final.
func (s *Store) Amend(ctx context.Context, id string, change func(*recording.Recording)) error {
	for ctx.Err() == nil {
		from, err := s.rdb.HGet(ctx, prefix+"rec:"+id, "doc").Result()
		if errors.Is(err, redis.Nil) {
			return notFound(id)
		}
		if err != nil {
			return fmt.Errorf("amend recording: %w", unavailable(err))
		}
		r, err := decode("0\n" + from)
		if err != nil {
			return err
		}
		waited := len(r.WaitingFor) > 0
		change(&r)
		to := encode(r)
		if to == from {
			return nil
		}
		var kind NewsKind
		switch {
		case !waited && len(r.WaitingFor) > 0:
			kind = Incomplete
		case waited && len(r.WaitingFor) == 0:
			kind = Completed
		}
		reply, err := s.text(ctx, amendScript, id, to, from, string(kind))
		switch {
		case err != nil:
			return fmt.Errorf("amend recording: %w", err)
		case reply == "absent":
			return notFound(id)
		case reply == "live":
			return recording.Errorf(recording.CodeNotReady, "recording %s has not ended yet", id)
		case reply == "ok":
			return nil
		}
	}
	return fmt.Errorf("amend recording: %w", ctx.Err())
}

// Places returns where the files of a recording may be, by who recorded last. A
// recording that is not known is nowhere.
func (s *Store) Places(ctx context.Context, id string) ([]Place, error) {
	turns, err := s.Turns(ctx, id)
	if err != nil || len(turns) == 0 {
		return nil, err
	}
	slices.Reverse(turns)
	folders, err := s.folders(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := s.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	var places []Place
	for _, t := range turns {
		if slices.ContainsFunc(places, func(p Place) bool { return p.Node == t.Node }) {
			continue
		}
		p := Place{Node: t.Node, Folder: folders[t.Node]}
		for _, n := range nodes {
			if n.Name == t.Node || p.Folder != "" && n.Folder == p.Folder {
				p.At = append(p.At, n)
			}
		}
		places = append(places, p)
	}
	return places, nil
}

// folders tells the folder of each node that was ever there.
func (s *Store) folders(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := s.rdb.HGetAll(ctx, prefix+"folders").Result()
	if err != nil {
		return nil, fmt.Errorf("read folders: %w", unavailable(err))
	}
	return all, nil
}
