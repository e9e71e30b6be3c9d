package api_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// unsynced returns how many pages of a file are not on the disk yet, and skips the
// test where the system cannot tell (cachestat(2), Linux 6.5) or has no disk.
func unsynced(t *testing.T, path string) uint64 {
	t.Helper()
	const (
		cachestat = 451
		tmpfs     = 0x01021994
	)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil || disk.Type == tmpfs {
		t.Skipf("%s is on no disk: %v", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var whole [2]uint64
	var told struct{ cached, dirty, writeback, evicted, recently uint64 }
	_, _, errno := syscall.Syscall6(cachestat, f.Fd(), uintptr(unsafe.Pointer(&whole)), uintptr(unsafe.Pointer(&told)), 0, 0, 0)
	if errno != 0 {
		t.Skipf("cachestat: %v", errno)
	}
	return told.dirty + told.writeback
}

// Who is told that their film is here may delete their own: it is on the disk by then.
func TestMeetingUploadIsOnTheDisk(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "fresh")
	if err := os.WriteFile(fresh, []byte(webmHead), 0o644); err != nil {
		t.Fatal(err)
	}
	if unsynced(t, fresh) == 0 {
		t.Skip("what is not synced is on the disk at once")
	}
	p := newPlace(t)
	const path = "/api/recording-uploads"
	one := path + "/" + decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", path, `{"meetingId":"standup"}`)).Upload.ID
	if got := p.do(t, "record", "PATCH", one, webmHead+fmt.Sprintf("%1000000d", 0), "Upload-Offset", "0"); got.status != 200 {
		t.Fatal(got.body)
	}
	file := decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", one+"/complete", "")).Recording
	dir, err := p.media.Dir(file.RecordingID)
	if err != nil {
		t.Fatal(err)
	}
	films, err := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), "*.webm"))
	if err != nil || len(films) != 1 {
		t.Fatalf("films: %v, %v", films, err)
	}
	if n := unsynced(t, films[0]); n != 0 {
		t.Errorf("%d pages of the film are not on the disk", n)
	}
}
