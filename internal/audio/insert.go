package audio

import (
	"fmt"
	"math"
)

// Processor changes sound in a fixed way: an insert with the settings it was opened
// with. It is used by one goroutine.
type Processor interface {
	// Process replaces block (interleaved stereo) by what comes out for it, which is
	// Latency frames older. key is the block that a keyed processor listens to, nil for
	// the others. After an error the block is of no use.
	Process(block, key []float32) error
	// Latency is constant, in frames.
	Latency() int
	// Close frees it.
	Close()
}

// heir is a Processor that can go on from the state of the one that it replaces. Inherit
// reports whether it does: then it has heard the past already, and is not fed it a second time.
type heir interface{ Inherit(from Processor) bool }

// madeUp is a Processor that ends with a gain which is not part of its reduction.
type madeUp interface{ MakeupDB() float64 }

const (
	// insertFade is how long an insert takes to come in, to go, and to change its
	// settings: 20 ms.
	insertFade = 20 * sampleRateHz / 1000
	// insertHistory is how much of what an insert was fed is kept, for a processor that
	// takes over: it hears that first, so that its envelopes and filters stand where
	// those of the old one do. 250 ms.
	insertHistory = 250 * sampleRateHz / 1000
	// chainMemory is how many frames of what went in are kept where there is a delay, for a new
	// order of the chain: more than four noise suppressions delay.
	chainMemory = 8000
	// sanePeak is +60 dBFS: what a processor puts out beyond that is broken.
	sanePower = saneLimit * saneLimit
)

// Insert is a place in a strip's or a bus's chain. Its processor can be bypassed and
// replaced without a click, keeping its place in time: bypassed, the sound is as late as
// processed. All methods are for the mixing goroutine.
type Insert struct {
	id       string
	reduces  bool
	key      *Strip
	bypassed bool
	err      error

	proc  Processor // nil when broken
	next  Processor // takes over; nil when none
	after Processor // takes over from next
	turn  int       // frames of the take-over done
	mix   float32   // 0 is dry, 1 processed
	warm  int       // frames to process unheard before mix may rise

	going     bool // taken out of the chain, fading out
	held      bool // dry until the chain has its new order
	dry       delayLine
	delay     int // frames that the next block is delayed by: the processor's, once dry holds as many
	past      history
	keyPast   history
	scratch   []float32
	reduction float64
}

// InsertOptions say what an insert is.
type InsertOptions struct {
	ID string
	// Reduces: the processor only ever turns down; ReductionDB says how much.
	Reduces bool
	// Key is the strip that a keyed processor listens to, after its fader; nil: silence.
	Key      *Strip
	Bypassed bool
}

// NewInsert makes an insert of p, which it owns from now on.
func NewInsert(p Processor, opt InsertOptions) *Insert {
	return &Insert{id: opt.ID, reduces: opt.Reduces, key: opt.Key, bypassed: opt.Bypassed, proc: p, warm: p.Latency()}
}

// ID is the name it was made with.
func (in *Insert) ID() string { return in.id }

// SetBypassed takes the processor out of the way of the sound, or back into it, over 20 ms.
func (in *Insert) SetBypassed(on bool) { in.bypassed = on }

// SetKey sets which strip is listened to; nil is none.
func (in *Insert) SetKey(key *Strip) { in.key = key }

// Replace crossfades to p within 20 ms after it has heard what the old processor heard
// last. While a crossfade is under way p waits for its end; of several that wait the newest
// counts. p is the insert's from now on.
func (in *Insert) Replace(p Processor) {
	if in.next != nil && in.turn > 0 {
		if in.after != nil {
			in.after.Close()
		}
		in.after = p
		return
	}
	if in.next != nil {
		in.next.Close()
		in.next = nil
	}
	if in.proc == nil || in.mix == 0 {
		in.succeed(p, in.proc)
		if in.proc != nil {
			in.proc.Close()
		}
		in.proc, in.err, in.warm = p, nil, p.Latency()
		return
	}
	in.succeed(p, in.proc)
	in.next, in.turn = p, 0
}

