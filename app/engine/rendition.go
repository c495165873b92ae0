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

// PictureDepth is how many pictures of a rendition may wait for its encoder, whatever their rate: half a
// second at 30 fps, a quarter at 60. On the real clock a picture that finds it full is dropped before
// encoding and counted. On the virtual one the tick waits, and not for long: the fewer wait, the more of
// a picture is in the caches when it is encoded.
const PictureDepth, virtualDepth = 15, 2

type pictureJob struct {
	frame  *media.Frame
	number int64         // of the rendition: the tick, divided
	key    bool          // a keyframe, whatever the cadence
	age    time.Duration // of a live picture in it; negative: none
}

// agesKept is for how many pictures it is remembered how old they were: more than any encoder
// keeps back.
const agesKept = 256

// videoRunner is one video encode: one goroutine, one encoder, any number of
// streams that carry its packets.
type videoRunner struct {
	id      string
	source  string // of an ISO recording: what it encodes; empty: the programme
	divisor int64  // every so many ticks there is a picture
	gop     int64  // in pictures
	clock   media.Clock
	log     *slog.Logger
	encoder pictureEncoder                 // of the goroutine
	using   atomic.Pointer[string]         // its name
	reopen  func() (pictureEncoder, error) // a software encoder in the place of a failed one; nil once used
	took    func(name string, err error)   // told of that
	// another opens the software encoder in use once more, for another bitrate, in b/s.
	another func(bps int) (pictureEncoder, error)
	track   media.Track
	jobs    chan pictureJob
	done    chan struct{}
	onError func(error)

	pending   atomic.Int64 // pictures offered whose packets have not been handed on
	hurry     atomic.Bool  // what is queued is not encoded any more
	keyframe  atomic.Bool  // asked for, and none has left the encoder since
	askedAt   int64        // the picture that became one last because that was asked for; -1: none has been made; of the goroutine
	forceNext atomic.Bool  // the next picture that is offered becomes a keyframe
	offered   atomic.Bool  // pictures have been
	newest    uint64       // the picture offered last; of the tick goroutine

	frames, dropped, bytes atomic.Int64
	packets                atomic.Int64 // that have left the encoder
	busy                   atomic.Int64 // nanoseconds spent encoding
	recent                 encodeRate   // of the tick goroutine
	delay                  histogram    // from a tick's time to its packet
	before                 histogram    // from a live picture's time stamp to the encoder's taking it
	through                histogram    // from there to its packet as well

	ages [agesKept]time.Duration // by number; of the goroutine

	wanted atomic.Int64 // b/s that the encoder is to aim at
	aimed  int64        // what it was told last; of the goroutine
	fixed  atomic.Bool  // it cannot change its bitrate
	swaps  bool         // it changes it by making way for another; of the goroutine
	swapAt int64        // the picture of the last swap or try; of the goroutine
	// stuck is told why the encoder stays below the rendition's bitrate, and that it does
	// not any more (nil).
	stuck func(aimed int64, why error)

	// The other encoder is opened, and the one before it emptied, while pictures are encoded:
	// for half a second there would be no room for them (x265, 1080p: 0.6 s).
	aside   sync.WaitGroup
	next    chan openedEncoder
	opening bool                // it will be in next; of the goroutine
	flushed chan flushedEncoder // nil: none is being emptied; of the goroutine
	held    []*media.Packet     // they go out after those; of the goroutine

	mu      sync.Mutex
	coded   media.Track       // guarded by mu; track, with the data for decoders of the encoder in use
	streams []place           // guarded by mu
	users   map[*delivery]int // guarded by mu; how often each takes part
}

// pictureEncoder is what a videoRunner needs of av.VideoEncoder, whose methods these are.
type pictureEncoder interface {
	Track() media.Track
	Name() string
	Note() string
	Encode(f *media.Frame, pts int64, forceKey bool) ([]*media.Packet, error)
	SetBitrate(bps int) error
	Flush() ([]*media.Packet, error)
	Close()
}

// openEncoder is the usual Engine.openEncoder.
func openEncoder(opt av.VideoEncoderOptions) (pictureEncoder, error) {
	e, err := av.NewVideoEncoder(opt)
	if err != nil {
		return nil, err // a nil *av.VideoEncoder would not be a nil pictureEncoder
	}
	return e, nil
}

