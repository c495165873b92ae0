package audio

// #cgo noescape cp_peaks_run
// #cgo nocallback cp_peaks_run
// #include "kernel.h"
import "C"

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// LevellerOptions are what a loudness controller aims at; clamped to their ranges.
type LevellerOptions struct {
	// TargetLUFS is the programme loudness, -36..-6: -23 for broadcast (EBU R 128), -14
	// for streaming.
	TargetLUFS float64
	// CeilingDBTP is what no true peak passes, -20..0; streaming wants -1.
	CeilingDBTP float64
	// MaxGainDB is the most that quiet sound is raised, 0..30.
	MaxGainDB float64
}

const (
	// levelSeconds is the time over which the loudness is averaged: long enough that the
	// dynamics of speech and music stay.
	levelSeconds = 8.0
	// levelSlew is how fast the gain moves at most, dB/s: not heard as a change of level.
	levelSlew = 1.0
	// levelMaxCutDB is the most that loud sound is turned down slowly; the rest is the
	// limiter's.
	levelMaxCutDB = 30
	// Pauses leave the gain where it is: below the one gate in LUFS there is no programme,
	// below the other, in LU under the average, it rests.
	levelGateLUFS = -55.0
	levelGateLU   = -20.0

	// lookFrames is how far the limiter looks ahead, 5 ms: so slowly does it turn down.
	lookFrames = sampleRateHz / 200
	// levelDelay is what comes out later for it. The interpolated peak between the frames o
	// and o+1 is known at o+6, its gain is in full force lookFrames-1 later, and for both
	// of them the frame after.
	levelDelay = lookFrames + 5
	// releaseSeconds is the time constant with which the limiter lets go.
	releaseSeconds = 0.1
	// peakMarginDB is for what a moving gain adds to the peaks.
	peakMarginDB = 0.1
)

// Leveller is a loudness controller: a slow gain that brings the programme to a loudness,
// then a look-ahead limiter for its true peaks. It implements Processor. FFmpeg's loudnorm
// does the same with three seconds of delay and at 192 kHz, and its alimiter knows sample
// peaks only, which is why this is not one of theirs.
//
// The loudness is averaged over eight seconds of what passes the gates, the gain moves at
// most 1 dB/s. The limiter's gain is, for every frame, the least that any peak within its
// 5 ms of look-ahead allows, released exponentially and then averaged over the look-ahead:
// it reaches each peak's gain in time and has no corner.
type Leveller struct {
	target, ceiling, maxGain float64 // LUFS, amplitude, dB
	meter                    *Loudness
	levelState

	gainNow atomic.Uint64 // bits of float64, dB
}

// levelState is what a controller has heard, and where it stands.
type levelState struct {
	measured int64   // steps of the meter that have been used
	mean     float64 // energy
	heard    float64 // seconds of programme in mean
	gainDB   float64 // where the slow gain is going
	gain     float64 // amplitude, where it is
	slope    float64 // amplitude per frame

	peaks   C.cp_peaks
	allowed [stepFrames]float32
	// least holds the look-ahead's gains that are still to matter, rising from its front.
	least     [lookFrames + 2]leastGain
	front, in int // places in least; in is the end
	frame     int64
	release   float64
	held      float64
	box       [lookFrames]float64
	boxSum    float64
	line      [2 * levelDelay]float32
	at        int // frame in line
}

type leastGain struct {
	frame int64
	gain  float64
}

// NewLeveller makes a controller at 0 dB.
func NewLeveller(opt LevellerOptions) *Leveller {
	l := &Leveller{
		target:  clamp(opt.TargetLUFS, -36, -6),
		ceiling: math.Pow(10, (clamp(opt.CeilingDBTP, -20, 0)-peakMarginDB)/20),
		maxGain: clamp(opt.MaxGainDB, 0, 30),
		meter:   NewLoudness(),
		levelState: levelState{
			gain: 1, held: 1, release: 1 - math.Exp(-nominalPeriod/releaseSeconds),
		},
	}
	for i := range l.box {
		l.box[i] = 1
	}
	l.boxSum = lookFrames
	return l
}

