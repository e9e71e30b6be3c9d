package api

import (
	"context"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Recordings is the service that keeps what should be recorded and what was.
// Every error that a caller caused is a *recording.Error.
type Recordings interface {
	// Start asks for a recording; CodeAlreadyRecording names the existing one.
	Start(ctx context.Context, want recording.Request) (recording.Recording, error)
	// Pause, Resume and Select change a recording that runs; CodeAlreadyStopped
	// is for one that has ended or is about to.
	Pause(ctx context.Context, id string) (recording.Recording, error)
	Resume(ctx context.Context, id string) (recording.Recording, error)
	Select(ctx context.Context, id string, sel recording.Selection) (recording.Recording, error)
	// Stop asks for the end and waits until files and manifest are complete.
	// CodeAlreadyStopped is for one that had ended before.
	Stop(ctx context.Context, id string) (recording.Recording, error)
	// Get returns one recording, or CodeNotFound.
	Get(ctx context.Context, id string) (recording.Recording, error)
	// Films changes which films are made as soon as it has ended.
	Films(ctx context.Context, id string, films []recording.CompositionSpec) (recording.Recording, error)
	// Restore brings in one that has ended, from its files.
	Restore(ctx context.Context, r recording.Recording) (bool, error)
	// Hold places a legal hold, or lifts it when it is nil.
	Hold(ctx context.Context, id string, hold *recording.Hold) (recording.Recording, error)
	// Remove forgets one that has ended; CodeLegalHold is for one that is held.
	Remove(ctx context.Context, id string) error
	// List returns one page, newest first.
	List(ctx context.Context, q ListQuery) (ListPage, error)
	// Watch sends recordings as they change, until ctx ends. Some may be left out.
	Watch(ctx context.Context) <-chan recording.Recording
}

// ListQuery narrows a list of recordings. Zero fields do not narrow.
type ListQuery struct {
	Room   string
	States []recording.State
	// Text is looked for in names and labels; Person is an identity.
	Text, Person string
	// From and To bound when the recording was asked for; To does not belong to it.
	From, To time.Time
	// Limit is the most items to return, at least 1.
	Limit int
	// Cursor is the Next of the page before, or empty for the first page.
	Cursor string
}

// ListPage is one page of recordings; Next is empty on the last one.
type ListPage struct {
	Items []recording.Recording
	Next  string
}

// Compositions is the service that makes films of recordings.
type Compositions interface {
	// Normalize fills a wish with the defaults, or refuses it with
	// CodeInvalidRequest.
	Normalize(spec recording.CompositionSpec) (recording.CompositionSpec, error)
	// Start queues a film. The spec may leave fields to their defaults;
	// CodeInvalidRequest, CodeNotReady and CodeNoMedia are its refusals.
	Start(ctx context.Context, recordingID string, spec recording.CompositionSpec) (recording.Composition, error)
	// StartWished queues the film that the recording was started with as its nth,
	// unless that has been done, and returns it.
	StartWished(ctx context.Context, recordingID string, n int, spec recording.CompositionSpec) (recording.Composition, error)
	Get(ctx context.Context, recordingID, id string) (recording.Composition, error)
	List(ctx context.Context, recordingID string) ([]recording.Composition, error)
	// Cancel ends a composition and returns it final; one that is final stays
	// as it is.
	Cancel(ctx context.Context, recordingID, id string) (recording.Composition, error)
	// Retry makes one again that failed or was canceled; CodeNotReady is for one
	// that is not final, CodeAlreadyStopped for one that is ready.
	Retry(ctx context.Context, recordingID, id string) (recording.Composition, error)
	// Watch sends the composition as it is and whenever it changes, and closes
	// the channel after the final state or when ctx ends.
	Watch(ctx context.Context, recordingID, id string) (<-chan recording.Composition, error)
}

// Rooms knows which rooms there are.
type Rooms interface {
	// Check returns nil when the room can be recorded, and otherwise a
	// *recording.Error with CodeRoomNotFound or CodeRoomUnreachable.
	Check(ctx context.Context, room string) error
	// List returns the rooms that are open, by name, without their recordings.
	// Only is the one room to look at, if it is not empty.
	List(ctx context.Context, only string) ([]Room, error)
}

// Nodes knows which processes record.
type Nodes interface {
	Nodes(ctx context.Context) ([]Node, error)
}

// Verifier checks the tokens that are no admin key: JWTs signed with a LiveKit
// API key, as LiveKit's own server APIs take them.
type Verifier interface {
	// Verify returns who the bearer is. Of an error only the message of a
	// *recording.Error is shown to the caller.
	Verify(token string) (Caller, error)
}
