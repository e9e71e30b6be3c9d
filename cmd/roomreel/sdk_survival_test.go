package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/browser"
	"github.com/roomreel/roomreel/recording"
)

// The recording that a page has begun goes on over what happens to the page.
func TestSDKSurvives(t *testing.T) {
	whole(t)
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	begin := func(t *testing.T, id string) (*browser.Page, string, string) {
		t.Helper()
		p := sdkPage(ctx, t, chromium, id)
		session := s.connectSDK(ctx, t, p, id)
		rec := inPage[string](ctx, t, p, `
			const { first } = await agent.startRecording({ first: {} });
			if (first.state !== 'STARTED') throw new Error(first.state);
			return first.recording_id;`)
		return p, session, rec
	}
	stop := func(t *testing.T, p *browser.Page, rec string) (*recording.Manifest, recording.Part) {
		t.Helper()
		inPage[any](ctx, t, p, `await agent.stopRecording(); await agent.disconnect()`)
		m, err := recording.ReadManifest(s.dir(rec))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Parts) != 1 {
			t.Fatalf("parts %+v, want one", m.Parts)
		}
		playsCleanlyAtAnyRate(ctx, t, s.path(m, m.Parts[0]))
		return m, m.Parts[0]
	}

	t.Run("the tab is loaded again", func(t *testing.T) {
		p, session, rec := begin(t, "ann")
		inPage[any](ctx, t, p, `sessionStorage.setItem('token', window.token); await sleep(3000)`)
		before, err := client.Await(ctx, func() (api.Recording, error) { return s.api.Recording(ctx, rec) }, func(r api.Recording) bool {
			return slices.ContainsFunc(r.Live, func(l api.LiveTrack) bool { return l.Kind == "video" })
		})
		if err != nil {
			t.Fatal(err)
		}
		old := before.Live[slices.IndexFunc(before.Live, func(l api.LiveTrack) bool { return l.Kind == "video" })].SID
		if err := p.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		again := inPage[string](ctx, t, p, `
			const id = await agent.connect('ann', sessionStorage.getItem('token'), { first: media({ hue: 240, tone: 440 }) });
			await until(() => events.some((e) => e.type === 'recording_state' && e.state === 'STARTED'));
			return id;`)
		back := time.Now()
		soon, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		now, err := client.Await(soon, func() (api.Recording, error) { return s.api.Recording(ctx, rec) }, func(r api.Recording) bool {
			return slices.ContainsFunc(r.Live, func(l api.LiveTrack) bool { return l.Kind == "video" && l.SID != old && l.Flowing })
		})
		if err != nil {
			t.Fatalf("the new picture does not flow: %v: %+v, before %s; the page was told %q", err, now, old, eventsOf(ctx, t, p))
		}
		t.Logf("after %v the new picture flows", time.Since(back))
		pass(ctx, 3*time.Second)
		if again != session {
			t.Errorf("came back into %s, want %s", again, session)
		}
		m, part := stop(t, p, rec)
		checkColor(ctx, t, s.path(m, part), 1, [3]int{163, 41, 41})
		checkColor(ctx, t, s.path(m, part), part.Duration.Float()-1, [3]int{41, 41, 163})
		t.Logf("%+v", part)
	})
	t.Run("the network is gone for ten seconds", func(t *testing.T) {
		p, _, rec := begin(t, "bob")
		if err := chromium.FreezeNetwork(ctx, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		// Media comes again: the picture is there to the end.
		inPage[any](ctx, t, p, `
			await sleep(6000);
			if (events.some((e) => e.type === 'disconnected')) throw new Error('disconnected');`)
		m, part := stop(t, p, rec)
		if part.Duration < recording.Seconds(14*time.Second) {
			t.Errorf("the part lasts %v s", part.Duration)
		}
		checkColor(ctx, t, s.path(m, part), part.Duration.Float()-1, [3]int{163, 41, 41})
	})
	t.Run("camera, screen, camera", func(t *testing.T) {
		p, _, rec := begin(t, "cid")
		inPage[any](ctx, t, p, `
			await sleep(4000);
			const screen = media({ hue: 120, width: 1280, height: 720 });
			screen.getVideoTracks()[0].contentHint = 'detail'; // as a screen's is: few frames rather than small ones
			await agent.switchStream({ first: screen });
			await sleep(4000);
			await agent.switchStream({ first: media({ hue: 240, width: 480, height: 270, tone: 440 }) });
			await sleep(4000);`)
		m, part := stop(t, p, rec)
		path := s.path(m, part)
		checkColor(ctx, t, path, 2, [3]int{163, 41, 41})
		checkColor(ctx, t, path, part.Duration.Float()/2, [3]int{41, 163, 41})
		checkColor(ctx, t, path, part.Duration.Float()-1, [3]int{41, 41, 163})
		var sizes []recording.Size
		for _, size := range trackOf(t, part, recording.Video).Sizes {
			if len(sizes) == 0 || sizes[len(sizes)-1].Width != size.Width {
				sizes = append(sizes, size)
			}
		}
		if len(sizes) < 3 {
			t.Errorf("sizes %+v, want those of three pictures", sizes)
		}
		t.Logf("sizes %+v", sizes)
	})
}
