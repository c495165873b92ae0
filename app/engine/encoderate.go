package engine

import "time"

// lateFor is how long an encode that has dropped pictures is said to be late: one that does so
// now and then is not well and ill by turns.
const lateFor = 10 * time.Second

// encodeTotals are counted since an encode began.
type encodeTotals struct{ frames, dropped, bytes, busy int64 }

// encodeRate is what an encode does now, by the difference of its totals over the last second:
// a mean since the beginning would hide after hours what has just begun. Of the tick goroutine.
type encodeRate struct {
	at    time.Duration // of the last turn; the beginning before
	last  encodeTotals
	lost  time.Duration // when a picture was dropped last
	ever  bool          // lost is set
	shown struct {
		encodeMS float64
		bps      int64
		dropping float64
	}
}

// turn ends a second; a part of one, in which the encode began, is added to the next.
func (r *encodeRate) turn(now time.Duration, t encodeTotals) {
	d := now - r.at
	if d < time.Second/2 {
		return
	}
	frames, dropped := t.frames-r.last.frames, t.dropped-r.last.dropped
	r.shown.bps = int64(float64(8*(t.bytes-r.last.bytes)) / d.Seconds())
	r.shown.dropping = 0
	if frames > 0 { // else one takes longer than a second: the last that is known stands
		r.shown.encodeMS = float64(t.busy-r.last.busy) / 1e6 / float64(frames)
	}
	if dropped > 0 {
		r.shown.dropping = float64(dropped) / float64(frames+dropped)
		r.lost, r.ever = now, true
	}
	r.at, r.last = now, t
}

func (r *encodeRate) state(now time.Duration) (encodeMS float64, bitrateBPS int64, dropping float64, late bool) {
	return r.shown.encodeMS, r.shown.bps, r.shown.dropping, r.ever && now-r.lost < lateFor
}
