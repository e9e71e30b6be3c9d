package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/roomreel/roomreel/recording"
)

// PartParam holds the path parameters that name a part.
type PartParam struct {
	RecordingParam
	Part string `path:"part" doc:"Identifier of the part: prt_ and 32 hexadecimal digits." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

type partInput struct {
	PartParam
	RangeHeaders
}

// RangeHeaders are read by http.ServeContent; they stand here for the document.
type RangeHeaders struct {
	Range       string `header:"Range" doc:"The bytes wanted (RFC 9110 §14.2)." example:"bytes=0-1048575"`
	IfRange     string `header:"If-Range" doc:"The ETag that Range was made for; the whole file is sent when it has changed."`
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of the copy at hand; 304 is sent when it is still right."`
}

type manifestOutput struct{ Body Manifest }

type partsOutput struct{ Body PartList }

func (s *Server) routeMedia() {
	tags := []string{"media"}
	codes := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound, recording.CodeNotReady}
	route(s, operation{Operation: huma.Operation{
		OperationID: "get-manifest", Method: http.MethodGet, Path: "/v1/recordings/{recording}/manifest", Tags: tags,
		Summary:     "Get the manifest of a recording",
		Description: "Tells who was in the room when, and which file holds what. NOT_READY until the recording has ended.",
	}, access: readAccess, codes: codes, files: true}, s.getManifest)
	route(s, operation{Operation: huma.Operation{
		OperationID: "list-parts", Method: http.MethodGet, Path: "/v1/recordings/{recording}/parts", Tags: tags,
		Summary:     "List the media files of a recording",
		Description: "The parts of the manifest, each with the path to download it from.",
	}, access: readAccess, codes: codes, files: true}, s.listParts)
	download(s, operation{Operation: huma.Operation{
		OperationID: "download-part", Path: "/v1/recordings/{recording}/parts/{part}/media", Tags: tags,
		Summary:     "Download a part",
		Description: "The bytes of the file. Knows ranges, so that players can seek and downloads can go on where they broke off.",
	}, codes: append(codes[:3:3], recording.CodePartsDeleted)}, []string{"video/webm", "video/x-matroska", "audio/webm", "audio/x-matroska"}, s.openPart)
}

func (s *Server) getManifest(ctx context.Context, in *RecordingParam) (*manifestOutput, error) {
	m, err := s.manifest(ctx, in.Recording)
	if err != nil {
		return nil, err
	}
	return &manifestOutput{manifestBody(m)}, nil
}

func (s *Server) listParts(ctx context.Context, in *RecordingParam) (*partsOutput, error) {
	m, err := s.manifest(ctx, in.Recording)
	if err != nil {
		return nil, err
	}
	return &partsOutput{PartList{partBodies(m)}}, nil
}

func (s *Server) manifest(ctx context.Context, id string) (*recording.Manifest, error) {
	r, err := s.permitted(ctx, id, readAccess)
	if err != nil {
		return nil, err
	}
	m, err := s.media.Manifest(id)
	if s.storage != nil && recording.CodeOf(err) == recording.CodeNotFound && r.State.Final() {
		m, err = s.storage.Manifest(ctx, id)
	}
	return m, soon(err, r)
}

// soon turns a missing file into CodeNotReady as long as it may still come.
func soon(err error, r recording.Recording) error {
	if recording.CodeOf(err) == recording.CodeNotFound && !r.State.Final() {
		return recording.Errorf(recording.CodeNotReady, "recording %s is %s: its files are complete once it has stopped", r.ID, r.State)
	}
	return err
}

func (s *Server) openPart(ctx context.Context, in *partInput) (*attachment, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	if err != nil {
		return nil, err
	}
	f, part, err := s.media.OpenPart(in.Recording, in.Part)
	if part == nil && err != nil {
		if part = s.storedPart(ctx, in, err); part == nil {
			return nil, soon(err, r)
		}
	}
	a := &attachment{
		File: f, mediaType: mediaType(part.File, hasVideo(*part)), id: part.ID,
		name: safeName(r.Room, part.Participant, part.Stream, part.ID) + filepath.Ext(part.File),
	}
	if err != nil {
		a, err = s.fromStorage(ctx, err, part.Location, a)
		return a, soon(err, r)
	}
	return a, nil
}

// storedPart finds a part in the manifest in storage, when this node has none.
func (s *Server) storedPart(ctx context.Context, in *partInput, err error) *recording.Part {
	if recording.CodeOf(err) != recording.CodeNotFound {
		return nil
	}
	m, err := s.manifest(ctx, in.Recording)
	if err != nil {
		return nil
	}
	return m.Part(in.Part)
}

// attachment is an open file and what its headers tell.
type attachment struct {
	*os.File
	mediaType, id, name string
	// inline has it played rather than saved.
	inline bool

	// stored is the file when it is in storage instead, link where it can be had
	// instead.
	stored *StoredFile
	link   string
}

// fromStorage makes the attachment one of a file that is not here, where there is
// a storage that has it. The error is what was met here.
func (s *Server) fromStorage(ctx context.Context, err error, location string, a *attachment) (*attachment, error) {
	if s.storage == nil || location == "" || recording.CodeOf(err) != recording.CodeNotFound {
		return nil, err
	}
	if a.link, err = s.storage.Link(ctx, location, a.name, a.mediaType); err != nil || a.link != "" {
		return a, err
	}
	file, err := s.storage.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	a.stored = &file
	return a, nil
}