// succeed readies p to take over from old, which may be nil.
func (in *Insert) succeed(p, old Processor) {
	if h, ok := p.(heir); ok && h.Inherit(old) {
		return
	}
	in.prime(p)
}

// prime lets p hear the past.
func (in *Insert) prime(p Processor) {
	past := in.past.all()
	var key []float32
	if in.keyPast.frames > 0 {
		key = in.keyPast.all()
	}
	const chunk = 2 * 1024
	for i := 0; i < len(past); i += chunk {
		end := min(i+chunk, len(past))
		var k []float32
		if len(key) == len(past) {
			k = key[i:end]
		} else if key != nil {
			return
		}
		if err := p.Process(past[i:end], k); err != nil {
			return // the first block of the take-over says so
		}
	}
}

// Latency is what the insert delays the sound by, in frames, bypassed or not. One that comes
// in does not until it has heard as much, and one that goes out not any more once it is dry.
func (in *Insert) Latency() int { return in.delay }

// late is the processor's own latency.
func (in *Insert) late() int {
	if in.proc == nil {
		return 0
	}
	return in.proc.Latency()
}

// follow delays b, the sound without the processor, and decides by how much the next block
// will be: changes are crossfaded, with the past that sounded.
func (in *Insert) follow(b []float32) {
	late := in.late()
	if late > 0 || in.delay > 0 || in.dry.now > 0 {
		in.dry.reserve(chainMemory, int64(len(b)/2))
		in.dry.process(b, int64(in.delay))
	}
	switch {
	case late == 0, in.gone():
		in.delay = 0
	case in.dry.write >= int64(late):
		in.delay = late
	}
}

// gone: it was taken out and is not heard any more.
func (in *Insert) gone() bool { return in.going && in.mix == 0 }

// out: nor does it delay any more.
func (in *Insert) out() bool { return in.gone() && in.delay == 0 && in.dry.now == 0 }

// settled: it delays as it will.
func (in *Insert) settled() bool {
	return in.dry.now == int64(in.delay) && (in.delay == in.late() || in.out())
}

// ReductionDB is by how much the last block was turned down, 0 or more, of an insert
// that only turns down.
func (in *Insert) ReductionDB() float64 { return in.reduction }

// Err is why the processor is out of order; the sound passes it by.
func (in *Insert) Err() error { return in.err }

// Close frees the processor; for an insert that never came into a chain. Those of a
// chain are closed by it when they have faded out.
func (in *Insert) Close() {
	for _, p := range []Processor{in.proc, in.next, in.after} {
		if p != nil {
			p.Close()
		}
	}
	in.proc, in.next, in.after = nil, nil, nil
}

// idle: the insert leaves the sound as it is.
func (in *Insert) idle() bool {
	return in.mix == 0 && (in.bypassed || in.going || in.held || in.proc == nil)
}

// process works in place.
func (in *Insert) process(b []float32) {
	in.reduction = 0
	if in.idle() {
		in.warm = in.late()
		in.past.frames, in.keyPast.frames = 0, 0
		in.follow(b)
		return
	}
	n := len(b)
	if cap(in.scratch) < 2*n {
		in.scratch = make([]float32, 2*n)
	}
	dry, other := in.scratch[:n], in.scratch[n:2*n]
	copy(dry, b)
	var key []float32
	if in.key != nil {
		key = in.key.sent(n)
		in.keyPast.add(key)
	}
	in.past.add(b)
	before := 0.0
	if in.reduces {
		before = energy(b)
	}
	in.run(b, other, key)
	if in.reduces && in.proc != nil {
		makeup := 0.0
		if p, ok := in.proc.(madeUp); ok {
			makeup = p.MakeupDB()
		}
		in.reduction = reduction(before, energy(b), makeup)
	}
	in.follow(dry)
	if in.proc == nil {
		copy(b, dry)
		in.mix = 0
		return
	}
	to := float32(1)
	switch {
	case in.bypassed || in.going || in.held:
		to = 0
	case in.warm > 0:
		in.warm -= n / 2
		to = 0
	}
	in.mix = fadeTo(b, dry, in.mix, to)
}

