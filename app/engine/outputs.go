package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// stopWithin is how long an orderly end may take before it is cut short, and
// abandonAfter how long an output may then go on before it is left behind:
// together every stop is over within 5 s.
const (
	stopWithin   = 2 * time.Second
	abandonAfter = 2500 * time.Millisecond
)

// audioBitrate of Opus, which the rendition's AAC setting does not speak for.
const opusBitrateBPS = 128_000

// runners is the set of encodes that the tick feeds: replaced as a whole.
type runners struct {
	video []*videoRunner
	audio []*audioRunner
}

// deliveries owns the encodes and the destinations. Its lock is held for list
// work only, never while something opens or closes; opening and closing of
// encoders is serialised by opens.
type deliveries struct {
	e      *Engine
	active atomic.Pointer[runners]
	// delivering is held while a tick feeds the encodes of active, for microseconds on
	// the real clock; see settle.
	delivering sync.Mutex
	opening    atomic.Bool // open synchronously: studio time has not begun
	wg         sync.WaitGroup

	opens sync.Mutex // serialises acquire and release
	video map[string]*videoRunner
	audio map[string]*audioRunner
	links map[string]*link

	mu   sync.Mutex
	dest map[string]*delivery // guarded by mu; running ones, and ended ones until started again
}

// link is a stream with the names of its encodes and how many use it.
type link struct {
	key, videoKey string
	audioKeys     []string // by sound track
	stream        *stream
	video         *videoRunner
	users         int
}

// delivery is one started destination or recording. It is its output's Feed.
type delivery struct {
	d         *deliveries
	def       scenes.Destination
	recording bool
	begins    outputs.Mark   // what is on programme at its start
	sound     []scenes.Track // its sound tracks; of an empty bus, the rendition's
	kind      outputs.Kind
	queue     *media.PacketQueue
	cancel    context.CancelFunc
	ended     chan struct{}
	counters  outputs.Counters
	link      atomic.Pointer[link]
	stopping  atomic.Bool // the operator has stopped it; it is finishing

	mu        sync.Mutex
	report    outputs.Report // guarded by mu
	out       outputs.Output // guarded by mu; nil until it has been made
	paused    bool           // guarded by mu; a recording that was told to pause
	problem   string         // guarded by mu
	confirmed time.Duration  // guarded by mu; since when, studio time
	running   bool           // guarded by mu
	sampled   time.Duration  // guarded by mu; of the bitrate
	sampledAt int64          // guarded by mu
	bitrate   int64          // guarded by mu
	dropped   int64          // guarded by mu; by outputs of earlier connections
}

func newDeliveries(e *Engine) *deliveries {
	d := &deliveries{e: e, video: map[string]*videoRunner{}, audio: map[string]*audioRunner{}, links: map[string]*link{}, dest: map[string]*delivery{}}
	d.active.Store(&runners{})
	return d
}

// deliver gives the tick's picture and its sound, so many samples of each bus, to every
// encode. Of the tick goroutine.
func (d *deliveries) deliver(tick, firstSample int64, f *media.Frame, samples int) {
	d.delivering.Lock()
	defer d.delivering.Unlock()
	r := d.active.Load()
	wait := d.e.clock.Virtual()
	for _, v := range r.video {
		v.offer(f, tick, wait)
	}
	for _, a := range r.audio {
		a.offer(d.e.desk.samples(a.bus, samples), firstSample, wait)
	}
}

// goLive starts the named destinations, or all enabled ones.
func (d *deliveries) goLive(ids []string) error {
	show := d.e.show
	if len(ids) == 0 {
		for _, v := range show.Destinations {
			if v.Enabled {
				ids = append(ids, v.ID)
			}
		}
		if len(ids) == 0 {
			return errors.New("there is no destination to go live to: add one, or enable one")
		}
	}
	defs := make([]scenes.Destination, 0, len(ids))
	for _, id := range ids {
		v, ok := show.Destination(id)
		if !ok {
			return fmt.Errorf("there is no destination %q", id)
		}
		defs = append(defs, v)
	}
	for _, v := range defs {
		d.start(v, []scenes.Track{{Bus: v.Bus}}, false)
	}
	return nil
}

