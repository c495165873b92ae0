package audio

import "slices"

// chain is inserts in order. Of the mixing goroutine.
type chain struct {
	list []*Insert // what is processed
	want []*Insert // the order to come to once all of it is dry; nil when it is in force
	calm int       // frames for which it has been nothing but a delay, and the same one
}

// set makes list the chain. New inserts fade in, those that are gone fade out and are
// closed, and when those that stay change places all go dry before they do, and the delay stays.
func (c *chain) set(list []*Insert) {
	for _, in := range list {
		in.going = false
	}
	for _, in := range append(slices.Clone(c.list), c.want...) {
		if !slices.Contains(list, in) {
			in.going = true
		}
	}
	kept := func(all []*Insert, other []*Insert) []*Insert {
		return slices.DeleteFunc(slices.Clone(all), func(in *Insert) bool { return !slices.Contains(other, in) })
	}
	moved := !slices.Equal(kept(c.list, list), kept(list, c.list))
	for _, in := range c.list {
		in.held = moved
	}
	if moved {
		// Those that were to come and are not wanted any more never sounded.
		for _, in := range c.want {
			if !slices.Contains(list, in) && !slices.Contains(c.list, in) {
				in.Close()
			}
		}
		c.want = slices.Clone(list)
		return
	}
	for _, in := range c.want {
		if !slices.Contains(list, in) && !slices.Contains(c.list, in) {
			in.Close()
		}
	}
	c.want = nil
	c.list = c.joined(list)
}

// joined is list with those that fade out where they were.
func (c *chain) joined(list []*Insert) []*Insert {
	out := slices.Clone(list)
	for i, in := range c.list {
		if !in.going {
			continue
		}
		at := 0
		if i > 0 {
			at = slices.Index(out, c.list[i-1]) + 1
		}
		out = slices.Insert(out, at, in)
	}
	return out
}

// ready: for as long as it delays all of it has been dry and the same delay, so that nothing
// else is on its way through its lines.
func (c *chain) ready() bool {
	for _, in := range c.list {
		if !in.settled() {
			return false
		}
	}
	return c.calm >= c.latency()
}

// delaying is the first insert that delays: its line holds what the chain was given.
func (c *chain) delaying() *Insert {
	for _, in := range c.list {
		if in.dry.now > 0 {
			return in
		}
	}
	return nil
}

// order makes list the chain, which is ready: then it is nothing but a delay, and all its
// lines hold the same sound, each by as much later as those before it delay.
func (c *chain) order(list []*Insert) {
	first := c.delaying()
	c.list = list
	if first == nil {
		return
	}
	given, later := first.dry.clone(), int64(0)
	for _, in := range list {
		if in.dry.now > 0 {
			in.dry.refill(&given, later)
			later += in.dry.now
		}
	}
}

// latency is what the chain delays the sound by, in frames.
func (c *chain) latency() int {
	n := 0
	for _, in := range c.list {
		n += in.Latency()
	}
	return n
}

// process works in place; with nothing to do it touches nothing.
func (c *chain) process(b []float32) {
	if len(c.list) == 0 && c.want == nil {
		return
	}
	gone := false
	c.calm += len(b) / 2
	for _, in := range c.list {
		mix, delay := in.mix, in.dry.now
		in.process(b)
		gone = gone || in.out()
		if mix != 0 || in.mix != 0 || in.dry.now != delay {
			c.calm = 0
		}
	}
	if c.want != nil && c.ready() {
		for _, in := range c.list {
			in.held = false
		}
		list := c.want
		c.want = nil
		c.order(c.joined(list))
	}
	if gone {
		c.list = slices.DeleteFunc(c.list, func(in *Insert) bool {
			if in.out() {
				in.Close()
			}
			return in.out()
		})
	}
}

// reduction is that of the inserts that reduce, together, in dB.
func (c *chain) reduction() (db float64) {
	for _, in := range c.list {
		db += in.reduction
	}
	return db
}

// close frees everything at once.
func (c *chain) close() {
	for _, in := range append(slices.Clone(c.list), c.want...) {
		in.Close()
	}
	c.list, c.want = nil, nil
}
