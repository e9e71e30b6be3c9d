package api_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

func TestDownload(t *testing.T) {
	p := newPlace(t)
	rec, part, media := p.recorded(t, "standup")
	film := p.film(t, rec, media)
	for _, c := range []struct{ path, mediaType, name string }{
		{"/v1/recordings/" + rec.ID + "/parts/" + part.ID + "/media", "video/webm", "standup_nne--x_camera_" + part.ID + ".webm"},
		{"/v1/recordings/" + rec.ID + "/compositions/" + film.ID + "/media", "video/mp4", "standup_film_" + film.ID + ".mp4"},
	} {
		whole := p.do(t, "record", "GET", c.path, "")
		etag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
		disposition := `attachment; filename="` + c.name + `"`
		if whole.status != 200 || whole.body != string(media) || etag == "" || whole.header.Get("Content-Type") != c.mediaType ||
			whole.header.Get("Content-Disposition") != disposition || whole.header.Get("Accept-Ranges") != "bytes" ||
			whole.header.Get("Content-Length") != fmt.Sprint(len(media)) {
			t.Fatalf("%s: status %d, %d bytes, header %v, want disposition %s", c.path, whole.status, len(whole.body), whole.header, disposition)
		}
		if _, params, err := mime.ParseMediaType(disposition); err != nil || params["filename"] != c.name {
			t.Errorf("disposition %q: %v", disposition, err)
		}
		size := fmt.Sprint(len(media))
		for _, r := range []struct {
			name, method string
			headers      []string
			status       int
			body         []byte
			contentRange string
		}{
			{"head", "HEAD", nil, 200, nil, ""},
			{"first bytes", "GET", []string{"Range", "bytes=0-9"}, 206, media[:10], "bytes 0-9/" + size},
			{"middle", "GET", []string{"Range", "bytes=5-7"}, 206, media[5:8], "bytes 5-7/" + size},
			{"open end", "GET", []string{"Range", "bytes=9990-"}, 206, media[9990:], "bytes 9990-9999/" + size},
			{"suffix", "GET", []string{"Range", "bytes=-3"}, 206, media[9997:], "bytes 9997-9999/" + size},
			{"beyond the end", "GET", []string{"Range", "bytes=9990-20000"}, 206, media[9990:], "bytes 9990-9999/" + size},
			{"if-range, same", "GET", []string{"Range", "bytes=0-9", "If-Range", etag}, 206, media[:10], "bytes 0-9/" + size},
			{"if-range, same time", "GET", []string{"Range", "bytes=0-9", "If-Range", modified}, 206, media[:10], "bytes 0-9/" + size},
			{"if-range, changed", "GET", []string{"Range", "bytes=0-9", "If-Range", `"another"`}, 200, media, ""},
			{"at hand", "GET", []string{"If-None-Match", etag}, 304, nil, ""},
			{"changed", "GET", []string{"If-Match", `"another"`}, 412, nil, ""},
		} {
			got := p.do(t, "record", r.method, c.path, "", r.headers...)
			if got.status != r.status || got.body != string(r.body) || got.header.Get("Content-Range") != r.contentRange {
				t.Errorf("%s %s: status %d, %d bytes, Content-Range %q", c.path, r.name, got.status, len(got.body), got.header.Get("Content-Range"))
			}
			if r.method == "HEAD" && (got.header.Get("Content-Length") != size || got.header.Get("ETag") != etag) {
				t.Errorf("%s head: %v", c.path, got.header)
			}
		}
		for _, wrong := range []string{"bytes=10000-", "bytes=9-5", "lines=1-2", "bytes=a-b"} {
			got := p.do(t, "record", "GET", c.path, "", "Range", wrong)
			wantProblem(t, got, invalidRequest(416, "the range lies outside the file; Content-Range tells its size"))
			if got.header.Get("Content-Disposition") != "" || got.header.Get("ETag") != "" {
				t.Errorf("%s: the refusal carries the file's headers: %v", wrong, got.header)
			}
		}
	}
}

func TestDownloadManyRanges(t *testing.T) {
	p := newPlace(t)
	rec, part, media := p.recorded(t, "standup")
	got := p.do(t, "record", "GET", "/v1/recordings/"+rec.ID+"/parts/"+part.ID+"/media", "", "Range", "bytes=0-4,100-104")
	_, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil || got.status != 206 {
		t.Fatalf("status %d, %v", got.status, err)
	}
	for r, want := multipart.NewReader(strings.NewReader(got.body), params["boundary"]), [][]byte{media[:5], media[100:105]}; len(want) > 0; want = want[1:] {
		one, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(one); err != nil || !bytes.Equal(b, want[0]) {
			t.Errorf("range %q, want %q, %v", b, want[0], err)
		}
	}
}

// A file of many chunks arrives whole, and a change of it changes its ETag.
func TestDownloadLarge(t *testing.T) {
	p := newPlace(t)
	rec, part, _ := p.recorded(t, "standup")
	path := "/v1/recordings/" + rec.ID + "/parts/" + part.ID + "/media"
	before := p.do(t, "record", "HEAD", path, "").header.Get("ETag")
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("abcdefg"), 2<<20)
	file := filepath.Join(dir, part.File)
	if err := os.WriteFile(file, large, 0o644); err != nil {
		t.Fatal(err)
	}
	got := p.do(t, "record", "GET", path, "")
	if got.status != 200 || got.body != string(large) {
		t.Errorf("status %d, %d bytes, want %d", got.status, len(got.body), len(large))
	}
	if after := got.header.Get("ETag"); after == before {
		t.Errorf("ETag %s stayed although the file changed", after)
	}
	now := time.Now().Add(time.Hour)
	if err := os.Chtimes(file, now, now); err != nil {
		t.Fatal(err)
	}
	if after := p.do(t, "record", "HEAD", path, "").header.Get("ETag"); after == got.header.Get("ETag") {
		t.Errorf("ETag %s stayed although the file changed", after)
	}
}

// What a manifest or a film names is opened inside its folder only.
func TestDownloadStaysInside(t *testing.T) {
	p := newPlace(t)
	rec, part, _ := p.recorded(t, "standup")
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../../secret", secret, "link.webm", ""} {
		m, err := p.media.Manifest(rec.ID)
		if err != nil {
			t.Fatal(err)
		}
		m.Parts[0].File = name
		if err := recording.WriteManifest(dir, m); err != nil {
			t.Fatal(err)
		}
		if name == "link.webm" {
			if err := os.Symlink(secret, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		got := p.do(t, "record", "GET", "/v1/recordings/"+rec.ID+"/parts/"+part.ID+"/media", "")
		if got.status < 400 || strings.Contains(got.body, "secret") || strings.Contains(got.body, dir) {
			t.Errorf("%q: status %d, body %q", name, got.status, got.body)
		}
	}
	film := p.film(t, rec, []byte("film"))
	film.File = "../recording.json"
	p.remember(t, film)
	if got := p.do(t, "record", "GET", "/v1/recordings/"+rec.ID+"/compositions/"+film.ID+"/media", ""); got.status < 400 {
		t.Errorf("status %d, body %q", got.status, got.body)
	}
}

func TestFilmNotReady(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	c := p.waiting(t, rec)
	wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+rec.ID+"/compositions/"+c.ID+"/media", ""), api.Problem{
		Type: "/problems/not-ready", Title: "It is not ready yet", Status: http.StatusConflict, Code: "NOT_READY",
		Detail: "composition " + c.ID + " is queued: its film can be downloaded once it is ready",
	})
}
