package compose

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// withoutBroken plans the film anew, of a manifest without those parts whose files cannot
// be opened as media, and returns a warning of each; none if there is no such part, or
// nothing else. A file that is missing is no such part: it can be brought back.
func (r *renderer) withoutBroken(ctx context.Context, m *recording.Manifest) (*recording.Manifest, Plan, []string) {
	var warnings []string
	rest := *m
	rest.Parts = slices.DeleteFunc(slices.Clone(m.Parts), func(part recording.Part) bool {
		i := slices.IndexFunc(r.plan.Sources, func(s Source) bool { return s.Part == part.ID })
		if i < 0 || !exists(r.path(r.plan.Sources[i])) || r.composer.opens(ctx, r.path(r.plan.Sources[i])) {
			return false
		}
		warnings = append(warnings, fmt.Sprintf("part %s of %.60q, from %v to %v s, is left out: its file %s is damaged",
			part.ID, part.Participant, part.Start, part.Start+part.Duration, part.File))
		return true
	})
	plan, err := planAt(&rest, r.plan.Spec, r.plan.Takes[0].From)
	if err != nil {
		return nil, Plan{}, nil
	}
	return &rest, plan, warnings
}

// opens reports whether a part's file can be opened as media, or whether that is not known.
func (c Composer) opens(ctx context.Context, file string) bool {
	err := command(ctx, niceness, "", c.FFprobe, openArgs(file)).Run()
	exit, ran := errors.AsType[*exec.ExitError](err)
	return !ran || exit.ExitCode() < 0 // it was killed
}
