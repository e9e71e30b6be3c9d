package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/johannesboyne/gofakes3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// substitution is one of Docker Compose's: ${NAME:-default}, ${NAME:?why}.
var substitution = regexp.MustCompile(`\$\{\w+:([-?])([^}]*)\}`)

// composeEnvironment reads the environment of a service of docker-compose.yml, as
// it is where nothing else is set but what must be.
func composeEnvironment(t *testing.T, service string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := substitution.ReplaceAllStringFunc(string(b), func(s string) string {
		m := substitution.FindStringSubmatch(s)
		if m[1] == "?" {
			return "an-admin-key-of-whoever-starts-it"
		}
		return m[2]
	})
	var file struct {
		Services map[string]struct {
			Environment map[string]any
		}
	}
	// A key that is merged in and set again counts as a duplicate to this library.
	if err := yaml.UnmarshalWithOptions([]byte(text), &file, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for name, value := range file.Services[service].Environment {
		env[name] = fmt.Sprint(value)
	}
	if len(env) == 0 {
		t.Fatalf("docker-compose.yml says nothing of %s", service)
	}
	return env
}

// The nodes of docker-compose.yml, by the command and the health check of the
// Dockerfile and in just their environment, with servers of this machine in place
// of the other services: they share the work, and storage has what they recorded.
func TestComposeFileRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(dockerfile), "HEALTHCHECK ")
	_, check, _ := strings.Cut(strings.SplitN(rest, "\n", 2)[0], "CMD ")
	if !found || check == "" || !strings.Contains(string(dockerfile), `ENTRYPOINT ["roomreel"]`+"\n"+`CMD ["serve"]`) {
		t.Fatal("the Dockerfile has another command, or no health check")
	}

	env := map[string]map[string]string{"roomreel-1": nil, "roomreel-2": nil}
	addresses := map[string]string{}
	for service := range env {
		env[service], addresses[service] = composeEnvironment(t, service), freeAddress(t, "tcp")
	}
	one := env["roomreel-1"]
	storage, objects := bucket(t, one["ROOMREEL_STORAGE_BUCKET"])
	redis := redisserver.Run(t).URL()
	keys := plugin.Keys{Key: one["LIVEKIT_API_KEY"], Secret: one["LIVEKIT_API_SECRET"]}
	livekit := startLiveKit(t, plugin.DevServerOptions{
		Keys: keys, Redis: strings.TrimSuffix(strings.TrimPrefix(redis, "redis://"), "/0"),
		Webhook: "http://" + addresses["roomreel-1"] + "/livekit/webhook",
	})
	url, data := livekit.URL, t.TempDir()
	nodes := map[string]*client.Client{}
	var processes []*exec.Cmd
	for service, address := range addresses {
		here := strings.NewReplacer("ws://livekit:7880", url, "redis://redis:6379/0", redis, "http://storage:9000", storage, "0.0.0.0:7890", address)
		cmd := exec.Command(os.Args[0], "serve")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ROOMREEL_TEST_PROGRAM=1"}
		for name, value := range env[service] {
			if value == "/data" {
				value = data
			}
			cmd.Env = append(cmd.Env, name+"="+here.Replace(value))
		}
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		processes = append(processes, cmd)
		nodes[service] = &client.Client{URL: "http://" + address, Key: one["ROOMREEL_ADMIN_KEYS"]}
		_, err := client.Await(ctx, func() (bool, error) {
			err := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(check, "127.0.0.1:7890", address)).Run()
			return err == nil && nodes[service].Ready(ctx) == nil, nil
		}, func(healthy bool) bool { return healthy })
		if err != nil {
			t.Fatalf("%s is not healthy: %v", service, err)
		}
	}

	p, err := meeting.Join(ctx, meeting.Server{URL: url, Key: keys.Key, Secret: keys.Secret}, meeting.Options{Room: "hello", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rec, err := nodes["roomreel-1"].Start(ctx, api.StartRecording{Room: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	other := nodes["roomreel-2"]
	state := func(want recording.State) func(api.Recording) bool {
		return func(r api.Recording) bool { return r.State == string(want) }
	}
	if _, err := client.Await(ctx, func() (api.Recording, error) { return other.Recording(ctx, rec.ID) }, state(recording.Active)); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 2*time.Second)
	if _, err := other.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{recording.ManifestFile: true, recording.JournalFile: true}
	m, err := recording.ReadManifest(filepath.Join(data, "recordings", rec.ID))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range m.Parts {
		want[part.File] = true
	}
	_, err = client.Await(ctx, func() (map[string]bool, error) {
		list, err := objects.ListBucket(one["ROOMREEL_STORAGE_BUCKET"], &gofakes3.Prefix{HasPrefix: true, Prefix: rec.ID + "/"}, gofakes3.ListBucketPage{})
		got := map[string]bool{}
		for _, o := range list.Contents {
			got[filepath.Base(o.Key)] = true
		}
		return got, err
	}, func(got map[string]bool) bool { return maps.Equal(got, want) })
	if err != nil {
		t.Errorf("storage does not have %v: %v", want, err)
	}
	for i, cmd := range processes {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("node %d: %v", i+1, err)
		}
	}
	if _, err := http.Get("http://" + addresses["roomreel-1"]); err == nil {
		t.Error("a node that has ended answers")
	}
}