// startRecording starts the named recordings, or all.
func (d *deliveries) startRecording(ids []string) error {
	show := d.e.show
	if len(ids) == 0 {
		for _, v := range show.Recordings {
			ids = append(ids, v.ID)
		}
		if len(ids) == 0 {
			return errors.New("the show has no recording: add one")
		}
	}
	defs := make([]scenes.Recording, 0, len(ids))
	for _, id := range ids {
		v, ok := show.Recording(id)
		if !ok {
			return fmt.Errorf("there is no recording %q", id)
		}
		defs = append(defs, v)
	}
	for _, v := range defs {
		sound := v.Tracks
		if len(sound) == 0 {
			sound = []scenes.Track{{}}
		}
		d.start(scenes.Destination{ID: v.ID, Name: v.Name, Kind: scenes.RecordingKind, Rendition: v.Rendition, Settings: v.Settings, Enabled: true}, sound, true)
	}
	return nil
}

// stop ends the named running destinations (or recordings), or all of them. It does
// not wait.
func (d *deliveries) stop(ids []string, recordings bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if v := d.dest[id]; v == nil || v.recording != recordings {
			return fmt.Errorf("%q has not been started", id)
		}
	}
	for id, v := range d.dest {
		if v.recording == recordings && (len(ids) == 0 || slices.Contains(ids, id)) {
			v.stop()
		}
	}
	return nil
}

// reconcile stops what is no longer in the show; what has changed goes on as it was
// started until it is stopped.
func (d *deliveries) reconcile(show *scenes.Show) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, v := range d.dest {
		_, dest := show.Destination(id)
		_, rec := show.Recording(id)
		if !dest && !rec {
			v.stop()
			delete(d.dest, id)
		}
	}
}

// runningOutside names a running destination or recording that show does not have; "" is none.
func (d *deliveries) runningOutside(show *scenes.Show) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, v := range d.dest {
		_, dest := show.Destination(id)
		_, rec := show.Recording(id)
		if !dest && !rec && v.isRunning() {
			return v.def.Name
		}
	}
	return ""
}

// start begins a delivery unless it is running.
func (d *deliveries) start(def scenes.Destination, sound []scenes.Track, recording bool) {
	d.mu.Lock()
	var before <-chan struct{}
	if v := d.dest[def.ID]; v != nil && v.isRunning() {
		if !v.stopping.Load() {
			d.mu.Unlock()
			return
		}
		before = v.ended // the old connection goes first
	}
	d.e.warn.clear("output " + def.ID)
	d.e.warn.clear("survived " + def.ID)
	// The end of the studio is an orderly one too: close says when it has lasted long enough.
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.e.ctx))
	v := &delivery{d: d, def: def, sound: sound, recording: recording, cancel: cancel, ended: make(chan struct{}), running: true}
	v.report.State = outputs.Connecting
	v.begins = d.e.cutMark()
	d.dest[def.ID] = v
	d.wg.Add(1)
	d.mu.Unlock()
	show := d.e.show
	if before == nil && (d.opening.Load() || d.e.clock.Virtual()) {
		out, err := v.open(show)
		go v.run(ctx, out, err)
		return
	}
	go func() {
		if before != nil {
			<-before
		}
		out, err := v.open(show)
		v.run(ctx, out, err)
	}()
}

