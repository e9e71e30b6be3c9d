package api

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A slow node is none that hangs, and the time that a slow caller takes is not the node's.
func TestAwaitedBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := false
		watch := time.AfterFunc(time.Second, func() { hung = true })
		watch.Stop()
		from, to := io.Pipe()
		body := awaitedBody{from, watch, time.Second}
		const bytes, pause = 10, 900 * time.Millisecond
		go func() {
			for range bytes {
				time.Sleep(pause)
				_, _ = to.Write([]byte{0})
			}
		}()
		for range bytes {
			if _, err := body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if synctest.Wait(); hung {
			t.Error("it was taken for hung")
		}
		go func() { _, _ = body.Read(make([]byte, 1)) }()
		time.Sleep(time.Second)
		if synctest.Wait(); !hung {
			t.Error("nothing comes, and it was not taken for hung")
		}
		to.Close()
	})
}
