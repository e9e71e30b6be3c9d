package deliver

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// StorageTransport is minio's own, but that a connection to storage ends when nothing
// has moved on it for as long as stall: minio waits a minute for an answer, and for
// ever while it sends or is sent something.
func StorageTransport(secure bool, stall time.Duration) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return movingConn{conn, stall}, nil
	}
	return t, nil
}

// movingConn fails what waits for longer than stall. Each way puts the end of both off:
// net/http waits for the answer all the while that it sends.
type movingConn struct {
	net.Conn
	stall time.Duration
}

func (c movingConn) Read(b []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.stall))
	return c.Conn.Read(b)
}

func (c movingConn) Write(b []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.stall))
	return c.Conn.Write(b)
}
