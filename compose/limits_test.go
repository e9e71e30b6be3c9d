package compose

import (
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// As many processes run as the memory allows, by what was measured of them.
func TestParallelFollowsMemory(t *testing.T) {
	plan := func(pictures, width, height int, quality string) *Plan {
		tiles := make([]Tile, pictures)
		for i := range tiles {
			tiles[i].Picture = &Clip{}
		}
		return &Plan{
			Spec:     recording.CompositionSpec{Format: "mp4", Width: width, Height: height, Quality: quality},
			Segments: []Segment{{Tiles: tiles[:1]}, {Tiles: tiles}},
		}
	}
	const mib, gib = 1 << 20, 1 << 30
	for _, want := range []struct {
		plan      *Plan
		measured  int64 // the resident set of a process
		memory    int64
		processes int
	}{
		{plan(4, 1280, 720, QualityStandard), 177 * mib, 8 * gib, 16},
		{plan(4, 1280, 720, QualityStandard), 177 * mib, gib, 4},
		{plan(4, 1280, 720, QualityArchive), 236 * mib, gib, 3},
		{plan(4, 1920, 1080, QualityStandard), 290 * mib, gib, 3},
		{plan(4, 1920, 1080, QualityArchive), 415 * mib, gib, 2},
		{plan(9, 1280, 720, QualityStandard), 186 * mib, gib, 4},
		{plan(25, 1280, 720, QualityStandard), 309 * mib, gib * 3 / 2, 4},
		{plan(25, 1280, 720, QualityStandard), 309 * mib, 100 * mib, 1},
	} {
		c := Composer{Cores: 16, Memory: want.memory}
		n := c.parallel(want.plan)
		if n != want.processes {
			t.Errorf("%d processes run in %d MiB, not %d", n, want.memory>>20, want.processes)
		}
		if foreseen := want.plan.footprint(); foreseen < want.measured || foreseen > 2*want.measured {
			t.Errorf("%d MiB are foreseen for a process that took %d", foreseen>>20, want.measured>>20)
		}
	}
}
