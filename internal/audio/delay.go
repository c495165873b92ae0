package audio

import "slices"

// delayLine delays sound by whole frames. Its memory grows when a longer delay is
// asked for, not while it runs. Its owner is the mixing goroutine.
type delayLine struct {
	buf   []float32 // a power of two of frames
	write int64     // frames ever written
	since int64     // the first frame that was kept when the memory last grew
	now   int64     // delay in use, frames
}

// reserve makes room for a delay of frames plus a block, keeping what is held.
func (d *delayLine) reserve(frames, block int64) {
	size := int64(4096)
	for size < frames+block {
		size <<= 1
	}
	if int64(len(d.buf)/2) >= size {
		return
	}
	grown := make([]float32, size*2)
	old := int64(len(d.buf) / 2)
	d.since = max(d.since, d.write-old)
	for i := d.since; i < d.write; i++ {
		from, to := i&(old-1)*2, i&(size-1)*2
		grown[to], grown[to+1] = d.buf[from], d.buf[from+1]
	}
	d.buf = grown
}

// process delays b in place by frames; a change of the delay is crossfaded over
// 5 ms (or the block, if shorter).
func (d *delayLine) process(b []float32, frames int64) {
	n := int64(len(b) / 2)
	d.reserve(max(frames, d.now), n)
	start := d.write
	d.store(b)
	if frames == 0 && d.now == 0 {
		return
	}
	fade := int64(0)
	if frames != d.now {
		fade = min(fadeFrames, n)
	}
	for i := range n {
		l, r := d.at(start + i - frames)
		if i < fade {
			g := fadeIn[i*fadeFrames/fade]
			l0, r0 := d.at(start + i - d.now)
			l = l0 + float32(g*(l-l0))
			r = r0 + float32(g*(r-r0))
		}
		b[2*i], b[2*i+1] = l, r
	}
	d.now = frames
}

// clone is a copy with memory of its own.
func (d *delayLine) clone() delayLine {
	c := *d
	c.buf = slices.Clone(d.buf)
	return c
}

// refill makes d hold what from holds, by so many frames later.
func (d *delayLine) refill(from *delayLine, later int64) {
	d.since = d.write - d.memory()
	oldest := from.write - from.memory()
	for i := d.since; i < d.write; i++ {
		var l, r float32
		if k := from.write - (d.write - i) - later; k >= oldest {
			l, r = from.at(k)
		}
		to := i & (d.memory() - 1) * 2
		d.buf[to], d.buf[to+1] = l, r
	}
}

// memory is how many frames are kept.
func (d *delayLine) memory() int64 { return int64(len(d.buf) / 2) }

func (d *delayLine) store(b []float32) {
	d.write += int64(len(b) / 2)
	if over := len(b) - len(d.buf); over > 0 {
		b = b[over:]
	}
	to := (d.write - int64(len(b)/2)) & (d.memory() - 1) * 2
	n := copy(d.buf[to:], b)
	copy(d.buf, b[n:])
}

func (d *delayLine) at(frame int64) (left, right float32) {
	age := frame - d.since
	if age < 0 {
		return 0, 0
	}
	i := frame & int64(len(d.buf)/2-1) * 2
	left, right = d.buf[i], d.buf[i+1]
	if age < fadeFrames && d.since > 0 { // what came before was not kept
		left, right = left*fadeIn[age], right*fadeIn[age]
	}
	return left, right
}
