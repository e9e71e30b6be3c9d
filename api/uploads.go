package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Uploads is the service that brings files to where they are wanted. Every error
// that a caller caused is a *recording.Error.
type Uploads interface {
	// Check refuses a URL that may not be dialled.
	Check(url string) error
	List(ctx context.Context, recordingID string) ([]Upload, error)
	// Add begins an upload; where one of the same file was given up or goes on, it
	// begins that anew, to the new URL.
	Add(ctx context.Context, r recording.Recording, want StartUpload) (Upload, error)
	// Retry begins an upload of the recording anew, to another URL if one is given.
	Retry(ctx context.Context, recordingID, id, url string) (Upload, error)
}

// Storage has files that are not on this node, or not any more.
type Storage interface {
	// Manifest reads the manifest of a recording, or says CodeNotFound.
	Manifest(ctx context.Context, id string) (*recording.Manifest, error)
	// Open opens what is at a location.
	Open(ctx context.Context, location string) (StoredFile, error)
	// Link returns a URL to download it from without credentials, for some minutes;
	// empty when callers are to be sent the bytes.
	Link(ctx context.Context, location, fileName, mediaType string) (string, error)
	// Remove deletes all there is of a recording, RemoveFilm what there is of a film.
	Remove(ctx context.Context, id string) error
	RemoveFilm(ctx context.Context, film recording.Composition) error
}

// StoredFile is a file in storage, open for reading.
type StoredFile struct {
	io.ReadSeekCloser
	Size     int64
	Modified time.Time
}