// openVideo opens a rendition's encoder and starts its goroutine.
func openVideo(r scenes.Rendition, e *Engine, noBFrames bool, onError func(error)) (*videoRunner, error) {
	divisor := int64(max(r.Video.FrameDivisor, 1))
	fps := r.Video.FPS(e.fps)
	gop := max(media.UnitsIn(time.Duration(r.Video.KeyframeSeconds*float64(time.Second)), fps.Inv()), 1)
	opt := av.VideoEncoderOptions{
		Encoder: r.Video.Encoder, Codec: media.Codec(r.Video.Codec), Width: r.Video.Width, Height: r.Video.Height,
		FPS: fps, BitrateBPS: r.Video.BitrateKbps * 1000, GOP: int(gop), Preset: r.Video.Preset, BFrames: -1,
		Color: e.color, Format: media.I420, Repeatable: e.clock.Virtual(),
	}
	if noBFrames {
		opt.BFrames = 0
	}
	enc, err := e.openEncoder(opt)
	if err != nil {
		return nil, err
	}
	depth := PictureDepth
	if e.clock.Virtual() {
		depth = virtualDepth
	}
	v := &videoRunner{
		id: r.ID, divisor: divisor, gop: gop, clock: e.clock, log: e.log, encoder: enc, track: enc.Track(),
		jobs: make(chan pictureJob, depth), done: make(chan struct{}), onError: onError, users: map[*delivery]int{},
		next: make(chan openedEncoder, 1), recent: encodeRate{at: e.clock.Now()},
	}
	v.coded = v.track
	v.use(enc)
	v.stuck = func(aimed int64, why error) {
		if why == nil {
			e.warn.clear("bitrate " + r.ID)
			return
		}
		e.warn.set("bitrate "+r.ID, fmt.Sprintf("Rendition %q stays at %d of its %d kb/s: its encoder could not be opened for more (%v). That is tried again; if it stays so, restart its destinations.", r.ID, aimed/1000, v.track.BitrateBPS/1000, why), e.state.Load().Tick)
	}
	v.wanted.Store(int64(v.track.BitrateBPS))
	v.aimed, v.swapAt, v.askedAt = v.wanted.Load(), -1, -1
	v.another = func(bps int) (pictureEncoder, error) {
		opt := opt
		opt.Encoder, opt.BitrateBPS = v.name(), bps
		return e.openEncoder(opt)
	}
	if name := enc.Name(); av.IsHardware(name) {
		v.reopen = func() (pictureEncoder, error) {
			opt.Encoder = av.SoftwareEncoder(v.track.Codec)
			opt.BFrames = 0 // so that decoding times go on from wherever the other was
			return e.openEncoder(opt)
		}
		v.took = func(with string, cause error) {
			e.warn.set("encoder "+r.ID, fmt.Sprintf("The encoder %s of rendition %q has failed (%v): %s has taken over with a keyframe. It needs the processor; restart the destinations to try %s again.", name, r.ID, cause, with, name), e.state.Load().Tick)
			e.log.Error("encoder replaced", "rendition", r.ID, "from", name, "to", with, "reason", cause)
		}
	}
	if note := enc.Note(); note != "" && r.Video.Encoder == "auto" {
		e.log.Info("encoder chosen", "rendition", r.ID, "note", note)
	} else if note != "" {
		e.warn.set("encoder "+r.ID, fmt.Sprintf("Rendition %q: %s.", r.ID, note), e.state.Load().Tick)
	}
	go v.run()
	return v, nil
}

// offer hands a tick's picture over (borrowed), age as in deliver. With wait it blocks for
// room.
func (v *videoRunner) offer(f *media.Frame, tick int64, age time.Duration, wait bool) {
	if tick%v.divisor != 0 {
		return
	}
	v.offered.Store(true)
	j := pictureJob{f.Retain(), tick / v.divisor, v.forceNext.Swap(false), age}
	again := f.ID() == v.newest
	v.newest = f.ID()
	v.pending.Add(1)
	if wait {
		v.jobs <- j
		return
	}
	// A picture that was offered before makes way: behind a stall a row of them would fill the
	// queue, and what is new would find no room.
	room := v.jobs
	if again && !j.key && len(v.jobs) >= shortBacklog {
		room = nil
	}
	select {
	case room <- j:
	default:
		f.Release()
		v.dropped.Add(1)
		v.pending.Add(-1)
		if j.key {
			v.forceNext.Store(true)
		}
	}
}

// minForceGap is the least time between keyframes that destinations ask for, all of them
// together: each costs the pictures of everybody who shares the encode.
const minForceGap = time.Second

// requestKeyframe makes the next picture a keyframe, or where one was made for the asking less
// than minForceGap ago, the first after that, unless another comes before.
func (v *videoRunner) requestKeyframe() { v.keyframe.Store(true) }

// forced reports whether picture number has to be a keyframe that is not due. The first is one.
func (v *videoRunner) forced(number int64) bool {
	if v.askedAt >= 0 && (!v.keyframe.Load() || number-v.askedAt < media.UnitsIn(minForceGap, v.track.FPS.Inv())) {
		return false
	}
	v.askedAt = number
	return true
}

