package media

import (
	"sync/atomic"
	"time"
)

// The studio's audio format: every block between packages is 48 kHz, stereo,
// interleaved float32, full scale at +-1.
const (
	SampleRateHz = 48000
	Channels     = 2
)

// AudioBlock is a run of sound in the studio's format. Samples holds
// interleaved channels, so len(Samples)/Channels audio frames. The slice belongs
// to the sender: the receiver copies what it keeps before it returns.
type AudioBlock struct {
	Samples []float32
	PTS     time.Duration // of the first audio frame, on the producer's timeline
}

// Frames is the number of audio frames (one sample per channel) in b.
func (b AudioBlock) Frames() int { return len(b.Samples) / Channels }

// Duration is how long b lasts.
func (b AudioBlock) Duration() time.Duration {
	return TimeOf(int64(b.Frames()), Rational{1, SampleRateHz})
}

// SampleRing carries samples from one goroutine to one other without locks or
// allocation, so that either end may be an audio device's callback. A full ring
// refuses what does not fit (Overruns), an empty one gives silence (Underruns);
// both count samples.
type SampleRing struct {
	buf         []float32
	mask        uint64
	read, write atomic.Uint64
	over, under atomic.Int64
}

// NewSampleRing makes a ring for at least n samples (rounded up to a power of two).
func NewSampleRing(n int) *SampleRing {
	size := 1
	for size < n {
		size <<= 1
	}
	return &SampleRing{buf: make([]float32, size), mask: uint64(size - 1)}
}

// Write copies samples in and returns how many fitted.
func (r *SampleRing) Write(samples []float32) int {
	w := r.write.Load()
	n := min(len(samples), len(r.buf)-int(w-r.read.Load()))
	m := copy(r.buf[w&r.mask:], samples[:n])
	copy(r.buf, samples[m:n])
	r.write.Store(w + uint64(n))
	r.over.Add(int64(len(samples) - n))
	return n
}

// Read fills samples, with silence where the ring is empty, and returns how many
// were real.
func (r *SampleRing) Read(samples []float32) int {
	rd := r.read.Load()
	n := min(len(samples), int(r.write.Load()-rd))
	m := copy(samples[:n], r.buf[rd&r.mask:])
	copy(samples[m:n], r.buf)
	clear(samples[n:])
	r.read.Store(rd + uint64(n))
	r.under.Add(int64(len(samples) - n))
	return n
}

// Discard drops up to n of the oldest samples; for the reading goroutine.
func (r *SampleRing) Discard(n int) int {
	rd := r.read.Load()
	n = min(n, int(r.write.Load()-rd))
	r.read.Store(rd + uint64(n))
	return n
}

// Len is how many samples wait.
func (r *SampleRing) Len() int { return int(r.write.Load() - r.read.Load()) }

// Overruns and Underruns count samples refused and samples replaced by silence.
func (r *SampleRing) Overruns() int64 { return r.over.Load() }

// Underruns counts samples replaced by silence.
func (r *SampleRing) Underruns() int64 { return r.under.Load() }
