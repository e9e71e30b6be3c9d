package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/roomreel/roomreel/recording"
)

// bucketScheme is that of the URLs of what is in a Bucket.
const bucketScheme = "s3"

// BucketOptions say which bucket of which S3-compatible storage is used. The
// operator gives them, so the endpoint is trusted.
type BucketOptions struct {
	// Endpoint is a URL such as "https://s3.eu-central-1.amazonaws.com".
	Endpoint string
	Bucket   string
	// Prefix begins the keys, without a slash at its end; it may be empty.
	Prefix string
	// Region is asked of the storage when empty.
	Region               string
	AccessKey, SecretKey string
	// PathStyle puts the bucket into the path instead of the host's name.
	PathStyle bool
	// Stall is how long a connection may make no progress; 60 s when zero.
	Stall time.Duration
}

// Bucket is a place in S3-compatible storage. It is a [Target] for URLs that
// [Bucket.Location] makes. Its methods are safe for concurrent use; their errors
// have CodeStorageFailed, or CodeNotFound.
type Bucket struct {
	client *minio.Client
	opts   BucketOptions
}

// CodeStorageFailed says that S3-compatible storage did not do as asked.
const CodeStorageFailed recording.Code = "STORAGE_FAILED"

// OpenBucket checks the options; it does not ask the storage.
func OpenBucket(o BucketOptions) (*Bucket, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "storage: the endpoint must be an http or https URL without a path")
	}
	if o.Bucket == "" || o.AccessKey == "" || o.SecretKey == "" {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "storage: bucket, access key and secret key are needed")
	}
	lookup := minio.BucketLookupAuto
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	setDefault(&o.Stall, time.Minute)
	secure := u.Scheme == "https"
	transport, err := StorageTransport(secure, o.Stall)
	if err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: secure, Region: o.Region, Transport: transport,
		BucketLookup: lookup, MaxRetries: 1, // ours is the queue
	})
	if err != nil {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "storage: %w", err)
	}
	return &Bucket{client, o}, nil
}

// Location is the URL of a name in the bucket. It holds no secret.
func (b *Bucket) Location(name string) string {
	return (&url.URL{Scheme: bucketScheme, Host: b.opts.Bucket, Path: "/" + path.Join(b.opts.Prefix, name)}).String()
}

// key is the reverse of Location.
func (b *Bucket) key(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != bucketScheme || u.Host != b.opts.Bucket || len(u.Path) < 2 {
		return "", recording.Errorf(recording.CodeNotFound, "%s is not in the storage that is configured", Redact(location))
	}
	return u.Path[1:], nil
}

// Put implements [Target]: what it has put, it asks the storage for again, and
// holds the size against the file's.
func (b *Bucket) Put(ctx context.Context, u Upload, body io.Reader) (Answer, error) {
	key, err := b.key(u.URL)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", err, ErrPermanent)
	}
	if u.Size == 0 {
		body = bytes.NewReader(nil) // of any other reader it is not known to be empty
	}
	const chunk = 16 << 20
	_, err = b.client.PutObject(ctx, b.opts.Bucket, key, body, u.Size, minio.PutObjectOptions{
		ContentType: u.ContentType, PartSize: chunk,
		// A digest in a header: not every storage takes signatures between chunks.
		SendContentMd5: true, DisableContentSha256: true,
	})
	if err != nil {
		return answerOf(err), storageError("put", err)
	}
	size, err := b.Size(ctx, u.URL)
	switch {
	case err != nil:
		return Answer{}, err
	case size != u.Size:
		return Answer{Status: http.StatusOK}, recording.Errorf(CodeStorageFailed, "the storage has %d of %d bytes", size, u.Size)
	}
	return Answer{Status: http.StatusOK}, nil
}

// Size returns how many bytes there are at a location.
func (b *Bucket) Size(ctx context.Context, location string) (int64, error) {
	key, err := b.key(location)
	if err != nil {
		return 0, err
	}
	info, err := b.client.StatObject(ctx, b.opts.Bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return 0, storageError("look at", err)
	}
	return info.Size, nil
}