// open makes the output and joins its encodes.
func (v *delivery) open(show *scenes.Show) (outputs.Output, error) {
	e := v.d.e
	kind, ok := e.opt.OutputKinds[v.def.Kind]
	if !ok {
		return nil, &unknownKindError{v.def.Kind}
	}
	v.kind = kind
	opt := outputs.Options{BaseDir: e.opt.BaseDir, UserAgent: e.opt.UserAgent}
	if v.recording {
		opt.BaseDir = e.opt.RecordDir
		opt.Files = func(f outputs.FileEvent) { e.keeper.file(v.def.ID, v.def.Kind, f) }
	}
	if v.def.Credential != "" && e.opt.Secret != nil {
		secret, err := e.opt.Secret(v.def.Credential)
		if err != nil {
			return nil, fmt.Errorf("the credential %q cannot be read: %w", v.def.Credential, err)
		}
		opt.Secret = secret
	}
	out, err := kind.New(v.def.Settings, opt)
	if err != nil {
		return nil, err
	}
	limits := media.LiveLimits
	if kind.Recording {
		limits = media.RecordLimits
	}
	queue := media.NewPacketQueue(limits, true)
	l, err := v.d.acquire(show, v.def.Rendition, v.sound, kind, queue)
	if err != nil {
		return nil, err
	}
	if c, ok := out.(outputs.Chapterer); ok {
		c.Mark(v.begins)
	}
	v.link.Store(l)
	v.mu.Lock()
	v.queue, v.out = queue, out
	v.mu.Unlock()
	return out, nil
}

// run delivers until stopped, and says how it went.
func (v *delivery) run(ctx context.Context, out outputs.Output, err error) {
	defer v.d.wg.Done()
	defer close(v.ended)
	defer v.cancel()
	key := "output " + v.def.ID
	if err == nil {
		policy := supervise.Default()
		policy.StopWithin = abandonAfter
		err = outputs.Supervise(ctx, outputs.SuperviseOptions{Output: out, Feed: v, Log: v.d.e.log, Name: v.def.ID, Policy: policy, Counters: &v.counters})
		v.d.release(v.link.Load(), v.queue)
	} else {
		v.Report(outputs.Report{State: outputs.Failed, Detail: err.Error()})
	}
	v.mu.Lock()
	v.running = false
	failed := err != nil && ctx.Err() == nil
	if !failed {
		v.report.State = outputs.Idle
		v.problem = ""
	}
	v.mu.Unlock()
	if failed {
		v.d.e.warn.set(key, fmt.Sprintf("%s has stopped: %s. Everything else goes on; change it, then start it again.", v.def.Name, err), v.d.e.state.Load().Tick)
	} else {
		v.d.e.warn.clear(key)
	}
}

func (v *delivery) isRunning() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.running
}

// stop lets the output send everything up to this tick and finish; after
// stopWithin it is cut short. It does not wait.
func (v *delivery) stop() {
	if v.stopping.Swap(true) {
		return
	}
	v.mu.Lock()
	q, state := v.queue, v.report.State
	v.mu.Unlock()
	if q == nil || state == outputs.Waiting { // still opening, or between two tries: nothing to finish
		v.cancel()
		return
	}
	l := v.link.Load()
	if l == nil {
		v.cancel()
		return
	}
	l.stream.finish(q, media.TickTime(v.d.e.tick, v.d.e.fps))
	v.cancelAfter(stopWithin)
}

// cancelAfter cuts the output short unless it ends within limit.
func (v *delivery) cancelAfter(limit time.Duration) {
	timer := time.AfterFunc(limit, v.cancel)
	go func() {
		<-v.ended
		timer.Stop()
	}()
}

// Tracks implements outputs.Feed.
func (v *delivery) Tracks() []media.Track { return v.link.Load().stream.tracks }

// Next implements outputs.Feed.
func (v *delivery) Next(ctx context.Context) (*media.Packet, error) { return v.queue.Next(ctx) }

// Queued implements outputs.Feed.
func (v *delivery) Queued() time.Duration { return v.queue.Stats().Depth }

// RequestKeyframe implements outputs.Feed.
func (v *delivery) RequestKeyframe() {
	if l := v.link.Load(); l != nil {
		l.video.requestKeyframe()
	}
}

// Reset implements outputs.Resetter.
func (v *delivery) Reset() { v.queue.Reset() }

