package engine

import "time"

// cadence keeps a live source's pictures in step with the ticks where its rate and the canvas's, or
// their clocks, are almost the same. When a picture's time falls on a tick's, a millisecond of jitter
// decides whether it is due: one picture would be shown twice and the next left out, over and over,
// for as long as the two take to pass each other (2 s in every 33 for 29.97 on 30). Of the
// tick goroutine.
type cadence struct {
	have  bool
	after time.Duration // how long after its time the picture shown was shown by the last tick
}

// leeway is the part of a picture's time by which the next may come early, or has to be due for longer: a
// millisecond at 30 fps. Lips and sound are that much further apart at most.
const leeway = 32

// due is until when a picture's time may be for a tick at which pictures up to due would be shown. step is
// what lies between two pictures, and at most a tick. Where the last tick's picture was hardly due the next
// may be hardly not; where it was almost passed over, or shown again, the next has to be well due.
func (c *cadence) due(due, step time.Duration) time.Duration {
	switch {
	case !c.have:
		return due
	case c.after < step/2:
		return due + step/leeway
	}
	return due - step/leeway
}

// shown takes note of the picture that a tick for due shows, whose time is pts.
func (c *cadence) shown(due, pts time.Duration) { c.have, c.after = true, due-pts }
