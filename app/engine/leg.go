package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// leg is one ingest of a delivery, most have one: an output, its place on a stream, and
// what is known of its connection. It is its output's Feed.
type leg struct {
	v      *delivery
	index  int
	name   string
	def    scenes.Ingest
	kind   outputs.Kind
	out    outputs.Output
	link   *link      // nil: it cannot be sent to
	delay  *delayLine // nil: none
	limits media.QueueLimits
	layers []*layer     // further renditions that are sent along; made by join, under mu
	show   *scenes.Show // as it was then
	look   *secretLook  // for its key; nil: it has none

	counters outputs.Counters
	queue    atomic.Pointer[media.PacketQueue]
	own      atomic.Bool // the output steers the bitrate itself, on this connection

	mu        sync.Mutex
	begun     bool           // guarded by mu; the queue is on its stream
	report    outputs.Report // guarded by mu
	problem   string         // guarded by mu
	warned    bool           // guarded by mu; of something survived
	confirmed time.Duration  // guarded by mu; since when, studio time
	sampled   time.Duration  // guarded by mu; of the bitrate
	sampledAt int64          // guarded by mu
	bitrate   int64          // guarded by mu
	dropped   int64          // guarded by mu; by outputs and queues of earlier connections

	steer      sync.Mutex
	congestion *outputs.Congestion // guarded by steer
	soundBPS   int
}

// refused is the output of an ingest that cannot be sent to.
type refused struct{ err error }

// Run implements outputs.Output.
func (r refused) Run(context.Context, outputs.Feed) error { return outputs.Permanent(r.err) }

// open makes the leg's output.
func (l *leg) open(ctx context.Context, show *scenes.Show) (err error) {
	e := l.v.d.e
	kind, ok := e.opt.OutputKinds[l.def.Kind]
	if !ok {
		return &unknownKindError{l.def.Kind}
	}
	l.kind = kind
	opt := outputs.Options{BaseDir: e.opt.BaseDir, UserAgent: e.opt.UserAgent}
	if l.v.recording {
		opt.BaseDir = e.opt.RecordDir
		opt.Files = func(f outputs.FileEvent) {
			if !f.Begun && f.Left == nil {
				e.keeper.file(l.v.def.ID, l.def.Kind, f)
			}
			l.v.note(f)
			l.v.follow(f)
		}
	}
	if opt.Secret, err = l.secret(ctx); err != nil {
		return err
	}
	out, err := kind.New(l.def.Settings, opt)
	if err != nil {
		return err
	}
	if c, ok := out.(outputs.Chapterer); ok {
		c.Mark(l.v.begins)
	}
	l.out = out
	if l.v.ring != nil {
		l.out = l.v.ring
	}
	if l.v.iso != nil {
		if err := l.v.iso.makeFolder(ctx, opt.BaseDir, l.def.Settings); err != nil {
			return err
		}
		l.v.iso.learnSize(show.Canvas, l.v.d.isoWait(l.v.iso.in))
		l.v.iso.sounds = l.v.ring == nil && l.v.iso.in.soundOnly()
	}
	l.limits = media.LiveLimits
	if kind.Recording {
		l.limits = media.RecordLimits
	}
	return nil
}

// sound is the tracks that its kind carries: all, or the first, which is said.
func (l *leg) sound() []scenes.Track {
	sound := l.v.sent(l.kind)
	if len(sound) < len(l.v.sound) {
		l.v.d.e.warn.set("tracks "+l.v.def.ID, fmt.Sprintf("%s: %s does not carry %d tracks of sound, so only %s is sent.",
			l.v.def.Name, l.kind.Title, len(l.v.sound), sound[0].Name), l.v.d.e.state.Load().Tick)
	}
	return sound
}

