package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

// manifests decodes every resource that kustomization.yaml names, by kind. An
// unknown field fails: a cluster would only warn of it.
func manifests(t *testing.T) map[string]runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var k struct{ Resources []string }
	if err := yaml.Unmarshal(read(t, "kubernetes/kustomization.yaml"), &k); err != nil {
		t.Fatal(err)
	}
	found := map[string]runtime.Object{}
	for _, name := range k.Resources {
		object, kind, err := strict.Decode(read(t, filepath.Join("kubernetes", name)), nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[kind.Kind] = object
	}
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) != len(k.Resources)+1 {
		t.Errorf("kustomization.yaml names %d of the %d files, %v", len(k.Resources), len(files)-1, err)
	}
	return found
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKubernetes(t *testing.T) {
	found := manifests(t)
	set := found["StatefulSet"].(*appsv1.StatefulSet)
	pod := set.Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"StatefulSet":         set.Spec.Selector.MatchLabels,
		"Service":             found["Service"].(*corev1.Service).Spec.Selector,
		"PodDisruptionBudget": found["PodDisruptionBudget"].(*policyv1.PodDisruptionBudget).Spec.Selector.MatchLabels,
	} {
		if diff := cmp.Diff(pod, selector); diff != "" {
			t.Errorf("%s does not select the pods:\n%s", what, diff)
		}
	}
	if s := found["Service"].(*corev1.Service); s.Name != set.Spec.ServiceName {
		t.Errorf("the StatefulSet asks for service %q, there is %q", set.Spec.ServiceName, s.Name)
	}
	if target := found["HorizontalPodAutoscaler"].(*autoscalingv2.HorizontalPodAutoscaler).Spec.ScaleTargetRef; target.Kind != "StatefulSet" || target.Name != set.Name {
		t.Errorf("the autoscaler scales %+v", target)
	}
	// coord.NodeOptions.DrainTimeout is 25 s.
	if grace := set.Spec.Template.Spec.TerminationGracePeriodSeconds; grace == nil || *grace < 30 {
		t.Errorf("a node is given %v s to leave", grace)
	}
	c := set.Spec.Template.Spec.Containers[0]
	if len(c.VolumeMounts) == 0 || c.VolumeMounts[0].MountPath != "/data" || !*c.SecurityContext.ReadOnlyRootFilesystem {
		t.Errorf("the container writes to %+v", c.VolumeMounts)
	}
	env := map[string]string{}
	for _, v := range c.Env {
		env[v.Name] = v.Value
	}
	// Where it listens, on all addresses, says nothing to the others.
	if len(set.Spec.VolumeClaimTemplates) > 0 && env["ROOMREEL_NODE_URL"] == "" {
		t.Error("each pod has a disk of its own, and none tells the others where to reach it for files")
	}
	scraped := set.Spec.Template.Annotations["prometheus.io/scrape"] == "true"
	if scraped && !bytes.Contains(read(t, "kubernetes/settings.env"), []byte("ROOMREEL_OPEN_METRICS=true\n")) {
		t.Error("Prometheus is told to scrape the pods, which refuse it")
	}
}

// Every variable that is set somewhere is one that roomreel reads.
func TestVariablesAreKnown(t *testing.T) {
	reference := string(read(t, "../configs/roomreel.yaml"))
	for _, file := range []string{"kubernetes/settings.env", "kubernetes/secrets.env.example", "kubernetes/statefulset.yaml", "systemd/roomreel.service", "../docker-compose.yml"} {
		for _, name := range variables(read(t, file)) {
			if !strings.Contains(reference, name) {
				t.Errorf("%s sets %s, which configs/roomreel.yaml does not know", file, name)
			}
		}
	}
}

// variables finds the names in a file that look like roomreel's variables.
func variables(b []byte) []string {
	var names []string
	for _, field := range bytes.FieldsFunc(b, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') }) {
		for _, prefix := range []string{"ROOMREEL_", "LIVEKIT_", "REDIS_"} {
			if strings.HasPrefix(string(field), prefix) {
				names = append(names, string(field))
			}
		}
	}
	return names
}
