package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// diskNode is `roomreel serve` in a process of its own, with a disk of its own.
type diskNode struct {
	name string
	env  []string
	api  client.Client
	cmd  *exec.Cmd
}

func (n *diskNode) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(os.Args[0], "serve")
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stderr = os.Stderr
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := n.cmd
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// disks are three nodes, LiveKit and a redis-server, all in processes of their own or
// of this test's.
type disks struct {
	livekit meeting.Server
	nodes   []*diskNode
	objects gofakes3.Backend // nil without storage
}

const bucketName = "reels"

func startDisks(ctx context.Context, t *testing.T, storage bool) *disks {
	t.Helper()
	keys := testKeys
	s := &disks{livekit: meeting.Server{URL: startLiveKit(t, plugin.DevServerOptions{Keys: keys}).URL, Key: keys.Key, Secret: keys.Secret}}
	const admin = "admin-key-0123456789"
	env := []string{
		"ROOMREEL_TEST_PROGRAM=1", "LIVEKIT_URL=" + s.livekit.URL, "LIVEKIT_API_KEY=" + keys.Key, "LIVEKIT_API_SECRET=" + keys.Secret,
		"REDIS_URL=" + redisserver.Run(t).URL(), "ROOMREEL_ADMIN_KEYS=" + admin, "ROOMREEL_LOG_LEVEL=error", "ROOMREEL_LEASE=1s",
	}
	if storage {
		backend := s3mem.New()
		if err := backend.CreateBucket(bucketName); err != nil {
			t.Fatal(err)
		}
		s.objects = backend
		s3 := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
		t.Cleanup(s3.Close)
		env = append(env, "ROOMREEL_STORAGE_ENDPOINT="+s3.URL, "ROOMREEL_STORAGE_BUCKET="+bucketName, "ROOMREEL_STORAGE_REGION=us-east-1",
			"ROOMREEL_STORAGE_ACCESS_KEY=key", "ROOMREEL_STORAGE_SECRET_KEY=secret", "ROOMREEL_STORAGE_PATH_STYLE=true")
	}
	for _, name := range []string{"node-a", "node-b", "node-c"} {
		listen := freeAddress(t, "tcp")
		n := &diskNode{name: name, api: client.Client{URL: "http://" + listen, Key: admin}, env: append(slices.Clone(env),
			"ROOMREEL_NODE="+name, "ROOMREEL_DATA="+t.TempDir(), "ROOMREEL_LISTEN="+listen, "ROOMREEL_NODE_URL=http://"+listen)}
		n.start(t)
		s.nodes = append(s.nodes, n)
	}
	for _, n := range s.nodes {
		n.ready(ctx, t)
	}
	return s
}

func (n *diskNode) ready(ctx context.Context, t *testing.T) {
	t.Helper()
	_, err := client.Await(ctx, func() (error, error) { return n.api.Ready(ctx), nil }, func(err error) bool { return err == nil })
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
}

func (s *disks) named(name string) *diskNode {
	return s.nodes[slices.IndexFunc(s.nodes, func(n *diskNode) bool { return n.name == name })]
}

// await waits until what a node tells of a recording is as wanted.
func (n *diskNode) await(ctx context.Context, t *testing.T, id string, want func(api.Recording) bool) api.Recording {
	t.Helper()
	r, err := client.Await(ctx, func() (api.Recording, error) { return n.api.Recording(ctx, id) }, want)
	if err != nil {
		t.Fatalf("%s tells %+v: %v", n.name, r, err)
	}
	return r
}

func isRecording(r api.Recording) bool { return r.State == string(recording.Active) }

// recordUntilKilled has anna recorded, with these films wished, until the node that
// records her is killed two seconds later.
func (s *disks) recordUntilKilled(ctx context.Context, t *testing.T, wished ...api.FilmSpec) (rec api.Recording, killed *diskNode) {
	t.Helper()
	anna, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "disks", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = anna.Close() })
	rec, err = s.nodes[0].api.Start(ctx, api.StartRecording{Room: "disks", Compositions: wished})
	if err != nil {
		t.Fatal(err)
	}
	killed = s.named(s.nodes[0].await(ctx, t, rec.ID, isRecording).Node)
	waitFor(ctx, t, 2*time.Second)
	kill(t, killed.cmd)
	return rec, killed
}

