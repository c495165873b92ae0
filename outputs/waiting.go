package outputs

import (
	"fmt"
	"sync"
	"time"
)

// TellWaiting reports what a host is waited for when that takes longer than after, and goes on
// saying it once a second. look is asked from a goroutine of its own and says in which state, and
// for what, in words after "waiting for"; empty: nothing is waited for now. The function returned ends
// it, waits for a report that is being made, and may be called again.
func TellWaiting(host string, after time.Duration, look func() (State, string), report func(Report)) (stop func()) {
	begun, done := time.Now(), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		next := time.NewTimer(after)
		defer next.Stop()
		for {
			select {
			case <-next.C:
			case <-done:
				return
			}
			if state, what := look(); what != "" {
				report(Report{State: state, Detail: fmt.Sprintf("%s: for %v waiting for %s", host, time.Since(begun).Round(time.Second), what)})
			}
			next.Reset(time.Second)
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		telling.Wait()
	})
}
