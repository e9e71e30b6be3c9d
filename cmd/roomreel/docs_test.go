package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/internal/meeting"
)

// TestMain lets this binary stand for the program, so that documents can be run
// without building it once more.
func TestMain(m *testing.M) {
	if os.Getenv("ROOMREEL_TEST_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// shellBlocks are the fenced blocks of a document that a reader would type.
var shellBlocks = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// Every shell block of every document is run, in order, as its reader would
// type it: against a roomreel that runs, in whose room "hello" people talk. What
// holds an ellipsis is the reader's to fill in, and left out.
func TestDocs(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, filepath.Join(root, "README.md"))
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for i, name := range []string{"anna", "ben"} {
		p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "hello", Identity: name, Index: i, Publish: both})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
	ran := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		var script strings.Builder
		for _, block := range shellBlocks.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				if !strings.Contains(line, "…") {
					script.WriteString(line)
				}
			}
			ran++
		}
		if script.Len() > 0 {
			t.Run(filepath.Base(document), func(t *testing.T) { s.types(ctx, t, root, script.String()) })
		}
	}
	if ran == 0 {
		t.Error("no document has a shell block")
	}
}

// types runs a document's script in a folder of its own, where roomreel has been
// built and its data lies.
func (s *stage) types(ctx context.Context, t *testing.T, root, script string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.data, filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	// dev and serve run already, and Redis is inside; make is asked whether it would know what to do.
	write("bin/roomreel", fmt.Sprintf("#!/bin/sh\ncase $1 in dev|serve|reindex) set -- \"$1\" --help;; esac\nROOMREEL_TEST_PROGRAM=1 exec %q \"$@\"\n", self), 0o755)
	write("bin/make", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/make --no-print-directory -n -C %q \"$@\"\n", root), 0o755)
	write("script", strings.NewReplacer(
		"localhost:7890", strings.TrimPrefix(s.api.URL, "http://"), "127.0.0.1:7890", strings.TrimPrefix(s.api.URL, "http://"),
	).Replace(script), 0o644)
	cmd := exec.CommandContext(ctx, "bash", "-euxo", "pipefail", "script")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "ROOMREEL_URL="+s.api.URL, "ROOMREEL_KEY="+s.api.Key,
		"LIVEKIT_URL="+s.livekit.URL, "LIVEKIT_API_KEY="+s.livekit.Key, "LIVEKIT_API_SECRET="+s.livekit.Secret,
	)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "/problems/") {
		t.Errorf("%v\n%s", err, out)
	}
}
