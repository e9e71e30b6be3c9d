package deploy

import (
	"bytes"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

func TestSystemdUnit(t *testing.T) {
	options, err := unit.DeserializeOptions(bytes.NewReader(read(t, "systemd/roomreel.service")))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range options {
		got[o.Section+"."+o.Name] = o.Value
	}
	for name, want := range map[string]string{
		"Service.ExecStart":      "/usr/local/bin/roomreel --config /etc/roomreel/roomreel.yaml serve",
		"Service.KillSignal":     "SIGTERM",
		"Service.TimeoutStopSec": "60s",
		"Service.StateDirectory": "roomreel",
		"Service.Environment":    "ROOMREEL_DATA=/var/lib/roomreel",
		"Install.WantedBy":       "multi-user.target",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