// Object is something in a bucket, open for reading.
type Object struct {
	*minio.Object
	Size     int64
	Modified time.Time
}

// Open opens what is at a location. Bytes are fetched as they are read.
func (b *Bucket) Open(ctx context.Context, location string) (*Object, error) {
	key, err := b.key(location)
	if err != nil {
		return nil, err
	}
	o, err := b.client.GetObject(ctx, b.opts.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, storageError("open", err)
	}
	info, err := o.Stat()
	if err != nil {
		return nil, errors.Join(storageError("open", err), o.Close())
	}
	return &Object{o, info.Size, info.LastModified}, nil
}

// Presign returns a URL from which anybody may download what is at a location,
// for as long as it is valid, at most 7 days.
func (b *Bucket) Presign(ctx context.Context, location string, valid time.Duration, fileName, contentType string) (string, error) {
	key, err := b.key(location)
	if err != nil {
		return "", err
	}
	u, err := b.client.PresignedGetObject(ctx, b.opts.Bucket, key, valid, url.Values{
		"response-content-disposition": {`attachment; filename="` + fileName + `"`}, "response-content-type": {contentType},
	})
	if err != nil {
		return "", storageError("presign", err)
	}
	return u.String(), nil
}

// Fetch copies what is at a location to a file, which appears whole or not at
// all.
func (b *Bucket) Fetch(ctx context.Context, location, file string) error {
	o, err := b.Open(ctx, location)
	if err != nil {
		return err
	}
	defer o.Close()
	return recording.WriteWhole(file, func(w io.Writer) error {
		n, err := io.Copy(w, io.NewSectionReader(o.Object, 0, o.Size))
		if err == nil && n != o.Size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return storageError("fetch", err)
		}
		return nil
	})
}

// Remove deletes everything whose name begins with prefix and a slash.
func (b *Bucket) Remove(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	objects := b.client.ListObjects(ctx, b.opts.Bucket, minio.ListObjectsOptions{
		Prefix: path.Join(b.opts.Prefix, prefix) + "/", Recursive: true,
	})
	for o := range objects {
		if o.Err != nil {
			return storageError("list", o.Err)
		}
		if err := b.client.RemoveObject(ctx, b.opts.Bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return storageError("delete", err)
		}
	}
	return nil
}

// Delete deletes the object at a location. That there is none is no error.
func (b *Bucket) Delete(ctx context.Context, location string) error {
	key, err := b.key(location)
	if err != nil {
		return err
	}
	if err := b.client.RemoveObject(ctx, b.opts.Bucket, key, minio.RemoveObjectOptions{}); err != nil {
		return storageError("delete", err)
	}
	return nil
}

// Check tells whether the bucket is there and can be used.
func (b *Bucket) Check(ctx context.Context) error {
	there, err := b.client.BucketExists(ctx, b.opts.Bucket)
	switch {
	case err != nil:
		return storageError("ask", err)
	case !there:
		return recording.Errorf(CodeStorageFailed, "storage has no bucket %s: make it, or set storage.bucket", b.opts.Bucket)
	}
	return nil
}

func answerOf(err error) Answer {
	told := minio.ToErrorResponse(err)
	return Answer{Status: told.StatusCode, Text: told.Code}
}

// storageError tells what failed without the URL, which net/http repeats.
func storageError(verb string, err error) error {
	told := minio.ToErrorResponse(err)
	switch {
	case told.StatusCode == http.StatusNotFound && told.Code == minio.NoSuchKey:
		return recording.Errorf(recording.CodeNotFound, "%s in storage: there is no such object", verb)
	case told.StatusCode != 0:
		return recording.Errorf(CodeStorageFailed, "%s in storage: it answered %d %s", verb, told.StatusCode, told.Code)
	}
	return recording.Errorf(CodeStorageFailed, "%s in storage: %w", verb, withoutURL(err))
}