// join takes part in the encodes that the leg needs. With at once, its queue gets their
// very first packet.
func (l *leg) join(show *scenes.Show, atOnce bool) error {
	layers, err := simulcast(show, l.v.def, l.kind, l.index > 0)
	if err != nil {
		return err
	}
	var on sink
	var queue *media.PacketQueue
	if atOnce {
		queue = media.NewPacketQueue(l.limits, !l.v.sounds())
		on = queue
	}
	k, err := l.v.d.copyOrNot(l.v, on)
	switch {
	case k != nil || err != nil:
	case l.v.sounds():
		k, err = l.v.d.acquireSound(show, l.v, l.kind, on)
	default:
		k, err = l.v.d.acquire(show, l.v, l.v.def.Rendition, l.sound(), l.kind, on)
	}
	if err != nil {
		return err
	}
	l.link = k
	if queue != nil {
		l.queue.Store(queue)
		l.mu.Lock()
		l.begun = true
		l.mu.Unlock()
	}
	if k.video == nil {
		return nil // nothing to steer
	}
	for _, t := range k.stream.now()[1:] {
		l.soundBPS += t.BitrateBPS
	}
	l.congestion = outputs.NewCongestion(k.video.track.BitrateBPS, l.soundBPS)
	if err := l.joinLayers(show, layers, atOnce); err != nil {
		if queue != nil {
			k.stream.detach(queue)
		}
		return err
	}
	return nil
}

// Output implements outputs.Ingest.
func (l *leg) Output() outputs.Output { return l.out }

// Begin implements outputs.Ingest.
func (l *leg) Begin() {
	l.mu.Lock()
	begun := l.begun
	l.begun = true
	l.mu.Unlock()
	if begun || l.link == nil {
		return
	}
	l.beginLayers()
	queue := media.NewPacketQueue(l.limits, !l.v.sounds())
	l.queue.Store(queue)
	if l.delay != nil {
		l.delay.attach(queue)
	} else {
		l.link.stream.attach(queue)
		l.RequestKeyframe()
	}
	if l.v.stopping.Load() {
		queue.Close()
	}
}

// Finish implements outputs.Ingest.
func (l *leg) Finish() {
	if q := l.queue.Load(); q != nil {
		q.Close()
	}
	l.eachQueue(func(_ *layer, q *media.PacketQueue) { q.Close() })
}

