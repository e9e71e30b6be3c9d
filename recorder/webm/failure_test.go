package webm

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// faults decide what a disk does to the calls on it.
type faults struct {
	mu     sync.Mutex
	calls  int // that write, sync or close
	failAt int // counted from 1; 0: never
	err    error
	part   bool // write half of it first
}

// next reports whether the call fails.
func (f *faults) next() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.calls == f.failAt
}

// faultyFile is a file on a faulty disk. Syncs in the background always succeed,
// so that calls can be counted: see TestSyncFails for those.
type faultyFile struct {
	File
	*faults
}

func (f faultyFile) Write(b []byte) (int, error) {
	if !f.next() {
		return f.File.Write(b)
	}
	if !f.part {
		return 0, f.err
	}
	n, err := f.File.Write(b[:len(b)/2])
	return n, errors.Join(err, f.err)
}

func (f faultyFile) WriteAt(b []byte, off int64) (int, error) {
	if !f.next() {
		return f.File.WriteAt(b, off)
	}
	if !f.part {
		return 0, f.err
	}
	n, err := f.File.WriteAt(b[:len(b)/2], off)
	if err == nil && f.err == nil {
		err = io.ErrShortWrite // which WriterAt demands
	}
	return n, errors.Join(err, f.err)
}

func (f faultyFile) Sync() error {
	if f.next() {
		return errors.Join(f.err, syscall.EIO)
	}
	return f.File.Sync()
}

func (f faultyFile) Close() error {
	err := f.File.Close()
	if f.next() {
		return errors.Join(f.err, syscall.EIO)
	}
	return err
}

// record writes blocks like a recorder does, and returns its first error.
func record(w *Writer, streams []stream, blocks []Block) (Summary, error) {
	for _, s := range streams {
		if err := w.SetTrack(s.track); err != nil {
			return Summary{}, err
		}
	}
	clock := time.Now()
	for _, b := range blocks {
		if err := w.WriteBlock(b); err != nil {
			return Summary{}, err
		}
		if err := w.FlushIfDue(clock.Add(b.Time)); err != nil {
			return Summary{}, err
		}
	}
	return w.Finalize()
}

// Whatever call on the disk fails, and however, the Writer stops with a typed
// error, says the same from then on, and leaves what Repair can finish.
func TestDiskFails(t *testing.T) {
	defer goleak.VerifyNone(t)
	streams := []stream{vp8Media.load(t), opusMedia.load(t)}
	blocks := interleave(streams...)
	for _, mode := range []struct {
		err  error
		part bool
	}{
		{syscall.ENOSPC, false},
		{syscall.ENOSPC, true},
		{syscall.EIO, false},
		{nil, true}, // a short write that claims to be none
	} {
		want := mode.err
		if want == nil {
			want = io.ErrShortWrite
		}
		failed := false
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "part.webm")
			o := testOptions()
			disk := &faults{failAt: n, err: mode.err, part: mode.part}
			o.CreateFile = func(path string) (File, error) {
				f, err := CreateFile(path)
				return faultyFile{f, disk}, err
			}
			w, err := Create(path, o)
			if err == nil {
				_, err = record(w, streams, blocks)
			}
			if err == nil {
				if !failed {
					t.Errorf("no call failed")
				}
				break
			}
			failed = true
			if _, ok := errors.AsType[*WriteError](err); !ok || !errors.Is(err, want) && !errors.Is(err, syscall.EIO) {
				t.Errorf("call %d: %v", n, err)
			}
			if w == nil {
				if _, err := Repair(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("call %d: a file is left that was never begun: %v", n, err)
				}
				continue
			}
			mustStayFailed(t, w, err)
			mustBeRepairable(t, path, blocks)
		}
	}
}

// mustStayFailed calls everything there is to call.
func mustStayFailed(t *testing.T, w *Writer, want error) {
	t.Helper()
	_, finalErr := w.Finalize()
	for call, err := range map[string]error{
		"WriteBlock":   w.WriteBlock(Block{Track: 1, Payload: []byte{0}}),
		"SetTrack":     w.SetTrack(testVP8),
		"FlushIfDue":   w.FlushIfDue(time.Now().Add(time.Hour)),
		"Finalize":     finalErr,
		"Close":        w.Close(),
		"Close, again": w.Close(),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%s returns %v after %v", call, err, want)
		}
	}
}

// mustBeRepairable repairs what is left of a file and fails the test if that is not
// a beginning of blocks.
func mustBeRepairable(t *testing.T, path string, blocks []Block) {
	t.Helper()
	_, err := Repair(path + OpenSuffix)
	if errors.Is(err, ErrEmpty) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, got := readFile(t, path)
	sameBlocks(t, blocks[:len(got)], got)
}

// A sync that fails in the background is reported by the next call.
func TestSyncFails(t *testing.T) { synctest.Test(t, testSyncFails) }

func testSyncFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	disk := &slowDisk{entered: make(chan struct{}, 1), leave: make(chan error)}
	o := testOptions()
	o.CreateFile = disk.open
	w := create(t, path, o, testVP8)
	writeAll(t, w, []Block{{Track: 1, Keyframe: true, Payload: []byte{0}}})
	now := time.Now()
	if err := w.FlushIfDue(now); err != nil {
		t.Fatal(err)
	}
	<-disk.entered
	disk.leave <- syscall.EIO
	synctest.Wait()
	err := w.WriteBlock(Block{Track: 1, Time: time.Second, Payload: []byte{0}})
	if e, ok := errors.AsType[*WriteError](err); !ok || e.Op != "sync" || !errors.Is(err, syscall.EIO) {
		t.Errorf("WriteBlock: %v", err)
	}
	mustStayFailed(t, w, err)
	mustBeRepairable(t, path, []Block{{Track: 1, Keyframe: true, Payload: []byte{0}}})
}

// slowDisk takes as long for a Datasync as the test likes. It counts the calls that
// write.
type slowDisk struct {
	File
	entered chan struct{}
	leave   chan error
	writes  [][]byte
	patches int
}

func (d *slowDisk) open(path string) (File, error) {
	f, err := CreateFile(path)
	d.File = f
	return d, err
}

func (d *slowDisk) Datasync() error {
	d.entered <- struct{}{}
	return <-d.leave
}

func (d *slowDisk) Write(b []byte) (int, error) {
	d.writes = append(d.writes, bytes.Clone(b))
	return d.File.Write(b)
}

func (d *slowDisk) WriteAt(b []byte, off int64) (int, error) {
	d.patches++
	return d.File.WriteAt(b, off)
}

// While the disk is busy with a sync, blocks go on to the kernel, and no second
// sync piles up. Close waits for the one that runs.
func TestSyncRunsBesideWriting(t *testing.T) { synctest.Test(t, testSyncRunsBesideWriting) }

func testSyncRunsBesideWriting(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 1), leave: make(chan error)}
	o := testOptions()
	o.CreateFile = disk.open
	w := create(t, filepath.Join(t.TempDir(), "part.webm"), o, testVP8)
	now := time.Now()
	if err := w.FlushIfDue(now); err != nil { // starts the sync of the head
		t.Fatal(err)
	}
	<-disk.entered
	for i := range 100 {
		writeAll(t, w, []Block{{Track: 1, Time: frameTime(i), Keyframe: i == 0, Payload: []byte{byte(i)}}})
		now = now.Add(syncInterval)
		if err := w.FlushIfDue(now); err != nil {
			t.Fatal(err)
		}
	}
	if len(disk.writes) != 1+100 || len(disk.entered) != 0 {
		t.Errorf("%d writes, %d syncs waiting", len(disk.writes), len(disk.entered))
	}
	disk.leave <- nil
	synctest.Wait()
	now = now.Add(syncInterval)
	if err := w.FlushIfDue(now); err != nil { // nothing new, but not synced yet
		t.Fatal(err)
	}
	<-disk.entered

	closed := make(chan error, 1)
	go func() { closed <- w.Close() }()
	synctest.Wait()
	if len(closed) != 0 {
		t.Errorf("Close did not wait for the sync: %v", <-closed)
	}
	disk.leave <- nil
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// Blocks are handed to the kernel whole: after 250 ms, or when there are 64 KiB.
func TestFlushes(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 9), leave: make(chan error, 9)}
	for range 9 {
		disk.leave <- nil
	}
	o := testOptions()
	o.CreateFile = disk.open
	w := create(t, filepath.Join(t.TempDir(), "part.webm"), o, testVP8)
	now := time.Now()
	step := func(after time.Duration, size int) {
		t.Helper()
		now = now.Add(after)
		b := Block{Track: 1, Time: now.Sub(time.Time{}) % time.Hour, Payload: make([]byte, size)}
		if err := errors.Join(w.WriteBlock(b), w.FlushIfDue(now)); err != nil {
			t.Fatal(err)
		}
	}
	step(0, 10)                     // the first is flushed at once
	step(100*time.Millisecond, 20)  //
	step(149*time.Millisecond, 30)  // 249 ms since
	step(1*time.Millisecond, 40)    // 250 ms: three blocks in one write
	step(10*time.Millisecond, 5000) //
	step(10*time.Millisecond, flushSize)
	step(10*time.Millisecond, 50)
	if err := w.FlushIfDue(now.Add(flushInterval)); err != nil {
		t.Fatal(err)
	}
	if err := w.FlushIfDue(now.Add(time.Minute)); err != nil { // nothing to do
		t.Fatal(err)
	}
	var got []int
	for _, b := range disk.writes {
		got = append(got, len(b))
	}
	const block, large, largest = 6, 7, 8 // bytes that surround a payload
	cluster := clusterHeader + len(appendUint(nil, idTimestamp, uint64(w.cluster.time)))
	want := []int{
		headSize,
		cluster + block + 10,
		block + 20 + block + 30 + block + 40,
		large + 5000 + largest + flushSize,
		block + 50,
	}
	if !reflect.DeepEqual(got, want) || disk.patches != 1 {
		t.Errorf("writes of %v bytes, want %v; %d patches", got, want, disk.patches)
	}
}
