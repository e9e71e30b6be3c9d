package compose

const (
	PriorityLow    = "low"
	PriorityNormal = "normal"
	PriorityHigh   = "high"
)

var priorities = []string{PriorityLow, PriorityNormal, PriorityHigh}

const (
	ExtraPoster   = "poster"
	ExtraSheet    = "sheet"
	ExtraChapters = "chapters"
	ExtraSpeakers = "speakers"
)

var extras = []string{ExtraPoster, ExtraSheet, ExtraChapters, ExtraSpeakers}
