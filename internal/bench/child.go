//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// A child is this program once more, in a process of its own that runs one of
// the hidden commands. It is asked by lines on its standard input, answers with
// lines of JSON on its standard output, and ends when the former is closed: so
// it ends with its parent, however that ends.
type child struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

// answer is one line of a child's: what was asked for, or why it cannot be had.
type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// spawn starts a child and waits until it is ready. adjust, unless nil, may
// change the process before it starts. The child is killed when ctx ends.
func spawn(ctx context.Context, adjust func(*exec.Cmd), name string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{name}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to act on
	if adjust != nil {
		adjust(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name, cmd, in, json.NewDecoder(out)}
	if err := c.read(nil); err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// ask sends a request and reads the answer into result, unless that is nil.
func (c *child) ask(request string, result any) error {
	if _, err := io.WriteString(c.in, request+"\n"); err != nil {
		return fmt.Errorf("ask %s to %s: %w", c.name, request, err)
	}
	return c.read(result)
}

func (c *child) read(result any) error {
	var a answer
	if err := c.answers.Decode(&a); err != nil {
		return fmt.Errorf("%s: no answer: %w", c.name, err)
	}
	if a.Error != "" {
		return fmt.Errorf("%s: %s", c.name, a.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return fmt.Errorf("%s: read answer: %w", c.name, err)
	}
	return nil
}

// end lets the child end by itself, and waits for it.
func (c *child) end() error {
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// kill ends the child as a crash would.
func (c *child) kill() error {
	if err := c.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", c.name, err)
	}
	_ = c.cmd.Wait() // says that it was killed
	return nil
}

// serve is a child's side: it says that it is ready and answers requests until
// there are no more, or ctx ends.
func serve(ctx context.Context, respond func(request string) (any, error)) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(answer{}); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	requests := make(chan string)
	go func() {
		defer close(requests)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			requests <- lines.Text()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case request, open := <-requests:
			if !open {
				return nil
			}
			if err := out.Encode(respondTo(request, respond)); err != nil {
				return fmt.Errorf("answer: %w", err)
			}
		}
	}
}

func respondTo(request string, respond func(string) (any, error)) answer {
	result, err := respond(request)
	if err != nil {
		return answer{Error: err.Error()}
	}
	body, err := json.Marshal(result)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Result: body}
}
