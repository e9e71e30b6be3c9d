package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

type eyesonListInput struct {
	APIID     string `path:"api_id" maxLength:"128" doc:"Comes back as it is: a roomreel serves one." example:"main"`
	Year      int    `query:"year" minimum:"2000" maximum:"9999" doc:"Only what began in this year." example:"2026"`
	Month     int    `query:"month" minimum:"1" maximum:"12" doc:"Only what began in this month of the year." example:"3"`
	Limit     int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most to answer."`
	NextToken string `query:"next_token" maxLength:"512" doc:"The next_token of the page before."`
}

// EyesonSession is a session in eyeson's statistics.
type EyesonSession struct {
	APIID     string     `json:"api_id" doc:"The api_id of the path." example:"main"`
	SessionID string     `json:"session_id" doc:"The session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ClientID  string     `json:"client_id" doc:"The agent." example:"agent-7"`
	State     string     `json:"state" enum:"WAITING,ACTIVE,TERMINATED" doc:"How far it is." example:"TERMINATED"`
	Cause     string     `json:"termination_cause,omitempty" doc:"Why it ended. Ours." example:"TERM_BY_CLIENT"`
	CreatedAt time.Time  `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	StoppedAt *time.Time `json:"stopped_at" doc:"When it ended, or null." example:"2026-03-01T09:30:00Z"`
}

// EyesonRecording is a recording in eyeson's statistics.
type EyesonRecording struct {
	APIID       string     `json:"api_id" doc:"The api_id of the path." example:"main"`
	RecordingID string     `json:"recording_id" doc:"The recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ClientID    string     `json:"client_id" doc:"The agent." example:"agent-7"`
	SessionID   string     `json:"session_id" doc:"The session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	StreamID    string     `json:"stream_id" doc:"Name of the stream. Ours." example:"camera"`
	State       string     `json:"state" doc:"How far it is. Ours." example:"stopped"`
	CreatedAt   time.Time  `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	StoppedAt   *time.Time `json:"stopped_at" doc:"When it ended, or null." example:"2026-03-01T09:30:00Z"`
	Duration    int64      `json:"recording_file_duration_ms" doc:"Length in milliseconds. Ours." example:"1799800"`
	Bytes       int64      `json:"recording_file_size_bytes" doc:"Size of its files. Ours." example:"412345678"`
}

type (
	eyesonSessionsOutput struct {
		Body struct {
			APIID     string          `json:"api_id" doc:"The api_id of the path." example:"main"`
			NextToken string          `json:"next_token" doc:"Send it to get the next page; empty on the last one." example:"MjAyNi0wMy0wMVQwOTowMDowMFo"`
			Sessions  []EyesonSession `json:"sessions" doc:"Newest first."`
		}
	}
	eyesonRecordingsOutput struct {
		Body struct {
			APIID      string            `json:"api_id" doc:"The api_id of the path." example:"main"`
			NextToken  string            `json:"next_token" doc:"Send it to get the next page; empty on the last one." example:"MjAyNi0wMy0wMVQwOTowMDowMFo"`
			Recordings []EyesonRecording `json:"recordings" doc:"Newest first."`
		}
	}
)

func (s *Server) routeEyesonStats() {
	op := func(id, what, summary string) operation {
		return operation{
			Operation: huma.Operation{
				OperationID: id, Method: http.MethodGet, Path: "/api/v2/stats/{api_id}/" + what, Tags: []string{"eyeson"},
				Summary: summary, Description: "Newest first, a page at a time.",
			},
			access: statsAccess, codes: []recording.Code{recording.CodeInvalidRequest},
		}
	}
	route(s, op("eyeson-stats-sessions", "sessions", "List agents' sessions"), s.eyesonSessions)
	route(s, op("eyeson-stats-recordings", "recordings", "List agents' recordings"), s.eyesonRecordings)
}

func (s *Server) eyesonSessions(ctx context.Context, in *eyesonListInput) (*eyesonSessionsOutput, error) {
	from, to := month(in.Year, in.Month)
	list, next, err := s.sessions.Service.List(ctx, SessionQuery{Limit: in.Limit, Cursor: in.NextToken, From: from, To: to})
	if err != nil {
		return nil, err
	}
	out := &eyesonSessionsOutput{}
	out.Body.APIID, out.Body.NextToken = in.APIID, next
	out.Body.Sessions = each(list, func(one recording.Session) EyesonSession {
		return EyesonSession{
			APIID: in.APIID, SessionID: one.ID, ClientID: one.ClientID, State: eyesonState(one.State), Cause: string(one.Cause),
			CreatedAt: one.CreatedAt.UTC(), StoppedAt: orNull(one.EndedAt),
		}
	})
	return out, nil
}

func (s *Server) eyesonRecordings(ctx context.Context, in *eyesonListInput) (*eyesonRecordingsOutput, error) {
	from, to := month(in.Year, in.Month)
	out := &eyesonRecordingsOutput{}
	out.Body.APIID, out.Body.Recordings = in.APIID, []EyesonRecording{}
	const batch = 100
	for cursor := in.NextToken; ; {
		page, err := s.recordings.List(ctx, ListQuery{Limit: batch, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			if r.Session == "" || !from.IsZero() && (r.CreatedAt.Before(from) || !r.CreatedAt.Before(to)) {
				continue
			}
			if n := len(out.Body.Recordings); n == in.Limit {
				out.Body.NextToken = out.Body.Recordings[n-1].RecordingID
				return out, nil
			}
			out.Body.Recordings = append(out.Body.Recordings, eyesonRecording(in.APIID, r))
		}
		if cursor = page.Next; cursor == "" {
			return out, nil
		}
	}
}

func eyesonRecording(apiID string, r recording.Recording) EyesonRecording {
	one := EyesonRecording{
		APIID: apiID, RecordingID: r.ID, ClientID: r.Client, SessionID: r.Session, State: string(r.State), CreatedAt: r.CreatedAt.UTC(),
		StoppedAt: orNull(r.StoppedAt), Duration: r.Duration.Duration().Milliseconds(), Bytes: r.Bytes,
	}
	if len(r.Selection.Streams) == 1 {
		one.StreamID = r.Selection.Streams[0]
	}
	return one
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
