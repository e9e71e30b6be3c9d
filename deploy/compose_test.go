package deploy

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

func TestComposeFile(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "../docker-compose.yml"}},
		Environment: types.Mapping{"ROOMREEL_ADMIN_KEYS": "k"},
	}, func(o *loader.Options) { o.SetProjectName("roomreel", true) })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"livekit", "redis", "storage", "bucket", "roomreel-1", "roomreel-2"} {
		if !slices.Contains(project.ServiceNames(), name) {
			t.Errorf("there is no service %s", name)
		}
	}
	nodes := map[string]bool{}
	for _, name := range []string{"roomreel-1", "roomreel-2"} {
		s := project.Services[name]
		if node := s.Environment["ROOMREEL_NODE"]; node == nil || nodes[*node] {
			t.Errorf("%s has no name of its own", name)
		} else {
			nodes[*node] = true
		}
		if s.StopGracePeriod == nil || s.StopGracePeriod.String() != "30s" {
			t.Errorf("%s is given %v to leave", name, s.StopGracePeriod)
		}
		if len(s.Volumes) != 1 || s.Volumes[0].Source != "recordings" {
			t.Errorf("%s does not share the recordings: %+v", name, s.Volumes)
		}
		for variable, service := range map[string]string{"LIVEKIT_URL": "livekit", "REDIS_URL": "redis", "ROOMREEL_STORAGE_ENDPOINT": "storage"} {
			if u, err := url.Parse(*s.Environment[variable]); err != nil || u.Hostname() != service {
				t.Errorf("%s: %s leads to %v, want %s, %v", name, variable, u, service, err)
			}
		}
		for mine, theirs := range map[string]string{"ROOMREEL_STORAGE_ACCESS_KEY": "MINIO_ROOT_USER", "ROOMREEL_STORAGE_SECRET_KEY": "MINIO_ROOT_PASSWORD"} {
			if *s.Environment[mine] != *project.Services["storage"].Environment[theirs] {
				t.Errorf("%s: %s is not storage's %s", name, mine, theirs)
			}
		}
		if d := s.DependsOn["bucket"]; d.Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait for its bucket: %+v", name, d)
		}
		if bucket := *s.Environment["ROOMREEL_STORAGE_BUCKET"]; !strings.Contains(strings.Join(project.Services["bucket"].Command, " "), "storage/"+bucket) {
			t.Errorf("nobody makes the bucket %q", bucket)
		}
	}
	if got := project.Services["livekit"].Command; !slices.Equal(got, []string{"--config", "/etc/livekit.yaml"}) {
		t.Errorf("LiveKit is started with %q", got)
	}
	checkLiveKit(t, project)
}

// checkLiveKit asserts that LiveKit's configuration fits: its keys, its Redis, and
// where its webhooks go.
func checkLiveKit(t *testing.T, project *types.Project) {
	t.Helper()
	var livekit struct {
		Redis   struct{ Address string }
		Keys    map[string]string
		Webhook struct {
			Key  string `json:"api_key"`
			URLs []string
		}
	}
	if err := yaml.Unmarshal(read(t, "../livekit.yaml"), &livekit); err != nil {
		t.Fatal(err)
	}
	node := project.Services["roomreel-1"]
	if key := *node.Environment["LIVEKIT_API_KEY"]; livekit.Keys[key] == "" || livekit.Webhook.Key != key {
		t.Errorf("LiveKit has not the key %q, or signs by %q", key, livekit.Webhook.Key)
	}
	if livekit.Redis.Address != "redis:6379" {
		t.Errorf("LiveKit looks for Redis at %q", livekit.Redis.Address)
	}
	for _, hook := range livekit.Webhook.URLs {
		u, err := url.Parse(hook)
		if err != nil || !slices.Contains(node.Networks["default"].Aliases, u.Hostname()) || u.Port() != "7890" {
			t.Errorf("the webhooks go to %s, which is no node, %v", hook, err)
		}
	}
}
