package packet

import "github.com/roomreel/roomreel/recorder/codec"

// handle makes the events of the next packet in order.
func (r *Receiver) handle(p *release) {
	r.lose(p)
	if len(p.payload) == 0 {
		return
	}
	if r.reset {
		r.reset = false
		r.emit(Reset{})
	}
	if r.gap.Lost > 0 {
		r.gap.From, r.gap.To = r.lastTS, p.ts
		r.emit(r.gap)
		r.stats.Gaps++
		r.gap = Gap{}
	}
	r.lastTS = p.ts
	if r.codec.Audio() {
		r.sound(&p.packet)
		return
	}
	whole, broken := r.frames.push(&p.packet)
	if broken {
		r.broken()
	}
	if whole {
		r.picture(&r.frames.frame)
	}
}

// lose takes note of what is missing before a packet.
func (r *Receiver) lose(p *release) {
	if p.reset {
		r.reset, r.gap, r.frameLost = true, Gap{}, 0
		r.gate.shut()
	}
	if p.lost > 0 {
		r.stats.Lost += p.lost
		r.frameLost += p.lost
		r.gap.Lost += p.lost
		r.gap.Jump = r.gap.Jump || p.jump
		r.gate.gap(p.lost)
	}
	if (p.reset || p.lost > 0) && r.frames.gap() {
		r.broken()
	}
}

// broken tells that a frame will never be whole.
func (r *Receiver) broken() {
	r.gate.gap(0)
	r.wish.need = true
}

// picture takes a whole frame of video to the gate.
func (r *Receiver) picture(f *Frame) {
	if f.blank() {
		r.stats.Blank++
		r.gate.shut() // what follows, if anything, leans on it
		return
	}
	pass := r.gate.admit(f)
	r.wish.need = r.gate.state != gateOpen
	if !pass {
		r.stats.Held++
		if r.gate.freezes() {
			r.stats.Freezes++
			r.emit(FreezeBegin{Timestamp: r.gate.shown})
		}
		return
	}
	if r.gate.thaws() {
		r.emit(FreezeEnd{Timestamp: f.Timestamp})
	}
	if f.Keyframe {
		r.stats.Keyframes++
		r.wish.keyframe(f.LastArrival)
	}
	r.give(f)
}

// sound makes a frame of an Opus packet.
func (r *Receiver) sound(p *packet) {
	duration, ok := codec.OpusDuration(p.payload)
	if !ok {
		r.stats.Incomplete++
		return
	}
	a := &r.frames
	a.buf = append(a.buf[:0], p.payload...)
	a.frame = Frame{
		Codec: Opus, Timestamp: p.ts, Arrival: p.arrival, LastArrival: p.arrival,
		Duration: duration, Channels: codec.OpusChannels(p.payload), Keyframe: true, Silence: isServerSilence(p.payload), Payload: a.buf,
	}
	if a.frame.Silence {
		r.stats.Silence++
	}
	r.stats.Keyframes++
	r.give(&a.frame)
}

func (r *Receiver) give(f *Frame) {
	f.Lost, r.frameLost = r.frameLost, 0
	r.stats.Frames++
	r.emit(f)
}
