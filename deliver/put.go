package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/roomreel/roomreel/recording"
)

// The codes of uploads that fail.
const (
	// CodeUploadRefused: the receiver will not take it, or not at this URL.
	CodeUploadRefused recording.Code = "UPLOAD_REFUSED"
	// CodeUploadFailed: the attempt failed, another one may not.
	CodeUploadFailed recording.Code = "UPLOAD_FAILED"
	// CodeFileChanged: the file is not there, or not as long as it was.
	CodeFileChanged recording.Code = "FILE_CHANGED"
)

// ErrPermanent is in the tree of an upload's error when trying again is of no
// use, until something else is asked for.
var ErrPermanent = errors.New("it is of no use to try again")

// Target takes files. Put sends the u.Size bytes of body to u.URL and returns
// nil once the receiver has confirmed that it has them; an answer is told with
// an error too. Who cannot succeed by trying again wraps ErrPermanent.
type Target interface {
	Put(ctx context.Context, u Upload, body io.Reader) (Answer, error)
}

// putTarget uploads by one HTTP PUT, as presigned URLs of S3 want it: an exact
// Content-Length instead of chunks, and no header that may not be signed.
type putTarget struct {
	policy URLPolicy
	client *http.Client
}

func (p putTarget) Put(ctx context.Context, u Upload, body io.Reader) (Answer, error) {
	target, err := p.policy.Check(u.URL)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", err, ErrPermanent)
	}
	if u.Size == 0 {
		body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, target.String(), body)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", withoutURL(err), ErrPermanent)
	}
	req.ContentLength = u.Size
	req.Header.Set("User-Agent", "") // sends none
	if u.Size > 0 {
		req.Header.Set("Expect", "100-continue") // RFC 9110 §10.1.1: a refusal costs no bytes
	}
	if u.ContentType != "" {
		req.Header.Set("Content-Type", u.ContentType)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	a := readAnswer(resp)
	switch {
	case a.ok():
		return a, nil
	case refuses(a.Status):
		return a, fmt.Errorf("%w: %w", recording.Errorf(CodeUploadRefused, "the receiver answered %d", a.Status), ErrPermanent)
	}
	return a, recording.Errorf(CodeUploadFailed, "the receiver answered %d", a.Status)
}

// refuses reports whether a status blames the request, which stays the same:
// all of 4xx but those that RFC 9110 §15.5, RFC 6585 §4, RFC 4918 §11.3 and
// RFC 8470 §5.2 tie to the moment.
func refuses(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status <= 499
}