// End implements outputs.Ingest.
func (l *leg) End() {
	q := l.queue.Load()
	if q == nil || l.link == nil {
		return
	}
	l.link.stream.detach(q)
	l.endLayers()
	if l.delay != nil {
		l.delay.detach(q)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun {
		l.begun = false
		if len(l.v.legs) > 1 { // another queue comes with the next Begin
			l.dropped += q.Stats().Dropped
			l.queue.CompareAndSwap(q, nil)
		}
	}
}

// finish closes the queue when everything up to studio time until is in it; what a delay
// still holds is not waited for.
func (l *leg) finish(until time.Duration) {
	q := l.queue.Load()
	switch {
	case q == nil || l.link == nil:
	case l.delay != nil:
		q.Close()
	default:
		l.link.stream.finish(q, until)
	}
	l.eachQueue(func(y *layer, q *media.PacketQueue) {
		if k := y.encode(); k != nil {
			k.stream.finish(q, until)
		} else {
			q.Close()
		}
	})
}

// Tracks implements outputs.Feed.
func (l *leg) Tracks() []media.Track { return l.link.stream.now() }

// Next implements outputs.Feed.
func (l *leg) Next(ctx context.Context) (*media.Packet, error) {
	q := l.queue.Load()
	if q == nil {
		return nil, errors.New("the feed has ended")
	}
	return q.Next(ctx)
}

// Queued implements outputs.Feed.
func (l *leg) Queued() time.Duration {
	if q := l.queue.Load(); q != nil {
		return q.Stats().Depth
	}
	return 0
}

// RequestKeyframe implements outputs.Feed. Behind a delay it would come much too late.
func (l *leg) RequestKeyframe() {
	if l.delay == nil && l.link != nil && l.link.video != nil {
		l.link.video.requestKeyframe()
	}
}

// Reset implements outputs.Resetter.
func (l *leg) Reset() {
	if q := l.queue.Load(); q != nil {
		q.Reset()
	}
	l.eachQueue(func(_ *layer, q *media.PacketQueue) { q.Reset() })
	l.own.Store(false)
}

// SetBitrate implements outputs.BitrateSetter.
func (l *leg) SetBitrate(bps int) {
	if !l.steers() {
		return
	}
	l.own.Store(true)
	l.setBitrate(bps)
}

// steers: its encoder may follow the network. A render's would follow the speed of the
// machine, and come out differently each time.
func (l *leg) steers() bool { return !l.v.def.FixedBitrate && !l.v.d.e.clock.Virtual() }

func (l *leg) setBitrate(bps int) {
	if l.link != nil && l.link.video != nil && l.v.isActive(l.index) {
		l.link.video.follow(l.v, bps)
	}
}

// letGo gives the encoder back its bitrate and forgets what was measured: what narrowed the
// way to one ingest says nothing of the way to another.
func (l *leg) letGo() {
	if l.link == nil || l.link.video == nil {
		return
	}
	target := l.link.video.track.BitrateBPS
	l.link.video.follow(l.v, target)
	for _, y := range l.layers {
		if k := y.encode(); k != nil {
			k.video.follow(l.v, k.video.track.BitrateBPS)
		}
	}
	l.steer.Lock()
	defer l.steer.Unlock()
	l.congestion = outputs.NewCongestion(target, l.soundBPS)
}

// Watch implements outputs.ProgressWatcher: the bitrate follows the queue.
func (l *leg) Watch(p outputs.Progress) {
	if l.v.recording || l.delay != nil || l.own.Load() || !l.steers() || !l.v.isActive(l.index) {
		return
	}
	l.steer.Lock()
	l.congestion.Agree(int(l.link.video.aim())) // not what was said last where others use the encode
	bps, changed := l.congestion.Step(time.Now(), l.Queued(), p)
	l.steer.Unlock()
	if changed {
		l.setBitrate(bps)
	}
}

// Report implements outputs.Feed.
func (l *leg) Report(r outputs.Report) {
	now := l.v.d.e.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.SentBytes < l.report.SentBytes { // a new connection
		l.dropped += l.report.DroppedPackets
		l.sampledAt, l.sampled = 0, now
	}
	switch {
	case r.Works():
		if !l.report.Works() && l.report.State != outputs.Degraded {
			l.confirmed = now
		}
		l.problem = ""
		if l.warned && r.Warning == "" && !l.v.recording { // what an earlier connection could not is over with it
			l.warned = false
			l.v.d.e.warn.clear("survived " + l.v.def.ID)
		}
	case r.State == outputs.Waiting, r.State == outputs.Failed:
		l.problem = l.v.said(r.Detail)
	default: // it is tried: why it was lost still counts, when it is tried again does not
		l.problem = reasonOf(l.problem)
	}
	if r.Warning != "" && r.Warning != l.report.Warning {
		l.warned = true
		l.v.d.e.warn.set("survived "+l.v.def.ID, fmt.Sprintf("%s: %s.", l.v.def.Name, l.v.said(r.Warning)), l.v.d.e.state.Load().Tick)
	}
	l.report = r
	if now-l.sampled >= time.Second {
		l.bitrate = (r.SentBytes - l.sampledAt) * 8 * int64(time.Second) / int64(now-l.sampled)
		l.sampledAt, l.sampled = r.SentBytes, now
	}
}

func (l *leg) isBegun() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begun
}

// busy: it has a connection, or is making one, that can end in order.
func (l *leg) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.report.State {
	case outputs.Waiting, outputs.Failed, outputs.Idle:
		return false
	}
	return l.begun
}

// fill writes what is known of the leg into s.
func (l *leg) fill(s *DestinationState, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Kind, s.Report, s.Problem, s.BitrateBPS = l.def.Kind, l.report, l.problem, l.bitrate
	if q := l.queue.Load(); q != nil {
		s.Queue = q.Stats().Depth
	}
	if l.report.State == outputs.Confirmed || l.report.State == outputs.Degraded {
		s.Uptime = now - l.confirmed
	}
}

// Lost implements outputs.Ingest: what its queue and its outputs have dropped.
func (l *leg) Lost() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.dropped + l.report.DroppedPackets
	if q := l.queue.Load(); q != nil {
		n += q.Stats().Dropped
	}
	for _, y := range l.layers {
		if n += y.lost; y.queue != nil {
			n += y.queue.Stats().Dropped
		}
	}
	return n
}
