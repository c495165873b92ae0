package engine

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// delivery is one started destination or recording, with its ingests.
type delivery struct {
	d         *deliveries
	def       scenes.Destination
	recording bool
	begins    outputs.Mark   // what is on programme at its start
	sound     []scenes.Track // its sound tracks; of an empty bus, the rendition's
	buses     []string       // of the show, whose sound it carries; of a source's own recording and the replay buffer none
	iso       *isoSource     // of this source alone, not of the programme; nil: the programme
	ring      *ring          // of the replay buffer: what it is delivered to
	session   *session       // of a recording: the journal that its files are in; may be nil
	legs      []*leg         // by rank; at least one
	delays    map[*link]*delayLine
	before    atomic.Pointer[delivery] // of the same name, which ends before this one begins; nil: none
	cancel    context.CancelFunc
	ended     chan struct{}
	stopping  atomic.Bool // the operator has stopped it; it is finishing
	cutShort  atomic.Bool // a recording that would not end
	opened    atomic.Bool
	active    atomic.Int32 // the leg that carries it

	layering   sync.Mutex // held while a layer's encode is joined or given up
	layersOver bool       // guarded by layering

	mu       sync.Mutex
	running  bool           // guarded by mu
	files    []string       // guarded by mu; of a recording: those that are open
	left     bool           // guarded by mu; it is said that it is not written
	paused   bool           // guarded by mu; a recording that was told to pause
	switches []IngestSwitch // guarded by mu; the newest, at most keptSwitches
	chain    *IngestChain   // guarded by mu; as told last
	lost     int64          // guarded by mu; packets, by ingests while they carried it
	base     int64          // guarded by mu; what the active one had lost before
}

// keptSwitches is how many changes of ingest the state tells.
const keptSwitches = 20

func newDelivery(d *deliveries, def scenes.Destination, sound []scenes.Track, recording bool) *delivery {
	v := &delivery{d: d, def: def, sound: sound, recording: recording, ended: make(chan struct{}), running: true}
	add := func(name string, in scenes.Ingest) {
		l := &leg{v: v, index: len(v.legs), name: name, def: in}
		l.report.State = outputs.Idle
		v.legs = append(v.legs, l)
	}
	add("primary", scenes.Ingest{Kind: def.Kind, Settings: def.Settings, Credential: &def.Credential})
	for _, b := range def.Backups {
		add(b.Name, b)
	}
	v.legs[0].report.State = outputs.Connecting
	return v
}

// open makes the outputs and joins their encodes. An ingest that cannot be sent to is
// passed over; the error is the primary's when none can.
func (v *delivery) open(ctx context.Context, show *scenes.Show) error {
	v.lookForSecrets()
	var first error
	usable := 0
	for i, l := range v.legs {
		err := l.open(ctx, show)
		if err == nil && v.def.DelaySeconds > 0 && !v.recording && !v.d.e.clock.Virtual() {
			err = v.openDelayed(show, l)
		} else if err == nil {
			err = l.join(show, i == 0 || v.def.Standby == scenes.Hot)
		}
		if err == nil {
			usable++
			continue
		}
		if first == nil {
			first = err
		}
		l.out = refused{err}
	}
	v.opened.Store(true)
	if usable == 0 {
		return first
	}
	return nil
}

// openDelayed joins the leg's encodes through a delay line, which legs of one stream share.
func (v *delivery) openDelayed(show *scenes.Show, l *leg) error {
	if err := l.join(show, false); err != nil {
		return err
	}
	line := v.delays[l.link]
	if line == nil {
		line = newDelayLine(v.d.e.clock, time.Duration(v.def.DelaySeconds)*time.Second, v.d.e.opt.RecordDir, func(err error) {
			if err == nil {
				v.d.e.warn.clear("delay " + v.def.ID)
				return
			}
			v.d.e.warn.set("delay "+v.def.ID, fmt.Sprintf("The delay of %s cannot be kept on disk (%v): it is kept in memory as far as that goes, then pictures are left out. Make room, or shorten the delay.", v.def.Name, err), v.d.e.state.Load().Tick)
		})
		if v.delays == nil {
			v.delays = map[*link]*delayLine{}
		}
		v.delays[l.link] = line
		l.link.stream.attach(line)
	}
	l.delay = line
	return nil
}

