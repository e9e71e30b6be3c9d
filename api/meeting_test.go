package api_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

func TestMeetingSessions(t *testing.T) {
	p := newPlace(t)
	const path = "/api/recording-sessions"
	got := p.do(t, "record", "POST", path, `{"connectionId":"standup","layout":" speaker ","format":"mp4","host":{"id":"anna"}}`)
	if got.status != http.StatusCreated {
		t.Fatalf("start: %d %s", got.status, got.body)
	}
	started := decode[api.MeetingSessionAnswer](t, got)
	want := api.MeetingSessionAnswer{
		MeetingAnswer: api.MeetingAnswer{Success: true},
		Session:       &api.MeetingSession{ConnectionID: "standup", Status: "recording", Layout: "speaker", Format: "mp4"},
		Agent: &api.MeetingAgent{
			ID: "recorder_" + started.Session.ID, RecordingID: started.Session.ID, ConnectionID: "standup",
			Status: "awaiting-media-adapter", MediaMode: "livekit", PeerTracks: []api.MeetingTrack{},
		},
	}
	times := cmpopts.IgnoreFields(api.MeetingSession{}, "ID", "CreatedAt", "StartedAt", "UpdatedAt", "StoppedAt", "Error")
	agentTimes := cmpopts.IgnoreFields(api.MeetingAgent{}, "CreatedAt", "UpdatedAt", "StoppedAt")
	if diff := cmp.Diff(want, started, times, agentTimes); diff != "" {
		t.Errorf("start: %s", diff)
	}
	r, err := p.store.Get(t.Context(), started.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantRequest := recording.Request{
		Room: "standup", Compositions: []recording.CompositionSpec{{Layout: "speaker", Format: "mp4"}}, EndWithHost: true,
		Subject: recording.Subject{Host: "anna", Labels: map[string]string{"meeting.layout": "speaker", "meeting.format": "mp4"}},
	}
	if diff := cmp.Diff(wantRequest, r.Request); diff != "" {
		t.Errorf("what is wanted: %s", diff)
	}

	again := p.do(t, "record", "POST", path, `{"connectionId":"standup"}`)
	conflict := decode[api.MeetingSessionAnswer](t, again)
	if again.status != http.StatusConflict || conflict.Success || conflict.Session == nil || conflict.Session.ID != started.Session.ID {
		t.Errorf("a second session of the room: %d %s", again.status, again.body)
	}
	for body, status := range map[string]int{`{}`: 400, `{"connectionId":"nowhere"}`: 404, `{"connectionId":" "}`: 404} {
		got := p.do(t, "record", "POST", path, body)
		if a := decode[api.MeetingSessionAnswer](t, got); got.status != status || a.Success || a.Message == "" {
			t.Errorf("start with %s: %d %s", body, got.status, got.body)
		}
	}
	if got := p.do(t, "record", "GET", path+"/"+recording.NewID("rec"), ""); got.status != 404 || decode[api.MeetingSessionAnswer](t, got).Success {
		t.Errorf("an unknown session: %d %s", got.status, got.body)
	}
	list := decode[api.MeetingSessions](t, p.do(t, "list", "GET", path+"?connectionId=standup", ""))
	if list.TotalCount != 1 || list.Sessions[0].ID != started.Session.ID {
		t.Errorf("list: %+v", list)
	}

	stopped := p.do(t, "record", "DELETE", path+"/"+started.Session.ID+"?compose=false", "")
	answer := decode[api.MeetingSessionAnswer](t, stopped)
	if stopped.status != 200 || answer.Session.Status != "stopped" || answer.Session.StoppedAt.IsZero() || answer.CompositionJob != nil || answer.Agent.Status != "stopped" {
		t.Errorf("stop: %d %s", stopped.status, stopped.body)
	}
	if r, err := p.store.Get(t.Context(), started.Session.ID); err != nil || len(r.Compositions) != 0 {
		t.Errorf("a film is wished in spite of compose=false: %+v, %v", r.Compositions, err)
	}
	if got := p.do(t, "record", "DELETE", path+"/"+started.Session.ID, ""); got.status != 200 {
		t.Errorf("stop again: %d %s", got.status, got.body)
	}
}

// A stop that takes longer than its caller may wait goes on, and so does the film.
func TestMeetingStopThatTakesLong(t *testing.T) {
	p := newPlace(t)
	const path = "/api/recording-sessions"
	started := decode[api.MeetingSessionAnswer](t, p.do(t, "record", "POST", path, `{"connectionId":"standup","layout":"speaker"}`))
	p.fallSilent(t, started.Session.ID)
	if got := p.do(t, "record", "DELETE", path+"/"+started.Session.ID, ""); got.status != http.StatusGatewayTimeout {
		t.Errorf("stop: %d %s", got.status, got.body)
	}
	r, err := p.store.Get(t.Context(), started.Session.ID)
	if want := []recording.CompositionSpec{{Layout: "speaker", Format: "webm"}}; err != nil || !r.StopWanted || !cmp.Equal(r.Compositions, want) {
		t.Errorf("wanted of what ends: stop %t, films %+v, %v", r.StopWanted, r.Compositions, err)
	}
}

func TestMeetingFilmsAndFiles(t *testing.T) {
	p := newPlace(t)
	rec, part, content := p.recorded(t, "standup")
	film := p.film(t, rec, content)
	films := decode[api.MeetingFilms](t, p.do(t, "list", "GET", "/api/recording-compositions?meetingId=standup", ""))
	if films.TotalCount != 1 || films.Jobs[0].Status != "completed" || films.Jobs[0].Output == nil {
		t.Fatalf("films: %+v", films)
	}
	one := decode[api.MeetingFilmAnswer](t, p.do(t, "list", "GET", "/api/recording-compositions/"+film.ID, ""))
	if diff := cmp.Diff(&films.Jobs[0], one.Job); diff != "" {
		t.Error(diff)
	}
	for body, status := range map[string]int{
		`{"meetingId":"standup"}`: 400, `{"recordingId":"` + rec.ID + `"}`: 400,
		`{"meetingId":"other","recordingId":"` + rec.ID + `"}`:   404,
		`{"meetingId":"standup","recordingId":"` + rec.ID + `"}`: 202,
	} {
		got := p.do(t, "record", "POST", "/api/recording-compositions", body)
		if a := decode[api.MeetingFilmAnswer](t, got); got.status != status || a.Success != (status == 202) {
			t.Errorf("make a film with %s: %d %s", body, got.status, got.body)
		}
	}

	list := decode[api.MeetingFiles](t, p.do(t, "list", "GET", "/api/recordings", ""))
	if list.TotalCount != 2 || list.Recordings[0].ID != film.ID || list.Recordings[1].ID != part.ID {
		t.Fatalf("files: %+v", list)
	}
	for _, f := range list.Recordings {
		for _, path := range []string{f.DownloadURL, f.StreamURL, f.URL} {
			got := p.do(t, "record", "GET", path, "", "Range", "bytes=10-19")
			if got.status != http.StatusPartialContent || got.body != string(content[10:20]) || got.header.Get("Content-Type") != f.Mimetype {
				t.Errorf("%s: %d %q %q", path, got.status, got.body, got.header)
			}
			inline := strings.HasPrefix(got.header.Get("Content-Disposition"), "inline")
			if inline != strings.HasSuffix(path, "/stream") {
				t.Errorf("%s: %q", path, got.header.Get("Content-Disposition"))
			}
		}
	}
	file := strings.TrimSuffix(list.Recordings[0].URL, "/download")
	edited := decode[api.MeetingFileAnswer](t, p.do(t, "record", "PATCH", file, `{"originalFilename":"Montag.mp4","participants":[{"id":"zoe","name":"Zoë"}]}`))
	after := decode[api.MeetingFiles](t, p.do(t, "list", "GET", "/api/recordings?meetingId=standup", "")).Recordings[0]
	want := list.Recordings[0]
	want.OriginalFilename, want.Participants, want.UpdatedAt = "Montag.mp4", []api.MeetingPerson{{ID: "zoe", Name: "Zoë"}}, after.UpdatedAt
	if diff := cmp.Diff(want, after); diff != "" || !cmp.Equal(&after, edited.Recording) {
		t.Errorf("edited: %s", diff)
	}

	partFile := strings.TrimSuffix(list.Recordings[1].URL, "/download")
	if got := p.do(t, "record", "DELETE", partFile, ""); got.status != http.StatusConflict {
		t.Errorf("delete a part: %d %s", got.status, got.body)
	}
	if got := p.do(t, "record", "PUT", "/v1/recordings/"+rec.ID+"/hold", `{"reason":"case 7"}`); got.status != 200 {
		t.Fatal(got.body)
	}
	if got := p.do(t, "record", "DELETE", file, ""); got.status != http.StatusConflict || decode[api.MeetingFileAnswer](t, got).Code != "LEGAL_HOLD" {
		t.Errorf("delete a film that is held: %d %s", got.status, got.body)
	}
	p.do(t, "record", "DELETE", "/v1/recordings/"+rec.ID+"/hold", "")
	if got := p.do(t, "record", "DELETE", file, ""); got.status != 200 {
		t.Errorf("delete a film: %d %s", got.status, got.body)
	}
	for _, path := range []string{
		file + "/download", strings.ReplaceAll(partFile, "/standup/", "/other/") + "/download",
		"/api/recordings/standup/..%2f..%2fetc%2fpasswd/download", "/api/recordings/standup/" + rec.ID + "-x.webm/stream",
	} {
		if got := p.do(t, "record", "GET", path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// The application knows no pages: its lists have all that there is.
func TestMeetingListsAreWhole(t *testing.T) {
	p := newPlace(t)
	const there = 1001
	var want []string
	for range there {
		r := recording.Recording{
			ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "standup"}, State: recording.Stopped,
			CreatedAt: time.Now().UTC(), StoppedAt: time.Now().UTC(),
		}
		if _, err := p.store.Restore(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want = append(want, r.ID)
	}
	slices.Reverse(want)
	for _, query := range []string{"", "?connectionId=standup"} {
		list := decode[api.MeetingSessions](t, p.do(t, "list", "GET", "/api/recording-sessions"+query, ""))
		var got []string
		for _, session := range list.Sessions {
			got = append(got, session.ID)
		}
		if list.TotalCount != there || !slices.Equal(got, want) {
			t.Errorf("%q: %d sessions, told as %d, of %d", query, len(got), list.TotalCount, there)
		}
	}
}

// webmHead begins every WebM file.
const webmHead = "\x1a\x45\xdf\xa3"

func TestMeetingUploadInChunks(t *testing.T) {
	p := newPlace(t)
	const path = "/api/recording-uploads"
	if got := p.do(t, "record", "POST", path, `{}`); got.status != 400 {
		t.Errorf("without a meeting: %d %s", got.status, got.body)
	}
	opened := decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", path, `{"meetingId":"standup","filename":"mine.webm","host":{"id":"anna","name":"Anna"}}`))
	one := path + "/" + opened.Upload.ID
	chunk := func(offset int, bytes string, want int) api.MeetingUploadAnswer {
		t.Helper()
		got := p.do(t, "record", "PATCH", one, bytes, "Upload-Offset", fmt.Sprint(offset), "Content-Type", "application/octet-stream")
		if got.status != want {
			t.Fatalf("chunk at %d: %d %s", offset, got.status, got.body)
		}
		return decode[api.MeetingUploadAnswer](t, got)
	}
	chunk(0, "GIF89a", 200)
	if got := p.do(t, "record", "POST", one+"/complete", ""); got.status != 400 {
		t.Errorf("a picture for a film: %d %s", got.status, got.body)
	}
	p.do(t, "record", "DELETE", one, "")
	if got := p.do(t, "record", "GET", one, ""); got.status != 404 {
		t.Errorf("dropped: %d %s", got.status, got.body)
	}

	opened = decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", path, `{"meetingId":"standup","filename":"mine.webm","host":{"id":"anna","name":"Anna"}}`))
	one = path + "/" + opened.Upload.ID
	content := webmHead + strings.Repeat("0123456789", 100)
	chunk(0, content[:400], 200)
	if a := chunk(0, content[:400], 409); a.Upload == nil || a.Upload.Offset != 400 {
		t.Errorf("a repeated chunk must learn where to go on: %+v", a)
	}
	if a := decode[api.MeetingUploadAnswer](t, p.do(t, "record", "GET", one, "")); a.Upload.Offset != 400 {
		t.Errorf("offset: %+v", a.Upload)
	}
	chunk(400, content[400:], 200)
	completed := p.do(t, "record", "POST", one+"/complete", "")
	file := decode[api.MeetingUploadAnswer](t, completed).Recording
	if completed.status != http.StatusCreated || file == nil || file.Size != int64(len(content)) || file.OriginalFilename != "mine.webm" ||
		file.RecordingSource != "upload" || file.Host == nil || file.Host.Name != "Anna" {
		t.Fatalf("completed: %d %s", completed.status, completed.body)
	}
	if got := p.do(t, "record", "GET", file.StreamURL, ""); got.status != 200 || got.body != content || got.header.Get("Content-Type") != "video/webm" {
		t.Errorf("stream: %d, %d bytes, %v", got.status, len(got.body), got.header)
	}
	if list := decode[api.MeetingFiles](t, p.do(t, "list", "GET", "/api/recordings", "")); list.TotalCount != 1 || !cmp.Equal(list.Recordings[0], *file) {
		t.Errorf("list: %+v", list)
	}
	if sessions := decode[api.MeetingSessions](t, p.do(t, "list", "GET", "/api/recording-sessions", "")); sessions.TotalCount != 0 {
		t.Errorf("an upload is told as a session: %+v", sessions)
	}
	if got := p.do(t, "record", "DELETE", strings.TrimSuffix(file.URL, "/download"), ""); got.status != 200 {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
	if ids, err := p.media.IDs(); err != nil || slices.Contains(ids, file.RecordingID) {
		t.Errorf("the files are still there: %v, %v", ids, err)
	}
}

// A disk that is full is told as that, by a real file that takes nothing.
func TestMeetingUploadToAFullDisk(t *testing.T) {
	p := newPlace(t)
	const path = "/api/recording-uploads"
	opened := decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", path, `{"meetingId":"standup"}`))
	if err := os.Symlink("/dev/full", filepath.Join(p.media.Root(), ".uploads", opened.Upload.ID, "film")); err != nil {
		t.Fatal(err)
	}
	got := p.do(t, "record", "PATCH", path+"/"+opened.Upload.ID, webmHead, "Upload-Offset", "0")
	a := decode[api.MeetingUploadAnswer](t, got)
	if got.status != http.StatusInsufficientStorage || a.Success || a.Code != "DISK_FULL" || strings.Contains(a.Message, p.media.Root()) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// What cannot be completed while Redis is away is completed when it is asked for again:
// nothing of it is lost, and there is one recording.
func TestMeetingUploadIsCompletedAfterAFailure(t *testing.T) {
	p := newPlace(t)
	const path = "/api/recording-uploads"
	opened := decode[api.MeetingUploadAnswer](t, p.do(t, "record", "POST", path, `{"meetingId":"standup"}`))
	one, content := path+"/"+opened.Upload.ID, webmHead+"0123456789"
	if got := p.do(t, "record", "PATCH", one, content, "Upload-Offset", "0"); got.status != 200 {
		t.Fatal(got.body)
	}
	p.redis.SetError("LOADING")
	if got := p.do(t, "record", "POST", one+"/complete", ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("without Redis: %d %s", got.status, got.body)
	}
	p.redis.SetError("")
	got := p.do(t, "record", "POST", one+"/complete", "")
	if got.status != http.StatusCreated {
		t.Fatalf("again: %d %s", got.status, got.body)
	}
	file := decode[api.MeetingUploadAnswer](t, got).Recording
	if ids, err := p.media.IDs(); err != nil || !slices.Equal(ids, []string{file.RecordingID}) {
		t.Errorf("recordings: %v, %v", ids, err)
	}
	if got := p.do(t, "record", "GET", file.StreamURL, ""); got.body != content {
		t.Errorf("film: %d %s", got.status, got.body)
	}
}

func TestMeetingUploadForm(t *testing.T) {
	p := newPlace(t)
	form := func(fields [][2]string, film string) (body, contentType string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, f := range fields {
			if err := w.WriteField(f[0], f[1]); err != nil {
				t.Fatal(err)
			}
		}
		if film != "" {
			part, err := w.CreateFormFile("video", "../../browser.webm")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := part.Write([]byte(film)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String(), w.FormDataContentType()
	}
	large := webmHead + strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		name   string
		fields [][2]string
		film   string
		want   int
	}{
		{"whole", [][2]string{{"meetingId", "standup"}, {"participants", `[{"id":"zoe"}]`}, {"other", "x"}}, large, 201},
		{"no meeting", nil, large, 400},
		{"no film", [][2]string{{"meetingId", "standup"}}, "", 400},
		{"not a film", [][2]string{{"meetingId", "standup"}}, "<html>not a film at all", 400},
		{"host that is no JSON", [][2]string{{"meetingId", "standup"}, {"host", "anna"}}, large, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, contentType := form(c.fields, c.film)
			got := p.do(t, "record", "POST", "/api/recordings", body, "Content-Type", contentType)
			a := decode[api.MeetingUploadAnswer](t, got)
			if got.status != c.want || a.Success != (c.want == 201) {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if a.Recording != nil && (a.Recording.OriginalFilename != "browser.webm" || a.Recording.Size != int64(len(large)) || len(a.Recording.Participants) != 1) {
				t.Errorf("%+v", a.Recording)
			}
		})
	}
	if got := p.do(t, "record", "POST", "/api/recordings", "x"); got.status != 400 {
		t.Errorf("no form: %d %s", got.status, got.body)
	}
	body, contentType := form([][2]string{{"meetingId", "standup"}}, large)
	if got := p.do(t, "record-oth", "POST", "/api/recordings", body, "Content-Type", contentType); got.status != 403 {
		t.Errorf("into another's room: %d %s", got.status, got.body)
	}
}
