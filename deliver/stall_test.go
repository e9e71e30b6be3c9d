package deliver

import (
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Storage that stands still amid a file is given up: nothing of the file is left, and
// the next attempt has it.
func TestStorageStallsWhileItSends(t *testing.T) {
	var stalls atomic.Bool
	hang := make(chan struct{})
	endpoint := startS3(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !stalls.Load() {
			return true
		}
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(make([]byte, 500))
		_ = http.NewResponseController(w).Flush()
		<-hang
		return false
	})
	t.Cleanup(func() { close(hang) })
	b, err := OpenBucket(BucketOptions{
		Endpoint: endpoint, Bucket: "reels", Region: "us-east-1", AccessKey: "AKIATEST", SecretKey: "hunter2hunter2", PathStyle: true, Stall: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newStorage(t)
	s.file("f", 1000)
	file, err := (&Uploads{opts: UploadOptions{Dir: s.dir}}).open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	location := b.Location("f")
	if _, err := b.Put(t.Context(), Upload{URL: location, Size: 1000}, file.f); err != nil {
		t.Fatal(err)
	}
	stalls.Store(true)
	to := filepath.Join(t.TempDir(), "f")
	err = b.Fetch(t.Context(), location, to)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(to), "*")); recording.CodeOf(err) != CodeStorageFailed || len(left) != 0 {
		t.Errorf("%v is left: %v", left, err)
	}
	stalls.Store(false)
	if err := b.Fetch(t.Context(), location, to); err != nil {
		t.Error(err)
	}
}