// run delivers until stopped, and says how it went.
func (v *delivery) run(ctx context.Context, err error) {
	defer v.d.wg.Done()
	defer close(v.ended)
	defer v.cancel()
	key := "output " + v.def.ID
	if err == nil {
		err = v.deliver(ctx)
	} else if ctx.Err() == nil {
		v.legs[0].Report(outputs.Report{State: outputs.Failed, Detail: err.Error()})
	}
	for k, line := range v.delays {
		k.stream.detach(line)
		line.Close()
	}
	limit := time.Now().Add(lineEndWithin)
	for _, line := range v.delays {
		if !line.awaitEnd(time.Until(limit)) {
			v.d.e.log.Error("the disk of a delay does not answer", "destination", v.def.ID)
		}
	}
	for _, l := range v.legs {
		if l.link != nil {
			v.d.release(v, l.link)
		}
	}
	v.endLayers()
	failed := err != nil && ctx.Err() == nil
	if !failed {
		for _, l := range v.legs {
			l.mu.Lock()
			l.report.State, l.problem = outputs.Idle, ""
			l.mu.Unlock()
		}
	}
	v.d.e.warn.clear("delay " + v.def.ID)
	v.d.e.warn.clear("tracks " + v.def.ID)
	v.d.e.warn.clear("finishing " + v.def.ID)
	if !v.recording { // what happened to a recording is to be known of its files, too
		v.d.e.warn.clear("survived " + v.def.ID)
	}
	if v.cutShort.Load() {
		v.leftBehind()
	}
	if failed {
		v.d.e.warn.set(key, fmt.Sprintf("%s has stopped: %s. Everything else goes on; change it, then start it again.", v.def.Name, v.said(err.Error())), v.d.e.state.Load().Tick)
	} else {
		v.d.e.warn.clear(key)
	}
	v.over()
}

// over: from here on it may be started again, or forgotten, and its warnings with it.
func (v *delivery) over() {
	v.mu.Lock()
	v.running = false
	v.mu.Unlock()
	v.settleUnwritten()
}

// said is what went wrong, for the operator: who says it is no part of that.
func (v *delivery) said(problem string) string { return Plain(problem) }

// deliver keeps the destination going over its ingests.
func (v *delivery) deliver(ctx context.Context) error {
	if err := v.awaitDelay(ctx); err != nil {
		return err
	}
	policy := supervise.Default()
	policy.StopWithin = abandonAfter
	opt := outputs.FailoverOptions{
		Hot: v.def.Standby == scenes.Hot, Stall: time.Duration(v.def.StallMS) * time.Millisecond,
		BackAfter: time.Duration(v.def.BackAfterSeconds) * time.Second, Policy: policy, Log: v.d.e.log, Name: v.def.ID,
		Switched: v.switched, Drain: v.recording,
	}
	for _, l := range v.legs {
		opt.Ingests, opt.Names, opt.Counters = append(opt.Ingests, l), append(opt.Names, l.name), append(opt.Counters, &l.counters)
	}
	return outputs.Failover(ctx, opt)
}

// awaitDelay waits until there is something to send: an ingest that is called but sent
// nothing hangs up.
func (v *delivery) awaitDelay(ctx context.Context) error {
	for _, line := range v.delays {
		v.legs[0].Report(outputs.Report{State: outputs.Idle, Detail: fmt.Sprintf("begins %d s after the programme", v.def.DelaySeconds)})
		if err := line.awaitFirst(ctx); err != nil {
			return err
		}
		break
	}
	return nil
}

// switched notes that another ingest carries the destination.
func (v *delivery) switched(s outputs.Switch) {
	v.mu.Lock()
	v.active.Store(int32(s.To))
	v.lost += v.legs[s.From].Lost() - v.base
	v.base = v.legs[s.To].Lost()
	v.switches = append(v.switches, IngestSwitch{
		At: time.Now(), Time: v.d.e.clock.Now(), From: v.legs[s.From].name, To: v.legs[s.To].name, Cause: Plain(s.Cause),
	})
	if n := len(v.switches) - keptSwitches; n > 0 {
		v.switches = slices.Delete(v.switches, 0, n)
	}
	v.mu.Unlock()
	v.legs[s.From].letGo() // which steers no more
	v.legs[s.To].letGo()
	v.d.e.asked.Store(true)
}

// sounds: it is the recording of a source that has sound alone. Known once it has opened.
func (v *delivery) sounds() bool { return v.iso != nil && v.iso.sounds }

func (v *delivery) isActive(leg int) bool { return int(v.active.Load()) == leg }

func (v *delivery) isRunning() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.running
}

