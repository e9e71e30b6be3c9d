package recording

import "slices"

// Turn is one node's turn at a recording: from when it took the room until another
// did, or the recording ended. Positions are on the timeline.
type Turn struct {
	Epoch int64   `json:"epoch"`
	Node  string  `json:"node"`
	From  Seconds `json:"from_s"`
	To    Seconds `json:"to_s"`
	// Away says that what was recorded in it lies on the node's own disk, and that the
	// node has not come back with it: From and To are not known, and its parts are
	// missing.
	Away bool `json:"away,omitempty"`
}

// Covers reports whether the manifest tells of each of the turns.
func (m *Manifest) Covers(turns []Turn) bool {
	for _, t := range turns {
		if !m.has(t.Epoch) {
			return false
		}
	}
	return true
}

func (m *Manifest) has(epoch int64) bool {
	return slices.ContainsFunc(m.Turns, func(t Turn) bool { return t.Epoch == epoch && !t.Away })
}

// WaitsFor returns the nodes that are away with parts.
func (m *Manifest) WaitsFor() []string {
	var nodes []string
	for _, t := range m.Turns {
		if t.Away && !slices.Contains(nodes, t.Node) {
			nodes = append(nodes, t.Node)
		}
	}
	return nodes
}