// StartUpload is the body that begins an upload.
type StartUpload struct {
	URL         string `json:"url" minLength:"1" maxLength:"4096" doc:"Takes the file by one HTTP PUT, such as a presigned URL. It is never told again whole." example:"https://app.example.com/put/4711?signature=x"`
	Part        string `json:"part,omitempty" maxLength:"64" doc:"The part to upload. It may be left out when there is one only." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Composition string `json:"composition,omitempty" maxLength:"64" doc:"The film to upload, instead of a part." example:"cmp_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

// RetryUpload is the body that begins an upload anew.
type RetryUpload struct {
	URL string `json:"url,omitempty" maxLength:"4096" doc:"A fresh URL; the old one is used when this is left out." example:"https://app.example.com/put/4711?signature=y"`
}

// Upload is a file on its way to a receiver.
type Upload struct {
	ID          string            `json:"id" doc:"Identifier." example:"upl_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	RecordingID string            `json:"recording_id" doc:"The recording it is of." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	File        string            `json:"file" doc:"The file, below the folder of recordings." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778/prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm"`
	URL         string            `json:"url" doc:"Where it goes, without its query." example:"https://app.example.com/put/4711"`
	Bytes       int64             `json:"bytes" doc:"Size of the file." example:"412345678"`
	Sent        int64             `json:"sent" doc:"Bytes that the last attempt has sent, as of some seconds ago." example:"412345678"`
	State       string            `json:"state" enum:"pending,running,done,failed" doc:"How far it is; done says that the receiver has confirmed it." example:"done"`
	Error       *Failure          `json:"error,omitempty" doc:"Why it was given up. The file is kept: retry it, with a fresh URL if need be."`
	CreatedAt   time.Time         `json:"created_at" doc:"When it was queued." example:"2026-03-01T09:30:00Z"`
	NextAttempt time.Time         `json:"next_attempt,omitzero" doc:"When a pending one is due." example:"2026-03-01T09:35:00Z"`
	EndedAt     time.Time         `json:"ended_at,omitzero" doc:"When it was confirmed or given up." example:"2026-03-01T09:31:00Z"`
	Attempts    []DeliveryAttempt `json:"attempts" doc:"What was tried: in a list the last attempt, else up to 50."`
}

// UploadList lists the uploads of a recording.
type UploadList struct {
	Data []Upload `json:"data" doc:"The uploads, newest first, those to storage too."`
}

type (
	startUploadInput struct {
		RecordingParam
		Body StartUpload
	}
	// UploadParam holds the path parameters that name an upload.
	UploadParam struct {
		RecordingParam
		Upload string `path:"upload" doc:"Identifier of the upload: upl_ and 32 hexadecimal digits." example:"upl_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	}
	retryUploadInput struct {
		UploadParam
		Body *RetryUpload
	}
	uploadOutput  struct{ Body Upload }
	uploadsOutput struct{ Body UploadList }
)

const uploadsPath = "/v1/recordings/{recording}/uploads"

func (s *Server) routeUploads() {
	if s.uploads == nil {
		return
	}
	tags := []string{"uploads"}
	codes := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound}
	urls := []recording.Code{CodeURLInvalid, CodeURLScheme, CodeURLPort, CodeURLAddress, recording.CodeInvalidRequest}
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "list-uploads", Method: http.MethodGet, Path: uploadsPath, Tags: tags,
			Summary: "List the uploads of a recording", Description: "Each with its state and what was answered last.",
		},
		access: readAccess, codes: codes,
	}, s.listUploads)
	const fetching = 10 * time.Minute // of a file that is in storage only
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "start-upload", Method: http.MethodPost, Path: uploadsPath, Tags: tags, DefaultStatus: http.StatusAccepted,
			Summary: "Upload a file of a recording",
			Description: "Sends a part or a film by one HTTP PUT, and again until it is confirmed. For the file of an upload that has not " +
				"arrived, that one goes on to the new URL.",
		},
		access: fullAccess, files: true, timeout: fetching, codes: append(append(urls, CodeSeveralParts, CodeFileChanged, recording.CodeNotReady, recording.CodePartsDeleted, CodeStorageFailed), codes...),
	}, s.startUpload)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "retry-upload", Method: http.MethodPost, Path: uploadsPath + "/{upload}/retry", Tags: tags, DefaultStatus: http.StatusAccepted,
			Summary: "Retry an upload", Description: "Begins it anew at once, in whichever state it is. The body may be left out.",
		},
		access: fullAccess, codes: append(urls, codes...),
	}, s.retryUpload)
}

func (s *Server) listUploads(ctx context.Context, in *RecordingParam) (*uploadsOutput, error) {
	if _, err := s.permitted(ctx, in.Recording, readAccess); err != nil {
		return nil, err
	}
	list, err := s.uploads.List(ctx, in.Recording)
	if err != nil {
		return nil, err
	}
	return &uploadsOutput{UploadList{list}}, nil
}

func (s *Server) startUpload(ctx context.Context, in *startUploadInput) (*uploadOutput, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	switch {
	case err != nil:
		return nil, err
	case !r.State.Final():
		return nil, recording.Errorf(recording.CodeNotReady, "recording %s is %s: stop it first", r.ID, r.State)
	case in.Body.Part != "" && in.Body.Composition != "":
		return nil, recording.Errorf(recording.CodeInvalidRequest, "part, composition: name one of them")
	}
	up, err := s.uploads.Add(ctx, r, in.Body)
	if err != nil {
		return nil, err
	}
	return &uploadOutput{up}, nil
}

func (s *Server) retryUpload(ctx context.Context, in *retryUploadInput) (*uploadOutput, error) {
	if _, err := s.permitted(ctx, in.Recording, fullAccess); err != nil {
		return nil, err
	}
	url := ""
	if in.Body != nil {
		url = in.Body.URL
	}
	up, err := s.uploads.Retry(ctx, in.Recording, in.Upload, url)
	if err != nil {
		return nil, err
	}
	return &uploadOutput{up}, nil
}

// checkDelivery refuses URLs that may not be dialled, before anything is
// recorded for them.
func (s *Server) checkDelivery(d recording.Delivery, sel recording.Selection) error {
	for _, url := range []string{d.UploadURL, d.WebhookURL} {
		if url == "" {
			continue
		}
		if s.uploads == nil {
			return recording.Errorf(recording.CodeInvalidRequest, "upload_url, webhook_url: this server delivers nothing")
		}
		if err := s.uploads.Check(url); err != nil {
			return err
		}
	}
	if d.UploadURL != "" && len(sel.Identities) != 1 {
		return recording.Errorf(recording.CodeInvalidRequest, "upload_url: it takes the file of one stream: select one identity, and a stream if there may be several")
	}
	return nil
}