// content is the file, its size and when it was last changed.
func (a *attachment) content() (io.ReadSeekCloser, int64, time.Time, error) {
	if a.stored != nil {
		return a.stored, a.stored.Size, a.stored.Modified, nil
	}
	info, err := a.Stat()
	if err != nil {
		return nil, 0, time.Time{}, errors.Join(fmt.Errorf("stat file: %w", err), a.Close())
	}
	return a.File, info.Size(), info.ModTime(), nil
}

// download registers a GET that answers a file, and the HEAD that goes with it.
func download[I any](s *Server, op operation, mediaTypes []string, open func(context.Context, *I) (*attachment, error)) {
	content := map[string]*huma.MediaType{}
	for _, t := range mediaTypes {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	headers := map[string]*huma.Header{}
	for name, doc := range map[string]string{
		"ETag": "Names this version of the file.", "Accept-Ranges": "Always bytes.", "Content-Disposition": "Suggests a file name in ASCII.",
	} {
		headers[name] = &huma.Header{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	op.access, op.timeout, op.ranges, op.files = fullAccess, unbounded, true, true
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The whole file.", Content: content, Headers: headers},
		"206": {Description: "The range that was asked for; several ranges come as multipart/byteranges.", Content: content, Headers: headers},
		"307": {Description: "Storage has it: Location is a link that needs no credentials and is valid for some minutes."},
		"304": {Description: "The copy at hand is still right."},
	}
	handle := func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		file, err := open(ctx, in)
		if err != nil {
			return nil, err
		}
		if file.link != "" {
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				humagin.Unwrap(hc).Redirect(http.StatusTemporaryRedirect, file.link)
			}}, nil
		}
		content, size, modified, err := file.content()
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer content.Close()
			c := humagin.Unwrap(hc)
			c.Header("Content-Type", file.mediaType)
			disposition := "attachment"
			if file.inline {
				disposition = "inline"
			}
			c.Header("Content-Disposition", disposition+`; filename="`+file.name+`"`)
			c.Header("Cache-Control", "private, no-cache")
			c.Header("ETag", fmt.Sprintf(`"%s-%x-%x"`, file.id, size, modified.UnixNano()))
			http.ServeContent(&mediaWriter{patientWriter: patientWriter{c.Writer, s.stall}}, c.Request, "", modified, content)
		}}, nil
	}
	op.Method = http.MethodGet
	route(s, op, handle)
	op.Method, op.Hidden = http.MethodHead, true
	route(s, op, handle)
}

func hasVideo(p recording.Part) bool {
	return slices.ContainsFunc(p.Tracks, func(t recording.Track) bool { return t.Kind == recording.Video })
}

// mediaType is the content type of a media file (RFC 9559 §27.3 for Matroska).
func mediaType(file string, video bool) string {
	kind := "audio"
	if video {
		kind = "video"
	}
	switch filepath.Ext(file) {
	case ".webm":
		return kind + "/webm"
	case ".mp4":
		return kind + "/mp4"
	case ".m4a":
		return "audio/mp4"
	case ".ogg":
		return "audio/ogg"
	case ".mkv", ".mka":
		return kind + "/x-matroska"
	}
	return "application/octet-stream"
}

// safeName joins words to a file name that no shell, browser or file system
// takes for anything else.
func safeName(words ...string) string {
	const longest = 40
	for i, word := range words {
		words[i] = strings.Trim(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' {
				return r
			}
			return '-'
		}, word), "-")
		words[i] = words[i][:min(len(words[i]), longest)]
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "_")
}

// mediaWriter lets http.ServeContent refuse with a problem and send without a
// copy.
type mediaWriter struct {
	patientWriter
	refused bool
}

// sendChunk is how much a caller must take within the stall timeout.
const sendChunk = 4 << 20

func (w *mediaWriter) WriteHeader(status int) {
	if status != http.StatusRequestedRangeNotSatisfiable {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	w.Header().Del("Content-Disposition")
	w.Header().Del("Content-Length")
	p := newProblem(recording.CodeInvalidRequest, "the range lies outside the file; Content-Range tells its size")
	p.Status = status
	writeProblem(w.ResponseWriter, p)
}

func (w *mediaWriter) Write(b []byte) (int, error) {
	if w.refused {
		return len(b), nil
	}
	return w.patientWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom below gin, which hides net/http's: files
// then go from disk to socket inside the kernel.
func (w *mediaWriter) ReadFrom(r io.Reader) (total int64, err error) {
	below, ok := w.below().(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	w.WriteHeaderNow()
	control := http.NewResponseController(w.ResponseWriter)
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	for limited.N > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(w.stall))
		n, err := below.ReadFrom(&io.LimitedReader{R: limited.R, N: min(limited.N, sendChunk)})
		total, limited.N = total+n, limited.N-n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

func (w *mediaWriter) below() http.ResponseWriter {
	if u, ok := w.ResponseWriter.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return w.ResponseWriter
}