// Three nodes with disks of their own: the one that records is killed, another goes on,
// and the first comes back. Until then the recording says whom it waits for; then both
// parts are known everywhere, can be had everywhere, and are in storage if there is one.
func TestDisksOfTheirOwn(t *testing.T) {
	for _, storage := range []bool{false, true} {
		t.Run(fmt.Sprintf("storage %v", storage), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			s := startDisks(ctx, t, storage)
			rec, first := s.recordUntilKilled(ctx, t, api.FilmSpec{Format: "opus"})
			third := s.nodes[slices.IndexFunc(s.nodes, func(n *diskNode) bool { return n != first })]
			second := s.named(third.await(ctx, t, rec.ID, func(r api.Recording) bool { return isRecording(r) && r.Node != first.name }).Node)
			if second == third {
				third = s.nodes[slices.IndexFunc(s.nodes, func(n *diskNode) bool { return n != first && n != second })]
			}
			waitFor(ctx, t, 2*time.Second)
			if _, err := third.api.Stop(ctx, rec.ID); err != nil {
				t.Fatal(err)
			}

			waits := third.await(ctx, t, rec.ID, func(r api.Recording) bool { return len(r.WaitingFor) > 0 })
			if d := cmp.Diff([]string{first.name}, waits.WaitingFor); d != "" || waits.Parts != 1 || waits.State != string(recording.Stopped) {
				t.Errorf("while %s is away: %+v %s", first.name, waits, d)
			}
			m, err := client.Await(ctx, func() (api.Manifest, error) { return s.manifest(ctx, third, rec.ID) },
				func(m api.Manifest) bool { return len(m.Turns) == 2 })
			if err != nil || len(m.Parts) != 1 || !m.Turns[0].Away || m.Turns[0].Node != first.name || m.Turns[1].Away {
				t.Errorf("while %s is away the manifest is %+v, %v", first.name, m, err)
			}
			s.awaitFilm(ctx, t, third, rec.ID, 1.5)

			first.start(t)
			first.ready(ctx, t)
			whole := third.await(ctx, t, rec.ID, func(r api.Recording) bool { return len(r.WaitingFor) == 0 && r.Parts == 2 })
			s.checkEverywhere(ctx, t, whole, first.name, second.name)
			if storage {
				s.checkStored(ctx, t, rec.ID)
			}
			film, err := third.api.Compose(ctx, rec.ID, api.FilmSpec{Format: "opus"})
			if err != nil {
				t.Fatal(err)
			}
			film, err = client.Await(ctx, func() (api.Composition, error) { return third.api.Composition(ctx, rec.ID, film.ID) },
				func(f api.Composition) bool { return recording.CompositionState(f.State).Final() })
			if err != nil || film.State != string(recording.CompositionReady) || film.Duration < whole.Duration-1 {
				t.Errorf("a film of parts on two disks: %+v, %v", film, err)
			}
			if err := third.api.Remove(ctx, rec.ID); err != nil {
				t.Fatal(err)
			}
			if storage {
				// What was on its way arrives first.
				left, err := client.Await(ctx, func() ([]string, error) { return s.keys(t, rec.ID), nil },
					func(left []string) bool { return len(left) == 0 })
				if err != nil {
					t.Errorf("storage keeps %q", left)
				}
			}
		})
	}
}

func (s *disks) manifest(ctx context.Context, n *diskNode, id string) (api.Manifest, error) {
	m, err := n.api.Manifest(ctx, id)
	var p *api.Problem
	if errors.As(err, &p) {
		return m, nil // it may not be in storage yet
	}
	return m, err
}

