package faults

import (
	"sync/atomic"
	"time"
)

// Line is what is done to all that passes. The zero value does nothing.
type Line struct {
	frozen  atomic.Bool
	rateBPS atomic.Int64
	delay   atomic.Int64
}

// Freeze lets nothing pass and closes nothing, as a cable pulled somewhere does.
func (l *Line) Freeze(on bool) { l.frozen.Store(on) }

// Rate limits what passes to the server, in b/s; 0 is no limit.
func (l *Line) Rate(bps int) { l.rateBPS.Store(int64(bps)) }

// Delay makes everything later, each way.
func (l *Line) Delay(d time.Duration) { l.delay.Store(int64(d)) }

// Lossy is a Line of datagrams, which may also get lost. Relays that are one path in the end
// have one of them in common.
type Lossy struct {
	Line
	loss atomic.Int64 // share of packets lost, in millionths
	lost atomic.Int64
}

// Loss is the share of packets lost, 0..1, both ways.
func (l *Lossy) Loss(share float64) { l.loss.Store(int64(share * 1e6)) }

// Lost is how many packets Loss has taken.
func (l *Lossy) Lost() int64 { return l.lost.Load() }