// run processes b, by two processors while one takes over. After a failure b is to be
// replaced by what went in.
func (in *Insert) run(b, other, key []float32) {
	if in.next != nil {
		copy(other, b)
		if !in.sane(in.next.Process(other, key), other) {
			in.next.Close()
			in.next = nil
		}
	}
	if !in.sane(in.proc.Process(b, key), b) {
		if in.next != nil { // the new one does it
			copy(b, other)
			in.err = nil
		}
		in.advance()
		return
	}
	if in.next == nil {
		return
	}
	frames := len(b) / 2
	m := min(insertFade-in.turn, frames)
	// other is what it changes to: blend makes it of b (dry) and other.
	g0, g1 := float32(in.turn)/insertFade, float32(in.turn+m)/insertFade
	blend(other[:2*m], b[:2*m], g0, g1)
	copy(b, other)
	if in.turn += m; in.turn == insertFade {
		in.advance()
	}
}

// advance lets the next processor be the one.
func (in *Insert) advance() {
	in.proc.Close()
	in.proc, in.next, in.after, in.turn = in.next, in.after, nil, 0
	if in.next != nil {
		in.succeed(in.next, in.proc)
	}
}

// sane notes what is wrong with what a processor did.
func (in *Insert) sane(err error, b []float32) bool {
	switch e := energy(b); {
	case err != nil:
		in.err = err
	case !(e <= sanePower*float64(len(b))):
		in.err = fmt.Errorf("audio: insert %q put out what is no sound", in.id)
	default:
		return true
	}
	return false
}

// reduction is how much less energy came out, before a make-up gain, than went in, in
// dB, of what can be heard.
func reduction(before, after, makeupDB float64) float64 {
	const quiet = 1e-9
	if before < quiet {
		return 0
	}
	return clamp(10*math.Log10(before/max(after, quiet))+makeupDB, 0, 96)
}

// fadeTo makes b of dry and b, from a share of from towards to, at the rate of one
// insertFade, and returns the share it came to.
func fadeTo(b, dry []float32, from, to float32) float32 {
	if from == to {
		if to == 0 {
			copy(b, dry)
		}
		return to
	}
	frames := len(b) / 2
	left := int(math.Ceil(float64(abs(to-from))*insertFade - 1e-3))
	m := min(left, frames)
	end := to
	if m < left {
		end = from + float32(m)/insertFade
		if to < from {
			end = from - float32(m)/insertFade
		}
	}
	blend(b[:2*m], dry[:2*m], from, end)
	if m < frames && to == 0 {
		copy(b[2*m:], dry[2*m:])
	}
	return end
}

// history is the last of what went in.
type history struct {
	buf    []float32 // a ring
	at     int       // samples; where the next goes
	frames int
	out    []float32
}

func (h *history) add(b []float32) {
	if h.buf == nil {
		h.buf = make([]float32, 2*insertHistory)
	}
	if len(b) > len(h.buf) {
		b = b[len(b)-len(h.buf):]
	}
	n := copy(h.buf[h.at:], b)
	copy(h.buf, b[n:])
	h.at = (h.at + len(b)) % len(h.buf)
	h.frames = min(h.frames+len(b)/2, insertHistory)
}

// all is what is kept, oldest first, in memory that the next call uses again.
func (h *history) all() []float32 {
	if h.frames == 0 {
		return nil
	}
	from := (h.at - 2*h.frames + len(h.buf)) % len(h.buf)
	h.out = append(h.out[:0], h.buf[from:min(from+2*h.frames, len(h.buf))]...)
	return append(h.out, h.buf[:max(from+2*h.frames-len(h.buf), 0)]...)
}