// beginFor makes the next picture a keyframe where user is a recording that joins an encode
// which goes on already, so that it does not begin up to a whole GOP later. from is the
// time of that picture on the virtual clock, where the recording begins with it; on the
// real clock, where it could be missed, a keyframe that is still in the encoder is welcome
// (0).
func (v *videoRunner) beginFor(user *delivery) (from time.Duration) {
	if !user.recording || !v.offered.Load() {
		return 0
	}
	v.forceNext.Store(true)
	if !v.clock.Virtual() {
		return 0
	}
	return user.begins.At
}

func (v *videoRunner) run() {
	defer close(v.done)
	defer func() { v.encoder.Close() }() // whichever it is by then
	for j := range v.jobs {
		if v.hurry.Load() {
			j.frame.Release()
			v.dropped.Add(1)
			v.pending.Add(-1)
			continue
		}
		// Keyframes fall on whole multiples of the GOP in studio time, whatever was
		// forced between them or dropped before: every rendition cuts at the same ticks.
		force := v.forced(j.number) || j.key || j.number%v.gop == 0
		if force {
			v.keyframe.Store(false)
		}
		start := time.Now()
		v.retune(j.number)
		v.ages[j.number%agesKept] = j.age
		if j.age >= 0 && !v.clock.Virtual() {
			v.before.add(j.age + v.clock.Now() - media.TickTime(j.number, v.track.FPS))
		}
		packets, err := v.encode(j.frame, j.number, force)
		v.busy.Add(int64(time.Since(start)))
		j.frame.Release()
		if err != nil {
			v.onError(err)
			v.pending.Add(-1)
			continue
		}
		v.frames.Add(1)
		v.hand(packets)
		v.pending.Add(-1)
	}
	packets, err := v.encoder.Flush()
	if err != nil {
		v.onError(err)
	}
	if v.flushed != nil {
		v.emptied(<-v.flushed)
	}
	v.send(packets)
	v.aside.Wait()
	if v.opening {
		if n := <-v.next; n.err == nil {
			n.Close()
		}
	}
	v.stuck(0, nil)
}

// encode is the encoder's Encode. When a hardware encoder fails, a software one is opened
// in its place and begins with this very picture, as a keyframe; what the failed one
// still held is lost.
func (v *videoRunner) encode(f *media.Frame, tick int64, force bool) ([]*media.Packet, error) {
	packets, err := v.encoder.Encode(f, tick, force)
	if err == nil || v.reopen == nil {
		return packets, err
	}
	again, oerr := v.reopen()
	v.reopen = nil
	if oerr != nil {
		return nil, fmt.Errorf("%w; and none could be opened in its place: %w", err, oerr)
	}
	v.encoder.Close()
	v.use(again)
	v.aimed = int64(v.track.BitrateBPS)
	v.fixed.Store(false)
	v.swaps, v.swapAt = false, -1
	v.stuck(0, nil)
	v.retune(tick)
	v.took(again.Name(), err)
	v.renew(again.Track())
	return again.Encode(f, tick, true)
}

// renew tells the streams of the encoder whose packets come next: files keep the data for
// decoders apart from the pictures.
func (v *videoRunner) renew(t media.Track) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.coded.Extradata = t.Extradata
	for _, s := range v.streams {
		s.stream.renew(t)
	}
}

// now is the track of the packets that come.
func (v *videoRunner) now() media.Track {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.coded
}

// use makes enc the encoder.
func (v *videoRunner) use(enc pictureEncoder) {
	name := enc.Name()
	v.encoder = enc
	v.using.Store(&name)
}

// name is the encoder's in use.
func (v *videoRunner) name() string { return *v.using.Load() }

func (v *videoRunner) send(packets []*media.Packet) {
	if len(packets) == 0 {
		return
	}
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range packets {
		p.Made = now
		if p.Keyframe {
			v.keyframe.Store(false) // who has asked gets this one; who asks from here on may have come too late for it
		}
		v.bytes.Add(int64(len(p.Data)))
		v.packets.Add(1)
		if !v.clock.Virtual() {
			v.delay.add(now - p.Time)
			if age := v.ages[media.UnitsIn(p.Time, v.track.FPS.Inv())%agesKept]; age >= 0 {
				v.through.add(age + now - p.Time)
			}
		}
		for _, s := range v.streams {
			s.stream.put(p, s.track)
		}
	}
}

// add and remove a stream; the packets of one stream all come after add, from the encoder that is
// in use then: it may be another than when the stream was made.
func (v *videoRunner) add(s *stream) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.begin(v.coded)
	v.streams = append(v.streams, place{s, 0})
}

func (v *videoRunner) remove(s *stream) { removeStream(&v.mu, &v.streams, s) }

// close lets the encoder finish what is queued and waits.
func (v *videoRunner) close() {
	close(v.jobs)
	<-v.done
}
