package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/deliver"
)

// checkStorage looks whether the bucket can be read, written and cleared.
func checkStorage(ctx context.Context, c configs.Config) finding {
	if c.Storage.Bucket == "" {
		return finding{good, "none is configured: recordings stay in the data folder", ""}
	}
	bucket, err := openBucket(c.Storage)
	if err != nil {
		return finding{bad, "storage cannot be used", err.Error()}
	}
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := writeAndRemove(ctx, bucket); err != nil {
		return finding{bad, fmt.Sprintf("bucket %s cannot be used: %v", c.Storage.Bucket, err), "check storage.endpoint, bucket, region, access_key and secret_key; own servers often want storage.path_style"}
	}
	return finding{good, "bucket " + c.Storage.Bucket + " takes and returns files", ""}
}

// writeAndRemove writes a file, looks at it, and removes it.
func writeAndRemove(ctx context.Context, bucket *deliver.Bucket) error {
	if err := bucket.Check(ctx); err != nil {
		return err
	}
	const text = "roomreel doctor was here\n"
	folder := ".doctor-" + uuid.NewString()
	_, err := bucket.Put(ctx, deliver.Upload{URL: bucket.Location(folder + "/probe"), Size: int64(len(text))}, strings.NewReader(text))
	if err != nil {
		return err
	}
	return bucket.Remove(ctx, folder)
}

// checkWebhooks looks whether the configured receivers can be connected to. It
// sends them nothing: `POST /v1/webhooks/{id}/test` does.
func checkWebhooks(ctx context.Context, c configs.Config) finding {
	if len(c.Webhooks) == 0 {
		return finding{good, "none are configured", ""}
	}
	var silent []string
	for _, hook := range c.Webhooks {
		if err := connect(ctx, hook.URL); err != nil {
			silent = append(silent, fmt.Sprintf("%s (%v)", hook.ID, err))
		}
	}
	if len(silent) > 0 {
		return finding{warn, "no connection to " + strings.Join(silent, ", "), "start the receiver, or correct its url under webhooks; what it misses is sent again for a day"}
	}
	return finding{good, fmt.Sprintf("all %d receivers can be connected to", len(c.Webhooks)), ""}
}

// connect opens a connection to the host of a URL.
func connect(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // a service's name is as good
	}
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return c.Close()
}

// openBucket opens the bucket of the configured storage.
func openBucket(s configs.Storage) (*deliver.Bucket, error) {
	return deliver.OpenBucket(deliver.BucketOptions{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: strings.Trim(s.Prefix, "/"), Region: s.Region,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, PathStyle: s.PathStyle,
	})
}
