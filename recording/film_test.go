package recording

import (
	"encoding/json"
	"testing"
)

func TestLayoutBox(t *testing.T) {
	for text, want := range map[string]LayoutBox{
		`{"x":1,"y":2,"width":3,"height":4,"role":"host"}`: {X: 1, Y: 2, Width: 3, Height: 4, Role: RoleHost},
		`[1,2,3,4]`:              {X: 1, Y: 2, Width: 3, Height: 4},
		` [1, 2, 3, 4, "cover"]`: {X: 1, Y: 2, Width: 3, Height: 4, Fit: FitCover},
	} {
		var got LayoutBox
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{`[1,2,3]`, `[1,2,3,4,"cover",6]`, `[1,2,3,"4"]`, `[1,2,3,4,5]`, `[1.5,2,3,4]`, `7`, `{"x":"1"}`, `[[1]]`} {
		var got LayoutBox
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is %+v", text, got)
		}
	}
}
