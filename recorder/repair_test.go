package recorder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// crash copies a recording's directory while it is being written: what a killed
// process leaves behind.
func crash(t *testing.T, c *capture) (dir string) {
	t.Helper()
	synctest.Wait()
	dir = filepath.Join(t.TempDir(), filepath.Base(c.dir))
	must(t, os.CopyFS(dir, os.DirFS(c.dir)))
	return dir
}

// crashed records sound and pictures for a while, and returns what a crash at
// the end leaves. A second part has been finished before.
func crashed(t *testing.T, after time.Duration) (dir string) {
	t.Helper()
	sound, vp8, vp9 := opus(t), pictures(t, "libvpx", "160x120"), pictures(t, "libvpx-vp9", "160x120")
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP9, vp9)
		st.play(time.Second, mic, cam)
		cam.unpublish()
		cam = st.publish("TR_V", packet.VP8, vp8)
		st.play(after, mic, cam)
		dir = crash(t, c)
		st.stop(c)
	})
	return dir
}

func mustRepair(t *testing.T, dir string) *recording.Manifest {
	t.Helper()
	m, err := Repair(context.Background(), dir, recording.Recording{}, recording.EndedByCrash)
	must(t, err)
	checkManifest(t, m)
	return m
}

func TestRepair(t *testing.T) {
	// Up to 250 ms wait for the next write to the kernel, of blocks and of the
	// journal each.
	const unwritten = 300 * time.Millisecond
	for _, after := range []time.Duration{
		600 * time.Millisecond, 980 * time.Millisecond, 1500 * time.Millisecond, 3140 * time.Millisecond, 7 * time.Second,
	} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			dir := crashed(t, after)
			if unfinished, err := Unfinished(dir); !unfinished || err != nil {
				t.Errorf("Unfinished = %v, %v before the repair", unfinished, err)
			}
			m := mustRepair(t, dir)
			if unfinished, err := Unfinished(dir); unfinished || err != nil {
				t.Errorf("Unfinished = %v, %v after the repair", unfinished, err)
			}
			list := parts(t, m, 2)
			if list[0].Ended != recording.EndedByCodec || list[1].Ended != recording.EndedByCrash || m.Ended != recording.EndedByCrash || m.State != recording.Stopped {
				t.Errorf("parts ended by %s and %s, the recording by %s as %s", list[0].Ended, list[1].Ended, m.Ended, m.State)
			}
			for i, p := range list {
				lasted := []time.Duration{time.Second, after - unwritten}[i]
				if p.Error != nil || p.Duration.Duration() < lasted || len(p.Tracks) != 2 {
					t.Fatalf("part %d lasts %v of %v, with %d tracks: %v", i, p.Duration, lasted, len(p.Tracks), p.Error)
				}
				path := filepath.Join(dir, p.File)
				info, err := os.Stat(path)
				must(t, err)
				if info.Size() != p.Bytes {
					t.Errorf("part %d has %d bytes, the manifest says %d", i, info.Size(), p.Bytes)
				}
				_, blocks := readBlocks(t, path)
				heard := times(blocks, 1)
				sameTimes(t, "sound", span(heard[0], heard[len(heard)-1]+1, packetTime), heard)
				if n, want := decodedPictures(t, path), len(times(blocks, 2)); n != want {
					t.Errorf("%d of %d pictures play", n, want)
				}
				if played, tr := decodedSound(t, path), trackOf(t, p, recording.Audio); (played - (tr.End - tr.Start).Duration()).Abs() > 20*time.Millisecond {
					t.Errorf("sound from %v to %v plays for %v", tr.Start, tr.End, played)
				}
			}
		})
	}
}

