package deploy

import (
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

func TestComposeFile(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "../docker-compose.yml"}},
		Environment: types.Mapping{"ROOMREEL_ADMIN_KEYS": "k", "LIVEKIT_API_SECRET": "s"},
	}, func(o *loader.Options) { o.SetProjectName("roomreel", true) })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"livekit", "redis", "roomreel-1", "roomreel-2"} {
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
	}
}
