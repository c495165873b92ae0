package engine

import (
	"fmt"
	"time"
)

// standstillSaid is for how long of studio time a standstill is told.
const standstillSaid = 10 * time.Minute

// standstill tells of time that the clock left out because the process was stopped. Of the
// tick goroutine.
type standstill struct {
	known time.Duration // that the clock has left out
	until int64         // the tick up to which it is told; 0: it is not
}

// look asks the clock, where it is one that leaves time out; once a tick.
func (s *standstill) look(e *Engine) {
	c, ok := e.clock.(interface{ Stood() time.Duration })
	if !ok {
		return
	}
	if stood := c.Stood(); stood != s.known {
		d := (stood - s.known).Round(time.Second)
		s.known, s.until = stood, e.tick+int64(standstillSaid/e.frameTime)
		e.warn.set("standstill", fmt.Sprintf("The program stood still for %v until %s, because it was stopped or the machine was. Nothing was sent or recorded meanwhile; the show goes on where it was, and files have no hole. Look after the destinations.", d, time.Now().Format("15:04:05")), e.tick)
		e.log.Warn("the process stood still", "for", d)
	}
	if s.until > 0 && e.tick >= s.until {
		s.until = 0
		e.warn.clear("standstill")
	}
}
