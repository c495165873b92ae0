package media

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The clock of a studio leaves out time in which nobody looks at it; before the studio begins
// it does not.
func TestRealClockLeavesOutAStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewRealClock()
		want := func(what string, now, stood time.Duration) {
			t.Helper()
			if got := c.Now(); got != now || c.Stood() != stood {
				t.Errorf("%s: it is %v, %v left out; want %v, %v", what, got, c.Stood(), now, stood)
			}
		}
		time.Sleep(time.Minute)
		want("before the studio begins", time.Minute, 0)
		c.Zero()
		want("the beginning", 0, 0)
		for range 20 {
			time.Sleep(time.Second)
			c.Now()
		}
		want("looked at each second", 20*time.Second, 0)
		time.Sleep(standsAfter)
		want("a stall that is caught up with", 20*time.Second+standsAfter, 0)
		time.Sleep(time.Hour)
		want("stopped for an hour", 20*time.Second+standsAfter, time.Hour)
		time.Sleep(time.Second)
		want("and on", 21*time.Second+standsAfter, time.Hour)

		// Stopped while somebody waits: the rest of the wait comes after that.
		ctx, cancel := context.WithCancel(t.Context())
		looker := make(chan struct{})
		go func() {
			defer close(looker)
			for n := 0; ctx.Err() == nil; n++ {
				c.Now()
				if n == 5 {
					time.Sleep(time.Minute)
				}
				time.Sleep(time.Second)
			}
		}()
		until, began := c.Now()+30*time.Second, time.Now()
		if err := c.WaitUntil(ctx, until); err != nil {
			t.Fatal(err)
		}
		if now, took := c.Now(), time.Since(began); now < until || took < time.Minute {
			t.Errorf("it waited for %v until %v, want more than a minute and %v", took, now, until)
		}
		cancel()
		<-looker
	})
}