// awaitFilm waits for the film that was wished at the start.
func (s *disks) awaitFilm(ctx context.Context, t *testing.T, n *diskNode, id string, least float64) {
	t.Helper()
	films, err := client.Await(ctx, func() ([]api.Composition, error) { return n.api.Compositions(ctx, id) },
		func(films []api.Composition) bool {
			return len(films) > 0 && recording.CompositionState(films[0].State).Final()
		})
	if err != nil || len(films) != 1 || films[0].State != string(recording.CompositionReady) || films[0].Duration < least {
		t.Errorf("the wished film: %+v, %v", films, err)
	}
}

// checkEverywhere asserts that each node tells the same of a recording of two parts,
// and hands out both.
func (s *disks) checkEverywhere(ctx context.Context, t *testing.T, r api.Recording, nodes ...string) {
	t.Helper()
	for _, n := range s.nodes {
		m, err := client.Await(ctx, func() (api.Manifest, error) { return s.manifest(ctx, n, r.ID) },
			func(m api.Manifest) bool { return len(m.Parts) == 2 })
		if err != nil {
			t.Fatalf("%s: %+v, %v", n.name, m, err)
		}
		bytes := int64(0)
		for i, p := range m.Parts {
			bytes += p.Bytes
			turn := m.Turns[i]
			if p.Node != nodes[i] || turn.Node != nodes[i] || turn.Away || p.Epoch != turn.Epoch || p.Start < turn.From-1 || p.Tracks[0].End > turn.To+1 { // media was sent before it came
				t.Errorf("%s: part %d is %+v in turn %+v", n.name, i, p, turn)
			}
			var size counter
			if err := n.api.Download(ctx, "/v1/recordings/"+r.ID+"/parts/"+p.ID+"/media", &size); err != nil || int64(size) != p.Bytes {
				t.Errorf("%s: part %d has %d of %d bytes, %v", n.name, i, size, p.Bytes, err)
			}
		}
		if m.Turns[1].From <= m.Turns[0].To || m.Duration != r.Duration || bytes != r.Bytes {
			t.Errorf("%s: turns %+v, %v s and %d bytes of %+v", n.name, m.Turns, m.Duration, bytes, r)
		}
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (s *disks) keys(t *testing.T, id string) (keys []string) {
	t.Helper()
	prefix := gofakes3.NewPrefix(&id, nil)
	list, err := s.objects.ListBucket(bucketName, &prefix, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		keys = append(keys, o.Key)
	}
	return keys
}

// checkStored asserts that storage has the whole recording: a copy of it, repaired,
// tells of both parts, in files of the right size.
func (s *disks) checkStored(ctx context.Context, t *testing.T, id string) {
	t.Helper()
	dir := t.TempDir()
	copied := func() (*recording.Manifest, error) {
		for _, key := range s.keys(t, id) {
			o, err := s.objects.GetObject(bucketName, key, nil)
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(o.Contents)
			if err != nil {
				return nil, err
			}
			if path.Dir(key) == id {
				if err := os.WriteFile(filepath.Join(dir, path.Base(key)), b, 0o600); err != nil {
					return nil, err
				}
			}
		}
		if _, err := os.Stat(filepath.Join(dir, recording.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
			return &recording.Manifest{}, nil
		}
		return recording.ReadManifest(dir)
	}
	m, err := client.Await(ctx, copied, func(m *recording.Manifest) bool {
		return len(m.Parts) == 2 && !slices.ContainsFunc(m.Parts, func(p recording.Part) bool { return p.Location == "" })
	})
	if err != nil {
		t.Fatalf("storage tells %+v, %v", m, err)
	}
	again, err := recorder.Repair(ctx, dir, recording.Recording{}, recording.EndedByCrash)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Parts) != 2 {
		t.Errorf("of the journals in storage: %+v", again)
	}
	for _, p := range m.Parts {
		info, err := os.Stat(filepath.Join(dir, p.File))
		if err != nil || info.Size() != p.Bytes {
			t.Errorf("part %s in storage: %v, want %d bytes", p.ID, err, p.Bytes)
		}
		if !strings.HasSuffix(p.Location, "/"+p.File) {
			t.Errorf("part %s is told to be at %q", p.ID, p.Location)
		}
	}
}
