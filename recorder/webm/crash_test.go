package webm

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crashDir tells the test binary that it is to write until it is killed.
const crashDir = "WEBM_TEST_CRASH_DIR"

// crashPayload is what block i holds: its number, as often as its size allows.
func crashPayload(i int) []byte {
	b := make([]byte, 8*(1+i*7%300))
	for at := 0; at < len(b); at += 8 {
		binary.BigEndian.PutUint64(b[at:], uint64(i))
	}
	return b
}

// writeUntilKilled prints how many blocks it has handed to the kernel.
func writeUntilKilled(path string) {
	w, err := Create(path, testOptions())
	if err == nil {
		err = w.SetTrack(Track{Number: 1, Kind: Video, Codec: VP8, Width: 64, Height: 48})
	}
	clock := time.Now()
	for i := 0; err == nil; i++ {
		err = w.WriteBlock(Block{Track: 1, Time: frameTime(i), Keyframe: i%40 == 0, Payload: crashPayload(i)})
		if err == nil && i%9 == 0 {
			clock = clock.Add(flushInterval)
			if err = w.FlushIfDue(clock); err == nil {
				fmt.Println(i + 1)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestKilledProcessLosesOnlyWhatItHadNotFlushed(t *testing.T) {
	for range 5 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		flushed, until := 0, 100+rand.IntN(3000)
		lines := bufio.NewScanner(out)
		for flushed < until && lines.Scan() {
			if flushed, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed

		path := filepath.Join(dir, "part.webm")
		s, err := Repair(path + OpenSuffix)
		if err != nil {
			t.Fatal(err)
		}
		_, blocks := readFile(t, path)
		if len(blocks) < flushed || s.Tracks[0].Blocks != int64(len(blocks)) {
			t.Errorf("%d blocks and a summary of %d, after %d were flushed", len(blocks), s.Tracks[0].Blocks, flushed)
		}
		for i, b := range blocks {
			if string(b.Payload) != string(crashPayload(i)) || b.Time != frameTime(i) {
				t.Fatalf("block %d is another one: %v, %d bytes", i, b.Time, len(b.Payload))
			}
		}
	}
}
