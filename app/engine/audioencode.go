package engine

import (
	"sync"
	"sync/atomic"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// soundDepth is how many blocks of sound may wait: more than four seconds. An
// audio encoder needs a hundredth of the time it has, so a full queue means
// that the machine has stopped.
const soundDepth = 128

type soundJob struct {
	samples []float32
	first   int64
}

// audioRunner is one audio encode of a bus.
type audioRunner struct {
	bus     string
	source  string // of an ISO recording: whose sound; empty: the bus's
	encoder *av.AudioEncoder
	track   media.Track
	clock   media.Clock
	jobs    chan soundJob
	free    chan []float32
	done    chan struct{}
	onError func(error)
	dropped atomic.Int64 // blocks that found jobs full; silence takes their place
	recent  encodeRate   // of the tick goroutine
	pending atomic.Int64 // blocks offered whose packets have not been handed on

	mu      sync.Mutex
	streams []place // guarded by mu
}

func openAudio(bus string, codec media.Codec, bitrateBPS int, e *Engine, onError func(error)) (*audioRunner, error) {
	enc, err := av.NewAudioEncoder(av.AudioEncoderOptions{Codec: codec, BitrateBPS: bitrateBPS})
	if err != nil {
		return nil, err
	}
	a := &audioRunner{
		bus: bus, encoder: enc, track: enc.Track(), clock: e.clock, jobs: make(chan soundJob, soundDepth),
		free: make(chan []float32, soundDepth), done: make(chan struct{}), onError: onError, recent: encodeRate{at: e.clock.Now()},
	}
	go a.run()
	return a, nil
}

// offer copies a block of the bus's sound. With wait it blocks for room.
func (a *audioRunner) offer(samples []float32, first int64, wait bool) {
	var buf []float32
	select {
	case buf = <-a.free:
	default:
	}
	j := soundJob{append(buf[:0], samples...), first}
	a.pending.Add(1)
	if wait {
		a.jobs <- j
		return
	}
	select {
	case a.jobs <- j:
	default:
		a.dropped.Add(1)
		a.pending.Add(-1)
	}
}

func (a *audioRunner) run() {
	defer close(a.done)
	defer a.encoder.Close()
	for j := range a.jobs {
		packets, err := a.encoder.Encode(j.samples, j.first)
		select {
		case a.free <- j.samples:
		default:
		}
		if err != nil {
			a.onError(err)
		}
		a.send(packets)
		a.pending.Add(-1)
	}
	packets, err := a.encoder.Flush()
	if err != nil {
		a.onError(err)
	}
	a.send(packets)
}

func (a *audioRunner) send(packets []*media.Packet) {
	if len(packets) == 0 {
		return
	}
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range packets {
		p.Made, p.Track, p.Audio = now, 1, true // as in most streams
		for _, s := range a.streams {
			s.stream.put(p, s.track)
		}
	}
}

// add makes the encode a track of s; it may be several.
func (a *audioRunner) add(s *stream, track int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.streams = append(a.streams, place{s, track})
}

func (a *audioRunner) remove(s *stream) { removeStream(&a.mu, &a.streams, s) }

func (a *audioRunner) close() {
	close(a.jobs)
	<-a.done
}
