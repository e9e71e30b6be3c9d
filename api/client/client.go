// Package client calls roomreel's REST API.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/roomreel/roomreel/api"
)

// Client calls one roomreel. Its errors are *api.Problem where the server
// answered with one.
type Client struct {
	// URL is where the API is, such as "http://127.0.0.1:7890".
	URL string
	// Key is an admin key or a LiveKit token.
	Key string
	// HTTP makes the requests; http.DefaultClient when nil.
	HTTP *http.Client
}

// Start begins a recording. An empty selection takes everything.
func (c *Client) Start(ctx context.Context, s api.StartRecording) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodPost, "/v1/recordings", s, &r)
}

// Pause makes a recording write nothing until Resume.
func (c *Client) Pause(ctx context.Context, id string) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodPost, "/v1/recordings/"+id+"/pause", nil, &r)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context, id string) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodPost, "/v1/recordings/"+id+"/resume", nil, &r)
}

// Select changes which tracks a running recording takes.
func (c *Client) Select(ctx context.Context, id string, sel api.Selection) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodPut, "/v1/recordings/"+id+"/selection", sel, &r)
}

// Stop ends a recording and returns it once its files are complete.
func (c *Client) Stop(ctx context.Context, id string) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodPost, "/v1/recordings/"+id+"/stop", nil, &r)
}

// Recording returns one recording.
func (c *Client) Recording(ctx context.Context, id string) (r api.Recording, err error) {
	return r, c.call(ctx, http.MethodGet, "/v1/recordings/"+id, nil, &r)
}

// Remove deletes a recording that has ended, with all its files.
func (c *Client) Remove(ctx context.Context, id string) error {
	res, err := c.do(ctx, http.MethodDelete, "/v1/recordings/"+id, nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// List returns one page of recordings, newest first. query takes the parameters
// of GET /v1/recordings: room, state, limit, cursor.
func (c *Client) List(ctx context.Context, query url.Values) (l api.RecordingList, err error) {
	return l, c.call(ctx, http.MethodGet, "/v1/recordings?"+query.Encode(), nil, &l)
}

// Manifest returns what a recording holds.
func (c *Client) Manifest(ctx context.Context, id string) (m api.Manifest, err error) {
	return m, c.call(ctx, http.MethodGet, "/v1/recordings/"+id+"/manifest", nil, &m)
}

// Compose begins a film of a recording.
func (c *Client) Compose(ctx context.Context, id string, spec api.FilmSpec) (f api.Composition, err error) {
	return f, c.call(ctx, http.MethodPost, "/v1/recordings/"+id+"/compositions", spec, &f)
}

// Composition returns one composition.
func (c *Client) Composition(ctx context.Context, recording, id string) (f api.Composition, err error) {
	return f, c.call(ctx, http.MethodGet, "/v1/recordings/"+recording+"/compositions/"+id, nil, &f)
}

// Cancel ends a composition that is not final yet.
func (c *Client) Cancel(ctx context.Context, recording, id string) (f api.Composition, err error) {
	return f, c.call(ctx, http.MethodPost, "/v1/recordings/"+recording+"/compositions/"+id+"/cancel", nil, &f)
}

// Compositions lists the films of a recording, whatever their state.
func (c *Client) Compositions(ctx context.Context, recording string) ([]api.Composition, error) {
	var l api.CompositionList
	err := c.call(ctx, http.MethodGet, "/v1/recordings/"+recording+"/compositions", nil, &l)
	return l.Data, err
}

// Retry makes a film again that failed or was canceled.
func (c *Client) Retry(ctx context.Context, recording, id string) (f api.Composition, err error) {
	return f, c.call(ctx, http.MethodPost, "/v1/recordings/"+recording+"/compositions/"+id+"/retry", nil, &f)
}

// Ready returns nil once the server and all it depends on can be used.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/readyz", nil, &api.Readiness{})
}

// pollEvery is how often Await looks.
const pollEvery = 50 * time.Millisecond

// Await calls look until it reports that it is done, fails, or ctx ends.
func Await[T any](ctx context.Context, look func() (T, error), done func(T) bool) (T, error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		v, err := look()
		if err != nil || done(v) {
			return v, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// Download fetches the path that a part or a composition names as its media.
func (c *Client) Download(ctx context.Context, path string, to io.Writer) error {
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("download %s: %w", path, err)
	}
	return nil
}

func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return nil
}

// do returns the response if its status is 2xx; the caller closes its body.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	res, err := h.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call roomreel: %w", err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	const most = 64 << 10
	p := &api.Problem{}
	if err := json.NewDecoder(io.LimitReader(res.Body, most)).Decode(p); err != nil || p.Code == "" {
		return nil, fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return nil, p
}
