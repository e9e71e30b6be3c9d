package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// Playback is what a <video> element made of a file. Times are seconds of the media.
type Playback struct {
	Duration float64 `json:"duration"`
	Width    int     `json:"width"` // of the picture shown last
	Height   int     `json:"height"`
	// Start was played from the beginning, Middle after a seek to half the duration.
	Start  Stretch `json:"start"`
	Middle Stretch `json:"middle"`
}

// Stretch is about a second that was played.
type Stretch struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Frames     int     `json:"frames"`     // presented
	Brightness float64 `json:"brightness"` // of the last one, 0 to 255
}

// Play plays a file in a <video> element, fetched over HTTP with Range requests: a second from its
// beginning, and one from its middle. The error wraps [ErrPage] if Chromium cannot play it.
func (b *Browser) Play(ctx context.Context, file string) (Playback, error) {
	var made Playback
	page, err := b.open(ctx, "playback")
	if err != nil {
		return made, fmt.Errorf("play %s: %w", filepath.Base(file), err)
	}
	b.mu.Lock()
	name := strconv.Itoa(len(b.files)) + filepath.Ext(file)
	b.files[name] = file
	b.mu.Unlock()
	if err = b.driver.do(ctx, command{Page: page, Call: "play", With: []any{"/files/" + name}}, &made); err == nil {
		err = b.driver.do(ctx, command{Page: page}, nil)
	}
	if err != nil {
		return made, fmt.Errorf("play %s: %w", filepath.Base(file), err)
	}
	return made, nil
}