// stop lets the outputs send everything up to this tick and finish; after
// stopWithin they are cut short, but for recordings (finishWriting). It does not wait.
func (v *delivery) stop() {
	v.d.e.warn.clear("output " + v.def.ID) // whoever stops it knows
	v.d.e.warn.clear("schedule " + v.def.ID)
	if v.stopping.Swap(true) {
		return
	}
	busy := false
	if v.opened.Load() {
		for _, l := range v.legs {
			busy = busy || l.busy()
		}
	}
	if !busy { // still opening, or between two tries: nothing to finish
		v.cancel()
		return
	}
	for _, l := range v.legs {
		l.finish(media.TickTime(v.d.e.tick, v.d.e.fps))
	}
	if v.recording {
		if !v.d.e.clock.Virtual() {
			time.AfterFunc(stopWithin, v.legs[0].Finish) // what has not come by then does not come
		}
		v.finishWriting(stuckAfter, 0)
		return
	}
	v.cancelAfter(stopWithin)
}

// cancelAfter cuts the outputs short unless they end within limit.
func (v *delivery) cancelAfter(limit time.Duration) {
	timer := time.AfterFunc(limit, v.cancel)
	go func() {
		<-v.ended
		timer.Stop()
	}()
}

// stopAtEnd is stop for the end of the show: what the encoders still hold is sent too.
func (v *delivery) stopAtEnd() {
	v.stopping.Store(true)
	if before := v.before.Load(); before != nil {
		before.stopAtEnd()
	}
	virtual := v.d.e.clock.Virtual() // nobody is waiting in real time
	switch {
	case !v.isRunning():
	case !v.opened.Load():
		v.cancel()
	case v.recording && virtual:
		v.finishWriting(time.Minute, 0)
	case v.recording:
		v.finishWriting(stuckAtEnd, finishAtEnd)
	case virtual:
		v.cancelAfter(time.Minute)
	default:
		v.cancelAfter(stopWithin)
	}
}

func (v *delivery) state(now time.Duration) DestinationState {
	v.mu.Lock()
	running, paused := v.running, v.paused
	v.mu.Unlock()
	s := DestinationState{ID: v.def.ID, Name: v.def.Name, Rendition: v.def.Rendition, Group: v.def.Group, Started: running && !v.stopping.Load(), Paused: paused}
	active := v.legs[v.active.Load()]
	active.fill(&s, now)
	if s.Kind == "" {
		s.Kind = v.def.Kind
	}
	v.mu.Lock()
	s.Dropped = v.lost + max(v.legs[v.active.Load()].Lost()-v.base, 0)
	v.mu.Unlock()
	for _, l := range v.legs {
		s.Reconnects += max(l.counters.Tries.Load()-1, 0)
	}
	if v.stopping.Load() && s.Report.State != outputs.Failed {
		s.Problem = "" // nobody waits for it any more
	}
	s.Finishing = v.isFinishing()
	s.SoundOnly = v.opened.Load() && v.sounds()
	if running && v.opened.Load() && active.link != nil {
		if video := active.link.video; video != nil {
			s.TargetBPS, s.EncoderBPS = int64(video.track.BitrateBPS), video.aim()
			for _, t := range active.link.stream.now()[1:] {
				s.TargetBPS += int64(t.BitrateBPS)
				s.EncoderBPS += int64(t.BitrateBPS)
			}
		}
		for _, y := range active.layers {
			if k := y.encode(); k != nil {
				s.TargetBPS += int64(k.video.track.BitrateBPS)
				s.EncoderBPS += k.video.aim()
			}
		}
		s.Copied = active.link.copied != nil
	}
	if len(v.legs) > 1 {
		s.Chain = v.tellChain()
	}
	if v.recording {
		s.Recording = v.d.e.keeper.state(v.def.ID)
	}
	return s
}

// tellChain is the ingests as surfaces show them; the same value while nothing changes.
func (v *delivery) tellChain() *IngestChain {
	c := &IngestChain{Active: int(v.active.Load()), Hot: v.def.Standby == scenes.Hot}
	for _, l := range v.legs {
		l.mu.Lock()
		in := IngestState{Name: l.name, Kind: l.def.Kind, State: l.report.State, Problem: l.problem}
		l.mu.Unlock()
		c.Ingests = append(c.Ingests, in)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	c.Switches = slices.Clone(v.switches)
	if v.chain == nil || !reflect.DeepEqual(c, v.chain) {
		v.chain = c
	}
	return v.chain
}