// Inherit implements heir: the gain goes on from where it stands, at its own pace. A controller
// that began anew would fall back to 0 dB within the take-over.
func (l *Leveller) Inherit(from Processor) bool {
	old, ok := from.(*Leveller)
	if !ok {
		return false
	}
	l.levelState = old.levelState
	l.meter.inherit(old.meter)
	l.gainNow.Store(old.gainNow.Load())
	return true
}

// Latency implements Processor: 245 frames, 5.1 ms.
func (l *Leveller) Latency() int { return levelDelay }

// Close implements Processor; there is nothing to free.
func (l *Leveller) Close() {}

// GainDB is the slow gain now; safe to call at any time.
func (l *Leveller) GainDB() float64 { return math.Float64frombits(l.gainNow.Load()) }

// Process implements Processor; key is not used. It never fails and allocates nothing.
func (l *Leveller) Process(block, _ []float32) error {
	copySane(block, block)
	for len(block) >= 2 {
		n := min(len(block)/2, stepFrames-l.meter.in)
		part := block[:2*n]
		block = block[2*n:]
		l.meter.Write(part)
		if l.meter.count >= l.measured+gatingSteps {
			l.measured = l.meter.count
			l.aim()
		}
		for i := 0; i < len(part); i += 2 {
			part[i] *= float32(l.gain)
			part[i+1] *= float32(l.gain)
			l.gain += l.slope
		}
		l.limit(part)
	}
	l.gainNow.Store(math.Float64bits(dbOf(l.gain)))
	return nil
}

// aim sets the slow gain's way for the next 100 ms, once in as much sound.
func (l *Leveller) aim() {
	const interval = gatingSteps * stepFrames * nominalPeriod
	if now := l.meter.now.MomentaryLUFS; now > levelGateLUFS && (l.heard < 1 || now > lufs(l.mean)+levelGateLU) {
		l.heard = min(l.heard+interval, levelSeconds)
		l.mean += (energyOf(now) - l.mean) * interval / l.heard
		want := clamp(l.target-lufs(l.mean), -levelMaxCutDB, l.maxGain)
		l.gainDB += clamp(want-l.gainDB, -levelSlew*interval, levelSlew*interval)
	}
	l.slope = (math.Pow(10, l.gainDB/20) - l.gain) / (gatingSteps * stepFrames)
}

// limit replaces part by what comes out for it.
func (l *Leveller) limit(part []float32) {
	n := len(part) / 2
	C.cp_peaks_run(&l.peaks, (*C.float)(unsafe.SliceData(part)), C.int32_t(n), (*C.float)(&l.allowed[0]))
	for i := range n {
		allowed := 1.0
		if p := float64(l.allowed[i]); p > l.ceiling {
			allowed = l.ceiling / p
		}
		least := l.slide(allowed)
		l.held = min(least, l.held+(1-l.held)*l.release)
		b := int(l.frame % lookFrames)
		l.boxSum += l.held - l.box[b]
		l.box[b] = l.held
		if b == 0 {
			// Summed anew: a running sum would keep its rounding for the show.
			l.boxSum = 0
			for _, v := range l.box {
				l.boxSum += v
			}
		}
		gain := min(l.boxSum/lookFrames, 1)
		left, right := &l.line[2*l.at], &l.line[2*l.at+1]
		part[2*i], *left = float32(gain)**left, part[2*i]
		part[2*i+1], *right = float32(gain)**right, part[2*i+1]
		if l.at++; l.at == levelDelay {
			l.at = 0
		}
		l.frame++
	}
}

// slide takes the next frame's gain and returns the least of the last lookFrames+1.
func (l *Leveller) slide(gain float64) float64 {
	size := len(l.least)
	prev := func(i int) int { return (i + size - 1) % size }
	for l.in != l.front && l.least[prev(l.in)].gain >= gain {
		l.in = prev(l.in)
	}
	l.least[l.in] = leastGain{l.frame, gain}
	l.in = (l.in + 1) % size
	if l.least[l.front].frame < l.frame-lookFrames {
		l.front = (l.front + 1) % size
	}
	return l.least[l.front].gain
}