func TestRepairTwice(t *testing.T) {
	dir := crashed(t, 2*time.Second)
	first := mustRepair(t, dir)
	files := snapshot(t, dir)
	second := mustRepair(t, dir)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("manifest (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(files, snapshot(t, dir)); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
}

// TestRepairInterrupted: whatever an earlier repair has done already, the next
// one makes the same of it.
func TestRepairInterrupted(t *testing.T) {
	dir := crashed(t, 2*time.Second)
	partly := func(name string, interrupt func(t *testing.T, dir string)) {
		t.Run(name, func(t *testing.T) {
			again := filepath.Join(t.TempDir(), filepath.Base(dir))
			must(t, os.CopyFS(again, os.DirFS(dir)))
			interrupt(t, again)
			whole := filepath.Join(t.TempDir(), filepath.Base(dir))
			must(t, os.CopyFS(whole, os.DirFS(dir)))
			if diff := cmp.Diff(mustRepair(t, whole), mustRepair(t, again)); diff != "" {
				t.Errorf("manifest (-not interrupted +interrupted):\n%s", diff)
			}
		})
	}
	partly("before anything", func(t *testing.T, dir string) {
		before := snapshot(t, dir)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Repair(ctx, dir, recording.Recording{}, recording.EndedByCrash); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want %v", err, context.Canceled)
		}
		if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
			t.Errorf("files (-before +after):\n%s", diff)
		}
	})
	partly("after a part was finished", func(t *testing.T, dir string) {
		open, err := filepath.Glob(filepath.Join(dir, "*"+webm.OpenSuffix))
		must(t, err)
		if len(open) != 1 {
			t.Fatalf("open parts: %v", open)
		}
		_, err = webm.Repair(open[0])
		must(t, err)
	})
	partly("before the manifest was written", func(t *testing.T, dir string) {
		mustRepair(t, dir)
		must(t, os.Remove(filepath.Join(dir, recording.ManifestFile)))
	})
	partly("in the middle of the journal's last line", func(t *testing.T, dir string) {
		mustRepair(t, dir)
		journal := filepath.Join(dir, recording.JournalFile)
		info, err := os.Stat(journal)
		must(t, err)
		must(t, os.Truncate(journal, info.Size()-15))
	})
}

// snapshot is what is in a directory.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		files[e.Name()] = string(b)
	}
	return files
}

func TestRepairTornFiles(t *testing.T) {
	dir := crashed(t, 3*time.Second)
	for name, c := range map[string]struct {
		tear func(t *testing.T, part, journal string)
		// part tells what the manifest says of the part that was torn.
		part func(p recording.Part) bool
	}{
		"part cut in a block": {func(t *testing.T, part, _ string) {
			info, err := os.Stat(part)
			must(t, err)
			must(t, os.Truncate(part, info.Size()*2/3))
		}, func(p recording.Part) bool { return p.Error == nil && p.Duration > sec(1) && p.Duration < sec(2.9) }},
		"zeros after the part, as after a power cut": {func(t *testing.T, part, _ string) {
			info, err := os.Stat(part)
			must(t, err)
			must(t, os.Truncate(part, info.Size()+8192))
		}, func(p recording.Part) bool { return p.Error == nil && p.Duration > sec(2.6) }},
		"journal cut in its last line": {func(t *testing.T, _, journal string) {
			info, err := os.Stat(journal)
			must(t, err)
			must(t, os.Truncate(journal, info.Size()-9))
		}, func(p recording.Part) bool { return p.Error == nil && p.Duration > sec(2.6) }},
		"part is no media": {func(t *testing.T, part, _ string) {
			must(t, os.WriteFile(part, []byte(strings.Repeat("x", 10000)), 0o600))
		}, func(p recording.Part) bool { return p.Error != nil && p.Error.Code == recording.CodeWriteFailed }},
		"part is gone": {func(t *testing.T, part, _ string) {
			must(t, os.Remove(part))
		}, func(p recording.Part) bool { return p.Error != nil && p.Error.Code == recording.CodeWriteFailed }},
	} {
		t.Run(name, func(t *testing.T) {
			torn := filepath.Join(t.TempDir(), filepath.Base(dir))
			must(t, os.CopyFS(torn, os.DirFS(dir)))
			open, err := filepath.Glob(filepath.Join(torn, "*"+webm.OpenSuffix))
			must(t, err)
			c.tear(t, open[0], filepath.Join(torn, recording.JournalFile))
			list := parts(t, mustRepair(t, torn), 2)
			if list[0].Error != nil || list[0].Duration < sec(1) {
				t.Errorf("the whole part became %+v", list[0])
			}
			if !c.part(list[1]) || list[1].Ended != recording.EndedByCrash {
				t.Errorf("the torn part became %+v", list[1])
			}
		})
	}
}

// TestRepairRefuses: what is still being written is left alone, and what is no
// recording is none.
func TestRepairRefuses(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		st.play(time.Second, mic)
		if _, err := Repair(context.Background(), c.dir, recording.Recording{}, recording.EndedByCrash); !errors.Is(err, webm.ErrInUse) {
			t.Errorf("of a part that is being written: %v, want %v", err, webm.ErrInUse)
		}
		st.play(time.Second, mic)
		m := st.stop(c)
		if p := parts(t, m, 1)[0]; p.Ended != recording.EndedByStop || p.Error != nil || p.Duration != sec(2) {
			t.Errorf("afterwards the part is %+v", p)
		}
	})
	if _, err := Repair(context.Background(), t.TempDir(), recording.Recording{}, recording.EndedByCrash); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("of an empty folder: %v", err)
	}
}
