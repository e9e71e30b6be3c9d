package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// patience is how long Chromium has to end by itself before it is killed.
const patience = 5 * time.Second

// command is a line to driver.mjs, which says what each means.
type command struct {
	ID   int64  `json:"id"`
	Page string `json:"page"`
	Open string `json:"open,omitempty"`
	Call string `json:"call,omitempty"`
	With []any  `json:"with,omitempty"`

	Reload bool `json:"reload,omitempty"`
}

// line is what driver.mjs says: its version, an answer, or a page's report.
type line struct {
	Version string          `json:"version"`
	ID      int64           `json:"id"`
	Value   json.RawMessage `json:"value"`
	Error   string          `json:"error"`
	Page    string          `json:"page"`
	Report  json.RawMessage `json:"report"`
}

// driver is the node process that drives Chromium.
type driver struct {
	version string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	said    tail
	ended   chan struct{} // closed once the process is gone
	failure error         // why it ended; read after ended

	mu      sync.Mutex
	last    int64
	answers map[int64]chan line
	reports map[string]func(json.RawMessage) // by page; called on the reading goroutine
}

func startDriver(ctx context.Context, dir string, args []string) (*driver, error) {
	d := &driver{
		ended: make(chan struct{}), answers: map[int64]chan line{}, reports: map[string]func(json.RawMessage){},
	}
	d.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	d.cmd.Dir, d.cmd.Stderr = dir, &d.said
	// A group of its own: Ctrl-C ends the test, which then ends node, which ends Chromium. Killed
	// itself, node takes Chromium with it too, because that ends when its pipe to node does.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	d.cmd.WaitDelay = patience
	var err error
	if d.stdin, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go d.read(stdout, ready)
	select {
	case d.version = <-ready:
		return d, nil
	case <-d.ended:
		return nil, d.failure
	}
}

// read takes in all that the process says until it ends.
func (d *driver) read(stdout io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			fmt.Fprintf(&d.said, "not understood: %s\n", lines.Bytes())
			continue
		}
		switch {
		case l.Version != "":
			ready <- l.Version
		case l.ID != 0:
			d.mu.Lock()
			answer := d.answers[l.ID]
			delete(d.answers, l.ID)
			d.mu.Unlock()
			if answer != nil {
				answer <- l
			}
		default:
			d.mu.Lock()
			report := d.reports[l.Page]
			d.mu.Unlock()
			if report != nil {
				report(l.Report)
			}
		}
	}
	d.failure = errors.Join(lines.Err(), d.cmd.Wait())
	if d.failure == nil {
		d.failure = errors.New("node has ended")
	}
	d.failure = fmt.Errorf("%w: %s", d.failure, d.said.Bytes())
	close(d.ended)
}

// do has the driver carry out a command and decodes the value it gives into value, unless nil.
func (d *driver) do(ctx context.Context, c command, value any) error {
	answer := make(chan line, 1)
	d.mu.Lock()
	d.last++
	c.ID = d.last
	d.answers[c.ID] = answer
	told, err := json.Marshal(c)
	if err == nil {
		_, err = d.stdin.Write(append(told, '\n'))
	}
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("tell the page: %w", err)
	}
	select {
	case l := <-answer:
		if l.Error != "" {
			return fmt.Errorf("%w: %s", ErrPage, l.Error)
		}
		if value == nil {
			return nil
		}
		return json.Unmarshal(l.Value, value)
	case <-d.ended:
		return d.failure
	case <-ctx.Done():
		return fmt.Errorf("%w; node said: %s", context.Cause(ctx), d.said.Bytes())
	}
}

// listen has report called with what a page reports, in order.
func (d *driver) listen(page string, report func(json.RawMessage)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reports[page] = report
}

// close ends the process by ending its input, and waits for it; in vain, it is made to.
func (d *driver) close() error {
	d.stdin.Close()
	select {
	case <-d.ended:
		return nil
	case <-time.After(patience):
	}
	err := fmt.Errorf("node did not end within %v, killed: %s", patience, d.said.Bytes())
	err = errors.Join(err, d.cmd.Process.Kill())
	<-d.ended
	return err
}

// tail keeps the end of what was written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailLength = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if over := len(t.end) - tailLength; over > 0 {
		t.end = t.end[over:]
	}
	return len(p), nil
}

func (t *tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(bytes.TrimSpace(t.end))
}
