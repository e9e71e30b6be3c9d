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

// What an alert counts is there before it happens: of a series that begins at 1,
// increase() sees nothing.
func TestAlertsSeeTheFirst(t *testing.T) {
	families, err := newMetrics("node-1").registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	begun := map[string]float64{}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			for _, label := range one.GetLabel() {
				begun[family.GetName()+" "+label.GetName()+" "+label.GetValue()] += one.GetCounter().GetValue()
			}
		}
	}
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	counted := regexp.MustCompile(`(roomreel_[a-z_]+)\{(\w+)="(\w+)"\}`).FindAllStringSubmatch(string(text), -1)
	if len(counted) == 0 {
		t.Fatal("the alerts count nothing")
	}
	for _, c := range counted {
		if n, is := begun[c[1]+" "+c[2]+" "+c[3]]; !is || n != 0 {
			t.Errorf("%s begins at %v, %v", c[0], n, is)
		}
	}
}
