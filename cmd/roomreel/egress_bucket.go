package main

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/deliver"
)

// putInBucket writes a file into the bucket that an egress request names, and
// returns its URL. Requests come from LiveKit's API, whose callers hold its secret,
// so their endpoints are trusted, as LiveKit Egress trusts them.
func putInBucket(ctx context.Context, b *livekit.S3Upload, key, file string) (location string, err error) {
	return putWithin(ctx, time.Minute, b, key, file)
}

// putWithin gives up a connection on which nothing has moved for as long as stall;
// minio then tries again, some ten times.
func putWithin(ctx context.Context, stall time.Duration, b *livekit.S3Upload, key, file string) (location string, err error) {
	endpoint, err := endpointOf(b)
	if err != nil {
		return "", err
	}
	keys := credentials.NewStaticV4(b.AccessKey, b.Secret, b.SessionToken)
	if b.AccessKey == "" {
		keys = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	lookup := minio.BucketLookupAuto
	if b.ForcePathStyle {
		lookup = minio.BucketLookupPath
	}
	secure := endpoint.Scheme == "https"
	transport, err := deliver.StorageTransport(secure, stall)
	if err != nil {
		return "", fmt.Errorf("open bucket %s: %w", b.Bucket, err)
	}
	defer transport.CloseIdleConnections()
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: keys, Secure: secure, Region: b.Region, BucketLookup: lookup, Transport: transport,
	})
	if err != nil {
		return "", fmt.Errorf("open bucket %s: %w", b.Bucket, err)
	}
	options := minio.PutObjectOptions{UserMetadata: b.Metadata, ContentDisposition: b.ContentDisposition, ContentType: contentType(key)}
	if b.Tagging != "" {
		list, err := tags.ParseObjectTags(b.Tagging)
		if err != nil {
			return "", fmt.Errorf("read s3.tagging: %w", err)
		}
		options.UserTags = list.ToMap()
	}
	if _, err := client.FPutObject(ctx, b.Bucket, key, file, options); err != nil {
		told := minio.ToErrorResponse(err)
		if told.StatusCode == 0 {
			return "", fmt.Errorf("bucket %s at %s gave no answer: %w", b.Bucket, endpoint.Host, err)
		}
		return "", fmt.Errorf("bucket %s at %s answered %d %s: %s", b.Bucket, endpoint.Host, told.StatusCode, told.Code, told.Message)
	}
	place := &url.URL{Scheme: endpoint.Scheme, Host: b.Bucket + "." + endpoint.Host, Path: "/" + key}
	if b.ForcePathStyle {
		place.Host, place.Path = endpoint.Host, "/"+b.Bucket+"/"+key
	}
	return place.String(), nil
}

// ownBucket takes files into roomreel's own storage; nil where there is none, or
// where a folder is configured for them.
func ownBucket(c configs.Config) func(ctx context.Context, key, path string) (string, error) {
	s := c.Storage
	if s.Bucket == "" || c.Egress.Output != "" {
		return nil
	}
	return func(ctx context.Context, key, file string) (string, error) {
		return putInBucket(ctx, &livekit.S3Upload{
			Endpoint: s.Endpoint, Bucket: s.Bucket, Region: s.Region, AccessKey: s.AccessKey, Secret: s.SecretKey, ForcePathStyle: s.PathStyle,
		}, path.Join(s.Prefix, key), file)
	}
}

// endpointOf is where a bucket's storage is: Amazon's of its region by default.
func endpointOf(b *livekit.S3Upload) (*url.URL, error) {
	address := b.Endpoint
	switch {
	case address == "" && b.Region == "":
		address = "https://s3.amazonaws.com"
	case address == "":
		address = "https://s3." + b.Region + ".amazonaws.com"
	case !strings.Contains(address, "://"):
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("s3.endpoint %q is not an http or https URL", b.Endpoint)
	}
	return u, nil
}

// contentType is that of a file that an egress makes.
func contentType(name string) string {
	for ext, kind := range map[string]string{
		".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska",
		".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".json": "application/json",
	} {
		if strings.HasSuffix(name, ext) {
			return kind
		}
	}
	return "application/octet-stream"
}
