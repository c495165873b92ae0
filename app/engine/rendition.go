package engine

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// pictureDepth is how many pictures may wait for an encoder: half a second at 30
// fps. On the real clock a picture that finds it full is dropped before encoding
// and counted; on the virtual one the tick waits.
const pictureDepth = 15

// soundDepth is how many blocks of sound may wait: more than four seconds. An
// audio encoder needs a hundredth of the time it has, so a full queue means
// that the machine has stopped.
const soundDepth = 128

type pictureJob struct {
	frame *media.Frame
	tick  int64
	key   bool // a keyframe, whatever the cadence
}

// videoRunner is one video encode: one goroutine, one encoder, any number of
// streams that carry its packets.
type videoRunner struct {
	id      string
	gop     int64
	clock   media.Clock
	log     *slog.Logger
	encoder *av.VideoEncoder
	track   media.Track
	jobs    chan pictureJob
	done    chan struct{}
	onError func(error)

	hurry     atomic.Bool // what is queued is not encoded any more
	keyframe  atomic.Bool // forced at the next picture
	lastForce atomic.Int64
	forceNext atomic.Bool // the next picture that is offered becomes a keyframe

	frames, dropped, bytes atomic.Int64
	packets                atomic.Int64 // that have left the encoder
	busy                   atomic.Int64 // nanoseconds spent encoding
	delay                  histogram    // from a tick's time to its packet

	mu      sync.Mutex
	streams []place // guarded by mu
}

// openVideo opens a rendition's encoder and starts its goroutine.
func openVideo(r scenes.Rendition, e *Engine, noBFrames bool, onError func(error)) (*videoRunner, error) {
	fps := e.fps
	gop := max(media.UnitsIn(time.Duration(r.Video.KeyframeSeconds*float64(time.Second)), fps.Inv()), 1)
	opt := av.VideoEncoderOptions{
		Encoder: r.Video.Encoder, Codec: media.Codec(r.Video.Codec), Width: r.Video.Width, Height: r.Video.Height,
		FPS: fps, BitrateBPS: r.Video.BitrateKbps * 1000, GOP: int(gop), Preset: r.Video.Preset, BFrames: -1,
		Color: e.color, Format: media.I420, Repeatable: e.clock.Virtual(),
	}
	if noBFrames {
		opt.BFrames = 0
	}
	enc, err := av.NewVideoEncoder(opt)
	if err != nil {
		return nil, err
	}
	v := &videoRunner{
		id: r.ID, gop: gop, clock: e.clock, log: e.log, encoder: enc, track: enc.Track(),
		jobs: make(chan pictureJob, pictureDepth), done: make(chan struct{}), onError: onError,
	}
	if note := enc.Note(); note != "" && r.Video.Encoder == "auto" {
		e.log.Info("encoder chosen", "rendition", r.ID, "note", note)
	} else if note != "" {
		e.warn.set("encoder "+r.ID, fmt.Sprintf("Rendition %q: %s.", r.ID, note), e.state.Load().Tick)
	}
	go v.run()
	return v, nil
}

// offer hands a picture over (borrowed). With wait it blocks for room.
func (v *videoRunner) offer(f *media.Frame, tick int64, wait bool) {
	j := pictureJob{f.Retain(), tick, v.forceNext.Swap(false)}
	if wait {
		v.jobs <- j
		return
	}
	select {
	case v.jobs <- j:
	default:
		f.Release()
		v.dropped.Add(1)
		if j.key {
			v.forceNext.Store(true)
		}
	}
}

// minForceGap is the least time between keyframes that destinations ask for.
const minForceGap = 500 * time.Millisecond

// requestKeyframe makes the next picture a keyframe, at most every minForceGap.
func (v *videoRunner) requestKeyframe() {
	now := int64(v.clock.Now())
	last := v.lastForce.Load()
	if now-last < int64(minForceGap) || !v.lastForce.CompareAndSwap(last, now) {
		return
	}
	v.keyframe.Store(true)
}

func (v *videoRunner) run() {
	defer close(v.done)
	defer v.encoder.Close()
	for j := range v.jobs {
		if v.hurry.Load() {
			j.frame.Release()
			v.dropped.Add(1)
			continue
		}
		// Keyframes fall on whole multiples of the GOP in studio time, whatever was
		// forced between them or dropped before: every rendition cuts at the same ticks.
		force := j.tick%v.gop == 0 || j.key || v.keyframe.Swap(false)
		start := time.Now()
		packets, err := v.encoder.Encode(j.frame, j.tick, force)
		v.busy.Add(int64(time.Since(start)))
		j.frame.Release()
		if err != nil {
			v.onError(err)
			continue
		}
		v.frames.Add(1)
		v.send(packets)
	}
	packets, err := v.encoder.Flush()
	if err != nil {
		v.onError(err)
	}
	v.send(packets)
}

func (v *videoRunner) send(packets []*media.Packet) {
	if len(packets) == 0 {
		return
	}
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range packets {
		p.Made = now
		v.bytes.Add(int64(len(p.Data)))
		v.packets.Add(1)
		if !v.clock.Virtual() {
			v.delay.add(now - p.Time)
		}
		for _, s := range v.streams {
			s.stream.put(p, s.track)
		}
	}
}

// add and drop a stream; the packets of one stream all come after add.
func (v *videoRunner) add(s *stream) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.streams = append(v.streams, place{s, 0})
}

func (v *videoRunner) remove(s *stream) { removeStream(&v.mu, &v.streams, s) }

// close lets the encoder finish what is queued and waits.
func (v *videoRunner) close() {
	close(v.jobs)
	<-v.done
}

type soundJob struct {
	samples []float32
	first   int64
}

// audioRunner is one audio encode of a bus.
type audioRunner struct {
	bus     string
	encoder *av.AudioEncoder
	track   media.Track
	clock   media.Clock
	jobs    chan soundJob
	free    chan []float32
	done    chan struct{}
	onError func(error)
	dropped atomic.Int64

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
		free: make(chan []float32, soundDepth), done: make(chan struct{}), onError: onError,
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
	if wait {
		a.jobs <- j
		return
	}
	select {
	case a.jobs <- j:
	default:
		a.dropped.Add(1)
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
			continue
		}
		a.send(packets)
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
