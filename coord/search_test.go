package coord

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// A search looks into what lists tell of a recording.
func TestSearch(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		march := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		name := map[string]string{}
		ids := []string{"rec_019c0000000070008000000000004711", "rec_019c0526000070008000000000000000", "rec_019c0a4c000070008000000000000000"}
		for i, r := range []recording.Recording{
			{Request: recording.Request{Room: "Standup"}, People: []recording.Person{{Identity: "anna"}, {Identity: "u-77", Name: "Bo Årud"}}},
			{Request: recording.Request{Room: "ses_1", Subject: recording.Subject{Client: "agent-7", Labels: map[string]string{"case": "4711"}}}},
			{Request: recording.Request{Room: "standup", Subject: recording.Subject{Host: "anna"}}},
		} {
			name[ids[i]] = []string{"first", "second", "third"}[i]
			r.ID, r.State, r.CreatedAt = ids[i], recording.Stopped, march.AddDate(0, 0, i)
			if _, err := s.Restore(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		for what, c := range map[string]struct {
			query Query
			want  []string
		}{
			"part of a room's name": {Query{Text: "STAND"}, []string{"third", "first"}},
			"a person's name":       {Query{Text: "årud"}, []string{"first"}},
			"identity or host":      {Query{Text: "anna"}, []string{"third", "first"}},
			"a label":               {Query{Text: "4711"}, []string{"second"}},
			"an identifier":         {Query{Text: ids[1]}, []string{"second"}},
			"as the list shortens":  {Query{Text: "REC_019c0526"}, []string{"second"}},
			"what all begin with":   {Query{Text: "rec_0"}, nil},
			"an agent":              {Query{Text: "agent-7", States: []recording.State{recording.Stopped}}, []string{"second"}},
			"nothing such":          {Query{Text: "nothing"}, nil},
			"recorded participant":  {Query{Person: "anna"}, []string{"first"}},
			"part of an identity":   {Query{Person: "ann"}, nil},
			"from":                  {Query{From: march.AddDate(0, 0, 1)}, []string{"third", "second"}},
			"to":                    {Query{To: march.AddDate(0, 0, 1)}, []string{"first"}},
			"text and time":         {Query{Text: "standup", From: march.Add(time.Second)}, []string{"third"}},
		} {
			t.Run(what, func(t *testing.T) {
				page, err := s.List(t.Context(), c.query)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range page.Items {
					got = append(got, name[r.ID])
				}
				if diff := cmp.Diff(c.want, got); diff != "" || page.Next != "" {
					t.Errorf("next %q, %s", page.Next, diff)
				}
			})
		}
	})
}
