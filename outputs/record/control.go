package record

import (
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// asked is one thing that the operator wants at a time of the programme.
type asked struct {
	at    time.Duration
	split bool
	pause bool // when not split: whether to pause or to go on
}

// control is what has been asked of a recording from outside; the goroutine of Run looks
// into it at keyframes.
type control struct {
	mu     sync.Mutex
	asked  []asked        // guarded by mu; not done yet, in order of time
	marks  []outputs.Mark // guarded by mu; since Run began, in order of time
	cuts   int            // guarded by mu; of the marks
	paused bool           // guarded by mu; what was asked for last
	was    bool           // guarded by mu; paused at the newest keyframe
}

func (c *control) ask(a asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !a.split {
		if a.pause == c.paused {
			return
		}
		c.paused = a.pause
	}
	i, _ := slices.BinarySearchFunc(c.asked, a.at, func(x asked, at time.Duration) int {
		if x.at <= at {
			return -1 // after those of the same time
		}
		return 1
	})
	c.asked = slices.Insert(c.asked, i, a)
}

// take removes what is due at a keyframe at time t.
func (c *control) take(t time.Duration) []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.asked) && c.asked[n].at <= t {
		n++
	}
	due := slices.Clone(c.asked[:n])
	c.asked = slices.Delete(c.asked, 0, n)
	return due
}

// markedFrom are the marks from the n-th on.
func (c *control) markedFrom(n int) []outputs.Mark {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.marks[min(n, len(c.marks)):])
}

// chapters is how many marks become chapters, with those of cuts or without.
func (c *control) chapters(cuts bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cuts {
		return len(c.marks)
	}
	return len(c.marks) - c.cuts
}

// settled notes what is so from a keyframe on, for the next Run.
func (c *control) settled(paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.was = paused
}

// begin is whether a Run begins paused.
func (c *control) begin() (paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.was
}

// Split implements outputs.Splitter: the keyframe at or after at begins a new file, and the
// file before ends right before it.
func (o *Output) Split(at time.Duration) { o.control.ask(asked{at: at, split: true}) }

// Pause implements outputs.Pauser.
func (o *Output) Pause(at time.Duration, paused bool) {
	o.control.ask(asked{at: at, pause: paused})
}

// Mark implements outputs.Chapterer. Marks come in order of time.
func (o *Output) Mark(m outputs.Mark) {
	o.control.mu.Lock()
	defer o.control.mu.Unlock()
	o.control.marks = append(o.control.marks, m)
	if m.Cut {
		o.control.cuts++
	}
}
