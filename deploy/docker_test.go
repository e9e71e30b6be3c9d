package deploy

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// The image builds in stages, runs as nobody in particular, has what roomreel needs,
// and says how it is.
func TestDockerfile(t *testing.T) {
	file, err := parser.Parse(bytes.NewReader(read(t, "../Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range file.Warnings {
		t.Errorf("line %v: %s", w.Location, w.Short)
	}
	stages, _, err := instructions.Parse(file.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) < 2 {
		t.Fatalf("there are %d stages", len(stages))
	}
	names := map[string]bool{}
	for _, s := range stages {
		for _, c := range s.Commands {
			if from, ok := c.(*instructions.CopyCommand); ok && from.From != "" && !names[from.From] {
				t.Errorf("%s copies from %q, which no stage before it is", s.Name, from.From)
			}
		}
		names[s.Name] = true
	}
	env := map[string]string{}
	var user, entry, check, installs string
	var volumes []string
	for _, c := range stages[len(stages)-1].Commands {
		switch c := c.(type) {
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				env[kv.Key] = kv.Value
			}
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
		case *instructions.HealthCheckCommand:
			check = strings.Join(c.Health.Test, " ")
		case *instructions.VolumeCommand:
			volumes = c.Volumes
		case *instructions.RunCommand:
			installs += strings.Join(c.CmdLine, " ")
		}
	}
	if user != "10001" || entry != "roomreel" || !slices.Contains(volumes, env["ROOMREEL_DATA"]) {
		t.Errorf("it runs %q as %q, with %v for %q", entry, user, volumes, env["ROOMREEL_DATA"])
	}
	_, port, _ := strings.Cut(env["ROOMREEL_LISTEN"], ":")
	if port == "" || !strings.Contains(check, "127.0.0.1:"+port+"/healthz") {
		t.Errorf("it listens at %q and is asked by %q", env["ROOMREEL_LISTEN"], check)
	}
	for _, program := range []string{"ffmpeg", "ca-certificates", "curl"} {
		if !strings.Contains(installs, program) {
			t.Errorf("%s is not installed", program)
		}
	}
}
