package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// UnmarshalJSON reads a box as an object, or as eyeson writes it: an array of
// x, y, width, height and, where it is said, fit.
func (b *LayoutBox) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		type plain LayoutBox
		if err := json.Unmarshal(data, (*plain)(b)); err != nil {
			return fmt.Errorf("read box: %w", err)
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("read box: %w", err)
	}
	var out LayoutBox
	fields := []any{&out.X, &out.Y, &out.Width, &out.Height, &out.Fit}
	if len(list) < len(fields)-1 || len(list) > len(fields) {
		return fmt.Errorf("read box: an array of %d is not [x, y, width, height] or [x, y, width, height, fit]", len(list))
	}
	for i, v := range list {
		if err := json.Unmarshal(v, fields[i]); err != nil {
			return fmt.Errorf("read box: %w", err)
		}
	}
	*b = out
	return nil
}
