package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// peers reaches what other nodes have on disks of their own.
type peers struct {
	archive recording.Archive
	store   *coord.Store
	folder  string
	storage *deliver.Storage // nil without one
	// token is a bearer for the other nodes' APIs.
	token func() (string, error)
}

// elsewhere returns the URL of the node that has the files of a recording, or those of
// one part; empty stands for this node, or storage. CodeNodeAway says who has them, if
// that node cannot be reached.
func (p peers) elsewhere(ctx context.Context, id, part string) (string, error) {
	m, err := p.archive.Manifest(id)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound:
		return p.nodeOf(ctx, id, "")
	case err != nil:
		return "", err
	case part != "":
		one := m.Part(part)
		if one == nil || one.Location != "" || p.archive.Has(id, one.File) {
			return "", nil
		}
		return p.nodeOf(ctx, id, one.Node)
	case len(m.Turns) < 2:
		return "", nil
	}
	// Films are where the end of the recording is, but what all know can be had here.
	node, err := p.nodeOf(ctx, id, "")
	if recording.CodeOf(err) == recording.CodeNodeAway {
		return "", nil
	}
	return node, err
}

// nodeOf returns the URL by which one reaches what the named node has recorded, or, if
// the name is empty, whichever node has the most recent of it.
func (p peers) nodeOf(ctx context.Context, id, node string) (string, error) {
	places, err := p.store.Places(ctx, id)
	if err != nil {
		return "", err
	}
	var missed []string
	for _, place := range places {
		if node != "" && place.Node != node {
			continue
		}
		if place.Folder == p.folder {
			return "", nil
		}
		for _, n := range place.At {
			if n.URL != "" {
				return n.URL, nil
			}
		}
		why := "which is away"
		if len(place.At) > 0 {
			why = "whose api.node_url is not set"
		}
		missed = append(missed, place.Node+", "+why)
	}
	if len(missed) == 0 || node == "" && p.storage != nil {
		return "", nil
	}
	return "", recording.Errorf(recording.CodeNodeAway, "its files are on the disk of %s", strings.Join(missed, ", and "))
}

// fetch brings the parts of a recording that are not in its folder here, from storage
// or from the nodes that have them, and those of the named files that storage has.
func (p peers) fetch(ctx context.Context, id string, files ...string) error {
	m, err := p.archive.Manifest(id)
	if err != nil {
		return fmt.Errorf("fetch recording: %w", err)
	}
	if p.storage != nil {
		files = slices.DeleteFunc(slices.Clone(files), func(file string) bool { // it knows those that it has
			return slices.ContainsFunc(m.Parts, func(part recording.Part) bool { return part.File == file })
		})
		if err := p.storage.Fetch(ctx, id, files...); err != nil {
			return err
		}
	}
	for _, part := range m.Parts {
		if p.archive.Has(id, part.File) {
			continue
		}
		if err := m.PartsKept(); err != nil {
			return err
		}
		if err := p.fetchPart(ctx, id, part); err != nil {
			return fmt.Errorf("fetch recording: part %s: %w", part.ID, err)
		}
	}
	return nil
}

func (p peers) fetchPart(ctx context.Context, id string, part recording.Part) error {
	base, err := p.nodeOf(ctx, id, part.Node)
	if err != nil {
		return err
	}
	if base == "" {
		return recording.Errorf(recording.CodeNotFound, "file %s is not on this node", part.File)
	}
	const patience = time.Minute
	return p.fetchFrom(ctx, base, id, part, patience)
}

// fetchFrom gives up once nothing has come for as long as patience: a node that hangs
// must not keep the composer from all other films.
func (p peers) fetchFrom(ctx context.Context, base, id string, part recording.Part, patience time.Duration) error {
	token, err := p.token()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(patience, func() {
		cancel(recording.Errorf(recording.CodeNodeAway, "%s hangs: nothing has come for %v", part.Node, patience))
	})
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/recordings/"+id+"/parts/"+part.ID+"/media", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return recording.Errorf(recording.CodeNodeAway, "%s cannot be reached: %w", part.Node, cmp.Or(context.Cause(ctx), err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return recording.Errorf(recording.CodeNodeAway, "%s answered %d", part.Node, resp.StatusCode)
	}
	return recording.WriteWhole(filepath.Join(p.archive.Root(), id, part.File), func(w io.Writer) error {
		n, err := io.Copy(w, watched{resp.Body, watch, patience})
		switch {
		case err != nil:
			return cmp.Or(context.Cause(ctx), err)
		case n != part.Bytes:
			return recording.Errorf(recording.CodeNodeAway, "%s sent %d of %d bytes", part.Node, n, part.Bytes)
		}
		return nil
	})
}

// watched starts the watch anew whenever something comes.
type watched struct {
	io.Reader
	watch    *time.Timer
	patience time.Duration
}

func (r watched) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.watch.Reset(r.patience)
	return n, err
}

// nodeURL is where other nodes reach this one's API: as configured, or where it
// listens, if that is an address that others can know.
func nodeURL(c configs.API, l net.Listener) string {
	if c.NodeURL != "" {
		return strings.TrimSuffix(c.NodeURL, "/")
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok || addr.IP.IsUnspecified() || addr.IP.IsLoopback() {
		return ""
	}
	return "http://" + addr.String()
}
