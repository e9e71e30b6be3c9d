package packet

// gate lets through the frames that a decoder can show as the encoder meant
// them. It knows only which frames there are, not how they were encoded: after a
// loss it is closed until a keyframe, unless the payload descriptor proves that
// what was lost does not matter.
type gate struct {
	state gateState
	// suspect: packets were lost since the last frame, at most lost of them. The
	// next frame shows whether it matters.
	suspect bool
	lost    int64
	// last is the frame let through last, once started.
	started bool
	last    layer
	shown   Timestamp
	frozen  bool
}

type gateState uint8

const (
	// gateClosed: nothing but a keyframe passes.
	gateClosed gateState = iota
	// gateBase: of VP8's temporal layers the lowest is whole, and what leans on
	// nothing else passes.
	gateBase
	gateOpen
)

// gap tells that packets are missing before the next frame.
func (g *gate) gap(lost int64) {
	g.suspect = true
	g.lost += lost
}

// shut closes the gate until a keyframe, whatever was lost.
func (g *gate) shut() { g.state = gateClosed }

// admit reports whether the frame may pass.
func (g *gate) admit(f *Frame) bool {
	if f.Keyframe {
		g.state, g.suspect = gateOpen, false
	}
	if g.suspect {
		g.state = g.judge(f.layer)
		g.suspect = false
	}
	pass := g.state == gateOpen || g.state == gateBase && g.independent(f.layer)
	if pass {
		g.started, g.last, g.shown, g.lost = true, f.layer, f.Timestamp, 0
	}
	return pass
}

// judge returns the state after a loss, of which the next frame is at l.
func (g *gate) judge(l layer) gateState {
	// Numbers that go on could also mean that they have come round; VP8's and
	// VP9's short ones do so after 128 pictures, TL0PICIDX after 256.
	const notRound = 127
	if g.state == gateClosed || !g.started || g.lost >= notRound {
		return gateClosed
	}
	if l.hasPicture && g.last.hasPicture && l.picture == (g.last.picture+1)&0x7FFF {
		return g.state // only padding was lost
	}
	if l.temporal && g.last.temporal && g.baseWhole(l) {
		return gateBase
	}
	return gateClosed
}

// baseWhole reports whether no frame of the base layer was lost before l: each
// has the next TL0PICIDX, and those of higher layers repeat it (RFC 7741 section
// 4.2).
func (g *gate) baseWhole(l layer) bool {
	if l.id == 0 {
		return l.base == g.last.base+1
	}
	return l.base == g.last.base
}

// independent reports whether the frame leans on the base layer only, which is
// whole (RFC 7741 section 4.2: TID, Y).
func (g *gate) independent(l layer) bool { return l.temporal && (l.id == 0 || l.sync) }

// freezes reports whether a frame that was held back begins a freeze.
func (g *gate) freezes() bool {
	begins := g.state == gateClosed && g.started && !g.frozen
	g.frozen = g.frozen || begins
	return begins
}

// thaws reports whether the frame let through ends a freeze.
func (g *gate) thaws() bool {
	ends := g.frozen
	g.frozen = false
	return ends
}
