// Package uplink measures what the network carries to a destination: it sends colour bars
// with padding at rising rates and counts what the far end acknowledges, until that falls
// behind, and then holds the rate that lasts.
//
// Threads: Measure blocks; the output it is given runs on the caller's goroutine and starts
// what it needs. Ownership: nothing is kept. What it does not do: decide whether a
// destination may be loaded. What is sent is a real stream, which a far end shows to
// whoever watches, unless it was told that it is a test.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// Options say how much is tried.
type Options struct {
	// Duration is how long is measured once the stream is taken, 10 s when 0; where the
	// path is unsteady, up to twice that.
	Duration time.Duration
	// MaxKbps is the most that is sent, in kb/s. Required.
	MaxKbps int
	// Connect is how long may pass until the far end acknowledges something, 15 s when 0.
	Connect time.Duration
}

// Result is what was measured.
type Result struct {
	// Kbps arrived for as long as it was sent, in kb/s of the transport's payload.
	Kbps int
	// AtLeast: the path carries this, and no more was tried.
	AtLeast bool
	// RTT is the shortest round trip seen.
	RTT time.Duration
	// ResentPercent is the share of it that had to be sent again, where the transport tells.
	ResentPercent float64
}

var (
	errNothing = errors.New("uplink: the far end has acknowledged nothing")
	errUneven  = errors.New("uplink: the path carries nothing for long enough to be measured")
)

// Measure loads the path to where out leads. out must not be running. Its errors are out's,
// in words for the operator, and ctx's.
func Measure(ctx context.Context, out outputs.Output, o Options) (Result, error) {
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Connect <= 0 {
		o.Connect = 15 * time.Second
	}
	if o.MaxKbps <= 0 {
		return Result{}, errors.New("uplink: the most to send is not set, so there is nothing to try")
	}
	c, err := encodeClip()
	if err != nil {
		return Result{}, err
	}
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	connect := time.AfterFunc(o.Connect, func() { cancel(errNothing) })
	defer connect.Stop()
	l := &load{
		clip: c, climbed: make(chan struct{}), climb: newClimb(float64(o.MaxKbps)*1000, o.Duration),
		taken: func() {
			if connect.Stop() {
				connect.Reset(2*o.Duration + 15*time.Second)
			}
		},
	}
	err = out.Run(running, l)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.done: // however the goodbye went
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case running.Err() != nil && l.measured:
		return Result{}, errUneven
	case running.Err() != nil:
		return Result{}, errNothing
	case err == nil:
		return Result{}, errors.New("uplink: the far end ended the stream before it was measured")
	case l.measured:
		return Result{}, fmt.Errorf("%w (at %.1f Mb/s)", err, l.climb.offered/1e6)
	default:
		return Result{}, err
	}
	return Result{Kbps: int(l.climb.result / 1000), AtLeast: !l.climb.full, RTT: l.climb.rtt, ResentPercent: 100 * l.climb.lost}, nil
}