// Report implements outputs.Feed.
func (v *delivery) Report(r outputs.Report) {
	now := v.d.e.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.SentBytes < v.report.SentBytes { // a new connection
		v.dropped += v.report.DroppedPackets
		v.sampledAt, v.sampled = 0, now
	}
	switch r.State {
	case outputs.Confirmed:
		if v.report.State != outputs.Confirmed && v.report.State != outputs.Degraded {
			v.confirmed = now
		}
		v.problem = ""
	case outputs.Waiting, outputs.Failed:
		v.problem = r.Detail
	}
	if r.Warning != "" && r.Warning != v.report.Warning {
		v.d.e.warn.set("survived "+v.def.ID, fmt.Sprintf("%s: %s.", v.def.Name, r.Warning), v.d.e.state.Load().Tick)
	}
	v.report = r
	if now-v.sampled >= time.Second {
		v.bitrate = (r.SentBytes - v.sampledAt) * 8 * int64(time.Second) / int64(now-v.sampled)
		v.sampledAt, v.sampled = r.SentBytes, now
	}
}

func (v *delivery) state(now time.Duration) DestinationState {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := DestinationState{
		ID: v.def.ID, Name: v.def.Name, Kind: v.def.Kind, Rendition: v.def.Rendition, Started: v.running && !v.stopping.Load(),
		Report: v.report, Problem: v.problem, BitrateBPS: v.bitrate, Dropped: v.dropped + v.report.DroppedPackets,
		Reconnects: max(v.counters.Tries.Load()-1, 0),
	}
	if v.stopping.Load() && v.report.State != outputs.Failed {
		s.Problem = "" // nobody waits for it any more
	}
	if v.queue != nil {
		q := v.queue.Stats()
		s.Queue = q.Depth
		s.Dropped += q.Dropped
	}
	if v.recording {
		s.Recording = v.d.e.keeper.state(v.def.ID)
	}
	if v.report.State == outputs.Confirmed || v.report.State == outputs.Degraded {
		s.Uptime = now - v.confirmed
	}
	return s
}

// close stops every delivery in order and waits, at most 5 s.
func (d *deliveries) close() {
	d.mu.Lock()
	for _, v := range d.dest {
		v.stopAtEnd()
	}
	d.mu.Unlock()
	d.drain()
	d.wg.Wait()
}

// stopAtEnd is stop for the end of the show: what the encoders still hold is sent too.
func (v *delivery) stopAtEnd() {
	v.stopping.Store(true)
	v.mu.Lock()
	q, running := v.queue, v.running
	v.mu.Unlock()
	if !running {
		return
	}
	if q == nil {
		v.cancel()
		return
	}
	limit := stopWithin
	if v.d.e.clock.Virtual() {
		limit = time.Minute // nobody is waiting in real time
	}
	v.cancelAfter(limit)
}

// drainWithin is how long the encoders may take for what they still hold.
const drainWithin = 1500 * time.Millisecond

// drain ends all encodes: their last packets go out, then every queue is closed.
func (d *deliveries) drain() {
	d.opens.Lock()
	defer d.opens.Unlock()
	d.active.Store(&runners{})
	for _, v := range d.video {
		hurry := time.AfterFunc(drainWithin, func() { v.hurry.Store(!d.e.clock.Virtual()) })
		v.close()
		hurry.Stop()
	}
	for _, a := range d.audio {
		a.close()
	}
	for _, l := range d.links {
		l.stream.end()
	}
	clear(d.video)
	clear(d.audio)
}

// list is every destination and recording of the show, started or not.
func (d *deliveries) list(show *scenes.Show, now time.Duration) (destinations, recordings []DestinationState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := func(id, name, kind, rendition string) DestinationState {
		if v := d.dest[id]; v != nil {
			s := v.state(now)
			s.Name = name
			return s
		}
		return DestinationState{ID: id, Name: name, Kind: kind, Rendition: rendition, Report: outputs.Report{State: outputs.Idle}}
	}
	for _, v := range show.Destinations {
		destinations = append(destinations, one(v.ID, v.Name, v.Kind, v.Rendition))
	}
	for _, v := range show.Recordings {
		recordings = append(recordings, one(v.ID, v.Name, scenes.RecordingKind, v.Rendition))
	}
	return destinations, recordings
}
