package compose

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// Plan plans a film of the recording in dir, as NewPlan does, once it has read
// the lengths of videos from outside and found every picture that the wish
// names.
func (c Composer) Plan(ctx context.Context, dir string, spec recording.CompositionSpec) (Plan, error) {
	m, err := readFinal(dir)
	if err != nil {
		return Plan{}, err
	}
	return c.plan(ctx, dir, m, spec)
}

func (c Composer) plan(ctx context.Context, dir string, m *recording.Manifest, spec recording.CompositionSpec) (Plan, error) {
	spec, err := c.prepare(ctx, dir, m.ID, spec)
	if err != nil {
		return Plan{}, err
	}
	return NewPlan(m, spec)
}

// prepare looks at every file that a wish names.
func (c Composer) prepare(ctx context.Context, dir, recordingID string, spec recording.CompositionSpec) (recording.CompositionSpec, error) {
	spec, err := Normalize(spec)
	if err != nil {
		return spec, err
	}
	c = c.withDefaults()
	c.summon(ctx, dir, recordingID, spec)
	if spec, err = c.measure(ctx, dir, spec); err != nil {
		return spec, err
	}
	for _, file := range pictures(spec) {
		if _, err := readAsset(dir, c.Assets, file); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

// pictures lists the files of pictures that a wish names.
func pictures(spec recording.CompositionSpec) []string {
	var files []string
	if spec.Logo != nil {
		files = append(files, spec.Logo.File)
	}
	return append(files, slices.Sorted(maps.Values(spec.Avatars))...)
}

// measure fills in how long videos from outside are, and how large.
func (c Composer) measure(ctx context.Context, dir string, spec recording.CompositionSpec) (recording.CompositionSpec, error) {
	spec.External = slices.Clone(spec.External)
	for i := range spec.External {
		e := &spec.External[i]
		if e.Duration > 0 && e.Width > 0 && e.Height > 0 {
			continue
		}
		// A link may not lead out of the recording.
		f, err := os.OpenInRoot(dir, e.File)
		if err != nil {
			return spec, recording.Errorf(recording.CodeInvalidRequest, "external[%d].file: %.60q is not in the recording's directory, or not readable", i, e.File)
		}
		_ = f.Close()
		path, err := filepath.Abs(filepath.Join(dir, e.File))
		if err != nil {
			return spec, recording.AsError(err, recording.CodeInternal)
		}
		duration, width, height, _, err := c.probe(ctx, path)
		if ctx.Err() != nil {
			return spec, context.Cause(ctx)
		}
		if err != nil || width == 0 || height == 0 || duration <= 0 {
			return spec, recording.Errorf(recording.CodeInvalidRequest, "external[%d].file: %.60q has no picture that can be read", i, e.File)
		}
		e.Duration, e.Width, e.Height = or(e.Duration, duration), width, height
	}
	return spec, nil
}
