package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

func reindexCommand() *cli.Command {
	return &cli.Command{
		Name:  "reindex",
		Usage: "tell Redis of every recording in the data folder that it does not know",
		Description: "The folders are the truth: run this on each node after Redis has lost its memory, or after\n" +
			"recordings were copied here. What a crash left unfinished is made whole first; what is being\n" +
			"recorded, and what Redis knows, is left alone. A node does the same when it starts.\n\n" +
			"   roomreel reindex",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log, err := newLogger(c.Log, cmd.Root().ErrWriter)
			if err != nil {
				return err
			}
			return reindex(ctx, c, log, cmd.Root().Writer)
		},
	}
}

func reindex(ctx context.Context, c configs.Config, log *slog.Logger, out io.Writer) error {
	archive, err := openArchive(c.Data)
	if err != nil {
		return err
	}
	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		return fmt.Errorf("redis.url: %w", err)
	}
	options.ContextTimeoutEnabled = true
	rdb := redis.NewClient(options)
	defer rdb.Close()
	known, restored, err := restorer{archive, coord.NewStore(rdb), log}.all(ctx)
	fmt.Fprintf(out, "%d recordings restored, %d were known\n", restored, known)
	return err
}

// restorer tells Redis of recordings that only the archive knows.
type restorer struct {
	archive recording.Archive
	store   *coord.Store
	log     *slog.Logger
}

// all restores every recording in the archive that Redis does not know, after
// making whole those that a crash left unfinished. What Redis knows is left to
// the nodes. The error joins those of the recordings that could not be restored.
func (r restorer) all(ctx context.Context) (known, restored int, err error) {
	ids, err := r.archive.IDs()
	if err != nil {
		return 0, 0, fmt.Errorf("list archive: %w", err)
	}
	var errs []error
	for _, id := range ids {
		_, err := r.store.Get(ctx, id)
		switch {
		case err == nil:
			known++
			continue
		case recording.CodeOf(err) == recording.CodeNotFound:
			var wrote bool
			if wrote, err = r.one(ctx, id); wrote {
				restored++
			}
		}
		if ctx.Err() != nil {
			return known, restored, ctx.Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("restore %s: %w", id, err))
		}
	}
	return known, restored, errors.Join(errs...)
}

func (r restorer) one(ctx context.Context, id string) (wrote bool, err error) {
	dir, err := r.archive.Dir(id)
	if err != nil {
		return false, err
	}
	unfinished, err := recorder.Unfinished(dir)
	if err != nil {
		return false, err
	}
	restore := r.store.Restore
	var m *recording.Manifest
	if unfinished {
		r.log.Info("making a recording whole that a crash left", "recording", id)
		restore = r.store.RestoreRepaired
		m, err = recorder.Repair(ctx, dir, recording.Recording{}, recording.EndedByCrash)
	} else {
		m, err = r.archive.Manifest(id)
	}
	if err != nil {
		return false, err
	}
	hold, err := r.archive.Hold(id)
	if err != nil {
		return false, err
	}
	result := resultOf(m)
	return restore(ctx, recording.Recording{
		ID: id, Request: recording.Request{Room: m.Room, Selection: m.Selection, Subject: m.Subject}, Hold: hold,
		State: m.State, Ended: m.Ended, Error: m.Error,
		CreatedAt: m.CreatedAt, StartedAt: m.StartedAt, StoppedAt: m.StoppedAt,
		PartsDeletedAt: m.PartsDeletedAt, Duration: result.Duration, Parts: result.Parts, Bytes: result.Bytes, People: result.People,
	})
}

// finish completes what a node that died left of a recording.
func finish(a recording.Archive) func(context.Context, recording.Recording, recording.EndReason) (coord.Result, error) {
	return func(ctx context.Context, r recording.Recording, why recording.EndReason) (coord.Result, error) {
		dir, err := a.Dir(r.ID)
		if err != nil {
			return coord.Result{}, err
		}
		m, err := recorder.Repair(ctx, dir, r, why)
		if recording.CodeOf(err) == recording.CodeNotFound {
			return coord.Result{}, nil // the node that has it repairs it when it is back
		}
		return resultOf(m), err
	}
}
