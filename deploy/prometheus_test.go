package deploy

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/prometheus/common/model"
)

func TestAlerts(t *testing.T) {
	groups, errs := rulefmt.Parse(read(t, "prometheus/alerts.yaml"), false, model.UTF8Validation)
	for _, err := range errs {
		t.Error(err)
	}
	if groups == nil || len(groups.Groups) == 0 {
		t.Fatal("there is no rule")
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s does not say what is wrong and what to do", r.Alert)
			}
			wantMetrics(t, r.Alert, r.Expr)
		}
	}
}

func TestDashboard(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "grafana/roomreel.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	if len(dashboard.Panels) == 0 {
		t.Fatal("there is no panel")
	}
	shown := string(read(t, "grafana/roomreel.json"))
	for _, name := range regexp.MustCompile("`(roomreel_[a-z_]+)`").FindAllStringSubmatch(string(read(t, "../docs/operating.md")), -1) {
		if !strings.Contains(shown, name[1]) {
			t.Errorf("no panel shows %s", name[1])
		}
	}
	for _, p := range dashboard.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantMetrics(t, p.Title, target.Expr)
		}
	}
}

// wantMetrics checks an expression, and that it asks for metrics that are
// documented; cmd/roomreel's tests hold the documented ones against the program.
func wantMetrics(t *testing.T, where, expr string) {
	t.Helper()
	e, err := parser.ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	documented := string(read(t, "../docs/operating.md"))
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if ok && strings.HasPrefix(s.Name, "roomreel_") && !strings.Contains(documented, "`"+s.Name+"`") {
			t.Errorf("%s: docs/operating.md does not know %s", where, s.Name)
		}
		return nil
	})
}
