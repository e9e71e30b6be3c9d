package api_test

import (
	"context"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// nowhere is a deliverer that has nothing to deliver: who may ask it what is
// tested here, that it delivers in cmd/roomreel.
type nowhere struct{}

func (nowhere) Check(string) error { return nil }

func (nowhere) List(context.Context, string) ([]api.Upload, error) { return nil, nil }

func (nowhere) Add(_ context.Context, r recording.Recording, want api.StartUpload) (api.Upload, error) {
	return api.Upload{ID: recording.NewID("upl"), RecordingID: r.ID, URL: want.URL, State: "pending"}, nil
}

func (nowhere) Retry(_ context.Context, _, id, _ string) (api.Upload, error) {
	return api.Upload{}, recording.Errorf(recording.CodeNotFound, "there is no upload %s", id)
}
