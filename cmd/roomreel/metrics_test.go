package main

import (
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
)

// The metrics that operating.md documents are those that there are: dashboards
// and alerts are held against the document.
func TestMetricsAreDocumented(t *testing.T) {
	m := newMetrics("node-1")
	m.watchNode(coord.NewNode(coord.NewStore(nil), coord.NodeOptions{Name: "node-1"}))
	m.watchWebhooks(&deliver.Webhooks{}, slog.New(slog.DiscardHandler))
	descs := make(chan *prometheus.Desc)
	go func() {
		m.registry.Describe(descs)
		close(descs)
	}()
	have := map[string]bool{}
	name := regexp.MustCompile(`fqName: "(roomreel_[a-z_]+)"`)
	for d := range descs {
		if found := name.FindStringSubmatch(d.String()); found != nil {
			have[found[1]] = true
		}
	}
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, found := range regexp.MustCompile("`(roomreel_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		documented[found[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(have))); diff != "" {
		t.Errorf("metrics (-documented +there are):\n%s", diff)
	}
}
