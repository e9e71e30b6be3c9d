package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// auditKept is how many lines the trail keeps.
const auditKept = 100_000

func isNil(err error) bool { return errors.Is(err, redis.Nil) }

// audit adds a line to the trail of who watched whom.
func (s *Service) audit(ctx context.Context, action string, one recording.Supervision) error {
	entry := recording.AuditEntry{
		At: s.now(), Action: action, SupervisionID: one.ID, SupervisorID: one.SupervisorID, ClientID: one.ClientID,
		SessionID: one.SessionID, Room: one.Room, Reason: one.Reason, By: one.By, Cause: one.Cause,
	}
	if action == "refused" {
		entry.SupervisionID = ""
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.rdb.XAdd(ctx, &redis.XAddArgs{Stream: prefix + "audit", MaxLen: auditKept, Approx: true, Values: []any{"entry", encode(entry)}}).Err()
	if err != nil {
		return fmt.Errorf("write audit trail: %w", unavailable(err))
	}
	return nil
}

// AuditQuery narrows the trail; empty fields do not.
type AuditQuery struct {
	SupervisorID, ClientID, Room string
	Limit                        int
	Cursor                       string
}

// streamID has no number that Redis, which counts in 64 bits, could not read.
var streamID = regexp.MustCompile(`^\d{1,19}-\d{1,19}$`)

// Audit returns lines of the trail, newest first, and the cursor of the page
// that follows.
func (s *Service) Audit(ctx context.Context, q AuditQuery) ([]recording.AuditEntry, string, error) {
	newest := "+"
	if q.Cursor != "" {
		if !streamID.MatchString(q.Cursor) {
			return nil, "", recording.Errorf(recording.CodeInvalidRequest, "cursor: it is not one of this list")
		}
		newest = "(" + q.Cursor
	}
	const batch = 500
	list := []recording.AuditEntry{}
	for {
		lines, err := s.rdb.XRevRangeN(ctx, prefix+"audit", newest, "-", batch).Result()
		if err != nil {
			return nil, "", unavailable(err)
		}
		for _, line := range lines {
			var entry recording.AuditEntry
			text, _ := line.Values["entry"].(string)
			if err := json.Unmarshal([]byte(text), &entry); err != nil {
				return nil, "", recording.Errorf(recording.CodeInternal, "read audit trail: %w", err)
			}
			if q.SupervisorID != "" && q.SupervisorID != entry.SupervisorID || q.ClientID != "" && q.ClientID != entry.ClientID || q.Room != "" && q.Room != entry.Room {
				continue
			}
			if len(list) == q.Limit {
				return list, list[q.Limit-1].ID, nil
			}
			entry.ID = line.ID
			list = append(list, entry)
		}
		if len(lines) < batch {
			return list, "", nil
		}
		newest = "(" + lines[len(lines)-1].ID
	}
}
