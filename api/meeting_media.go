package api

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// mediaFile is a file and what it is: a part, or else a film.
type mediaFile struct {
	file MeetingFile
	part string
	film *recording.Composition
}

func (f mediaFile) open(a recording.Archive) (*os.File, error) {
	if f.film != nil {
		return a.OpenFilm(*f.film)
	}
	file, _, err := a.OpenPart(f.file.RecordingID, f.part)
	return file, err
}

// name is what a browser saves the file as.
func (f mediaFile) name() string {
	ext := filepath.Ext(f.file.Filename)
	name := safeName(strings.TrimSuffix(f.file.OriginalFilename, ext))
	if name == "" {
		name = f.file.ID
	}
	return name + ext
}

// findFile returns a file by its name in paths, which begins with its recording.
func (s *Server) findFile(ctx context.Context, in MeetingFileParam, a access) (mediaFile, error) {
	absent := recording.Errorf(recording.CodeNotFound, "Recording not found")
	const idLength = len(recording.PrefixRecording) + 1 + 32
	if len(in.Filename) < idLength || recording.CheckID(recording.PrefixRecording, in.Filename[:idLength]) != nil {
		return mediaFile{}, absent
	}
	r, err := s.permitted(ctx, in.Filename[:idLength], a)
	if err != nil {
		return mediaFile{}, err
	}
	if r.Room == in.Meeting {
		for _, f := range s.filesOf(ctx, r) {
			if f.file.Filename == in.Filename {
				return f, nil
			}
		}
	}
	return mediaFile{}, absent
}

// filesOf returns the files of a recording that are here, its films first.
func (s *Server) filesOf(ctx context.Context, r recording.Recording) []mediaFile {
	if !r.State.Final() {
		return nil
	}
	m := s.manifestOf(r.ID)
	told, err := s.told(r.ID)
	if err != nil {
		s.log.WarnContext(ctx, "what is told of files cannot be read", "recording", r.ID, "error", err)
	}
	var files []mediaFile
	films, err := s.compositions.List(ctx, r.ID)
	if err != nil {
		films = nil // not on this node
	}
	for _, c := range films {
		if c.State == recording.CompositionReady && c.File != "" {
			files = append(files, mediaFile{file: filmFile(r, m, c), film: &c})
		}
	}
	for _, p := range m.Parts {
		files = append(files, mediaFile{file: partFile(r, m, p), part: p.ID})
	}
	for i := range files {
		if e, ok := told[files[i].file.ID]; ok {
			e.apply(&files[i].file)
		}
	}
	return files
}

const (
	sourceServer   = "server"
	sourceComposed = "server-composed"
	sourceUpload   = "upload"
)

func filmFile(r recording.Recording, m *recording.Manifest, c recording.Composition) MeetingFile {
	who := inRecording(m)
	f := MeetingFile{
		ID: c.ID, MeetingID: r.Room, OriginalFilename: "server-recording-" + r.ID + "-composed" + filepath.Ext(c.File), Mimetype: filmType(c),
		Size: c.Bytes, UserID: who.host.identity(), Host: who.host, Participants: who.others, UploadedAt: c.FinishedAt.UTC(), UpdatedAt: c.FinishedAt.UTC(),
		RecordingSource: sourceComposed, RecordingID: r.ID, Layout: c.Spec.Layout, Duration: seconds(c.Duration),
	}
	kind := "composed"
	if r.Labels[labelUpload] != "" {
		kind, f.RecordingSource, f.Layout = "upload", sourceUpload, ""
		f.Mimetype = mediaType(c.File, true)
	}
	f.named(r.ID + "-" + kind + "-" + c.ID + filepath.Ext(c.File))
	return f
}

func partFile(r recording.Recording, m *recording.Manifest, p recording.Part) MeetingFile {
	who := inRecording(m)
	kind, role := recording.Audio, roleParticipant
	if hasVideo(p) {
		kind = recording.Video
	}
	name := p.Participant
	for _, member := range m.Participants {
		if member.Identity == p.Participant {
			name = member.Name
		}
	}
	if who.host.identity() == p.Participant && who.host != nil {
		role = roleHost
	}
	f := MeetingFile{
		ID: p.ID, MeetingID: r.Room, OriginalFilename: "server-recording-" + p.Participant + "-" + string(kind) + filepath.Ext(p.File),
		Mimetype: mediaType(p.File, hasVideo(p)), Size: p.Bytes, UserID: p.Participant, Host: who.host,
		Participants: []MeetingPerson{person(p.Participant, name, role, "")}, UploadedAt: r.StoppedAt.UTC(), UpdatedAt: r.StoppedAt.UTC(),
		RecordingSource: sourceServer, RecordingID: r.ID, ParticipantID: p.Participant, Role: role, TrackKind: string(kind), Duration: seconds(p.Duration),
	}
	f.named(r.ID + "-" + safeName(p.Participant, p.Stream) + "-" + p.ID + filepath.Ext(p.File))
	return f
}

// named gives the file its name in paths, and the paths.
func (f *MeetingFile) named(name string) {
	f.Filename = name
	path := "/api/recordings/" + url.PathEscape(f.MeetingID) + "/" + url.PathEscape(name)
	f.URL, f.DownloadURL, f.StreamURL = path+"/download", path+"/download", path+"/stream"
}

// toldFile holds what callers have told of the files of a recording, in its
// directory, by the files' identifiers.
const toldFile = "meeting.json"

// toldOf is what callers have told of a file.
type toldOf struct {
	OriginalFilename string          `json:"originalFilename,omitempty"`
	UserID           string          `json:"userId,omitempty"`
	Host             *MeetingPerson  `json:"host,omitempty"`
	Participants     []MeetingPerson `json:"participants,omitempty"`
	UpdatedAt        time.Time       `json:"updatedAt"`
}

func (t toldOf) apply(f *MeetingFile) {
	f.UpdatedAt = t.UpdatedAt
	if t.OriginalFilename != "" {
		f.OriginalFilename = t.OriginalFilename
	}
	if t.UserID != "" {
		f.UserID = t.UserID
	}
	if t.Host != nil {
		f.Host = t.Host
	}
	if t.Participants != nil {
		f.Participants = t.Participants
	}
}

func (s *Server) told(id string) (map[string]toldOf, error) {
	told := map[string]toldOf{}
	dir, err := s.media.Dir(id)
	if err != nil {
		return told, err
	}
	b, err := os.ReadFile(filepath.Join(dir, toldFile))
	if errors.Is(err, fs.ErrNotExist) {
		return told, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &told)
	}
	return told, err
}
