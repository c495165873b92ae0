package engine

import "time"

// Every stretch is a file. A source that begins anew all the time (two encoders behind one
// gateway, each with parameter sets of its own, or one that is meant to do harm) would fill the
// folder of the recordings with files of a picture each.
const (
	// copyBegins stretches may begin in copyWithin; what comes beyond that is left out.
	copyBegins = 10
	copyWithin = 10 * time.Second
	// copyCalm is how long a stretch has to last until the source is steady again.
	copyCalm = 2 * time.Second
	// copyUnsteady is why it cannot be copied until then.
	copyUnsteady = "it begins anew more than once a second, each time in a file of its own"
)

// mayBegin reports whether a stretch may begin at studio time t, and counts it. mu is held.
func (c *copier) mayBegin(t time.Duration) bool {
	if n := len(c.begins); n == copyBegins {
		if t-c.begins[0] < copyWithin {
			c.begun, c.erratic = false, true
			c.tell(copyUnsteady)
			return false
		}
		c.begins = c.begins[:copy(c.begins, c.begins[1:])]
	}
	c.begins = append(c.begins, t)
	return true
}

// goesOn takes back what was told, with what is handed on at studio time t. mu is held.
func (c *copier) goesOn(t time.Duration) {
	if c.erratic && t-c.begins[len(c.begins)-1] < copyCalm {
		return
	}
	c.erratic = false
	c.untell()
}
