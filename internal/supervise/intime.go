package supervise

import (
	"context"
	"time"
)

// DiskAnswers is how long a disk may take that is waited for: one that sleeps takes ten seconds, a
// share whose server is gone may take for ever.
const DiskAnswers = 15 * time.Second

// InTime is what look finds, unless that takes longer than limit or ctx ends first: then answered
// is false, look is left behind on its goroutine, and what it finds later is of no use. It is for
// system calls that cannot be given up: a disk whose server is gone, a keyring that waits for its
// password.
func InTime[T any](ctx context.Context, limit time.Duration, look func() T) (found T, answered bool) {
	answer := make(chan T, 1)
	go func() { answer <- look() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case found = <-answer:
		return found, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return found, false
}
