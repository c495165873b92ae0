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
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// stopWithin is how long an orderly end may take before it is cut short, and
// abandonAfter how long an output may then go on before it is left behind:
// together every stop is over within 5 s, but for recordings (finishing.go).
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
	ending     atomic.Bool // the studio is
	openBy     time.Time   // set before opening: ISO recordings wait for their sources until then
	wg         sync.WaitGroup

	opens sync.Mutex // serialises acquire and release
	video map[string]*videoRunner
	audio map[string]*audioRunner
	links map[string]*link

	mu    sync.Mutex
	along map[string]bool      // guarded by mu; sources whose ISO recordings were started with the programme's
	dest  map[string]*delivery // guarded by mu; running ones, and ended ones until started again or gone from the show
}

// link is a stream with the names of its encodes and how many use it.
type link struct {
	key, videoKey string
	audioKeys     []string // by sound track
	stream        *stream
	video         *videoRunner // nil where the source is copied
	copied        *copier      // of a source that is recorded as it comes; nil: encodes
	users         int
}

func newDeliveries(e *Engine) *deliveries {
	d := &deliveries{e: e, video: map[string]*videoRunner{}, audio: map[string]*audioRunner{}, links: map[string]*link{}, along: map[string]bool{}, dest: map[string]*delivery{}}
	d.active.Store(&runners{})
	return d
}

// deliver gives the tick's picture and its sound, so many samples of each bus, to every
// encode. age is how old a live picture in it is; negative: none is. Of the tick goroutine.
func (d *deliveries) deliver(tick, firstSample int64, f *media.Frame, samples int, age time.Duration) {
	d.delivering.Lock()
	defer d.delivering.Unlock()
	r := d.active.Load()
	wait := d.e.clock.Virtual()
	for _, v := range r.video {
		v.offer(d.picture(v.source, f), tick, age, wait)
	}
	for _, a := range r.audio {
		a.offer(d.sound(a, samples), firstSample, wait)
	}
}

// goLive starts the named destinations and those of a group that are enabled, or without
// either all enabled ones.
func (d *deliveries) goLive(ids []string, group string) error {
	show := d.e.show
	if group != "" || len(ids) == 0 {
		named := len(ids)
		for _, v := range show.Destinations {
			if v.Enabled && (group == "" || v.Group == group) {
				ids = append(ids, v.ID)
			}
		}
		switch {
		case len(ids) > named:
		case group != "":
			return fmt.Errorf("there is no enabled destination in the group %q", group)
		default:
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
		sound := v.Tracks
		if len(sound) == 0 {
			sound = []scenes.Track{{Bus: v.Bus}}
		}
		d.start(v, sound, false)
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
	d.isoAlong()
	return nil
}

// stop ends the named running destinations (or recordings) and those of a group, or
// without either all of them. It does not wait.
func (d *deliveries) stop(ids []string, group string, recordings bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if v := d.dest[id]; v == nil || v.recording != recordings || v.own() {
			return fmt.Errorf("%q has not been started", id)
		}
	}
	inGroup := func(id string) bool {
		v, ok := d.e.show.Destination(id)
		return group != "" && ok && v.Group == group
	}
	all := len(ids) == 0 && group == ""
	for id, v := range d.dest {
		if v.recording == recordings && !v.own() && (all || slices.Contains(ids, id) || inGroup(id)) {
			v.stop()
		}
	}
	return nil
}

// reconcile stops what is no longer in the show, with what was started along with it, and
// forgets it once it has ended: until then it is being recorded, and what is started under its name waits for it. What has changed goes
// on as it was started until it is stopped.
func (d *deliveries) reconcile(before, show *scenes.Show) {
	for _, v := range before.Destinations { // what its clock had to say is over with its times
		if now, _ := show.Destination(v.ID); now.StartAt != v.StartAt || now.StopAt != v.StopAt {
			d.e.warn.clear("schedule " + v.ID)
			d.e.schedule.forget(v.ID)
		}
	}
	if d.stopOutside(show) {
		d.isoFollows()
	}
}

// stopOutside is reconcile's part under the lock; it reports whether a recording of the
// programme was stopped.
func (d *deliveries) stopOutside(show *scenes.Show) (recording bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, v := range d.dest {
		if v.in(show) {
			continue
		}
		recording = recording || v.recording && !v.own() && v.isRunning() && !v.stopping.Load()
		v.stop()
		if !v.isRunning() {
			delete(d.dest, id)
			d.e.warn.clear("survived " + id)
		}
	}
	return recording
}

// runningOutside names a destination or recording that runs, and has not been told to stop,
// and that show does not have; "" is none.
func (d *deliveries) runningOutside(show *scenes.Show) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		if !v.in(show) && v.isRunning() && !v.stopping.Load() {
			return v.def.Name
		}
	}
	return ""
}

// start begins a delivery unless it is running; with makes it another than one of the
// programme before it begins.
func (d *deliveries) start(def scenes.Destination, sound []scenes.Track, recording bool, with ...func(*delivery)) {
	d.mu.Lock()
	var before *delivery
	if old := d.dest[def.ID]; old != nil && old.isRunning() {
		if !old.stopping.Load() {
			d.mu.Unlock()
			return
		}
		before = old // the old connection goes first
	}
	for _, command := range d.e.programsOf(def) {
		d.e.ran[command] = true
	}
	d.e.warn.clear("output " + def.ID)
	d.e.warn.clear("schedule " + def.ID)
	d.e.warn.clear("survived " + def.ID)
	d.e.warn.clear("tracks " + def.ID)
	// The end of the studio is an orderly one too: close says when it has lasted long enough.
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.e.ctx))
	v := newDelivery(d, def, sound, recording)
	for _, change := range with {
		change(v)
	}
	v.buses = v.busesIn(d.e.show)
	v.cancel, v.begins = cancel, d.e.cutMark()
	v.before.Store(before)
	switch {
	case before == nil:
	case recording && v.iso == nil:
		v.legs[0].report.Detail = "kept in memory until the file before is closed"
	default:
		v.legs[0].report.Detail = "begins when the one before has ended"
	}
	if recording {
		d.e.beginSession()
		v.session = d.e.session
	}
	d.dest[def.ID] = v
	d.wg.Add(1)
	d.mu.Unlock()
	show := d.e.show
	if before == nil && (d.opening.Load() || d.e.clock.Virtual()) {
		opened := make(chan struct{})
		go func() {
			err := v.open(ctx, show)
			close(opened)
			v.run(ctx, err)
		}()
		d.awaitOpen(opened)
		return
	}
	go func() {
		// Nothing of a recording is to be missing, however long the one before is written.
		early := before == nil || recording && v.iso == nil
		var err error
		if early {
			err = v.open(ctx, show)
		}
		if before != nil {
			<-before.ended
			v.before.Store(nil) // it goes, with its queues and with what was before it
			before = nil
		}
		if !early {
			err = v.open(ctx, show)
		}
		v.run(ctx, err)
	}()
}

// opensAfter is how long after openBy the beginning of studio time waits for deliveries to be
// open: a key may be in a keyring, a file on a disk, that does not answer.
const opensAfter = 250 * time.Millisecond

// awaitOpen waits for a delivery that is to have the very first picture. The virtual clock waits
// for as long as it takes.
func (d *deliveries) awaitOpen(opened <-chan struct{}) {
	if d.e.clock.Virtual() {
		<-opened
		return
	}
	limit := time.NewTimer(time.Until(d.openBy) + opensAfter)
	defer limit.Stop()
	select {
	case <-opened:
	case <-limit.C:
	}
}

// close stops every delivery in order and waits, at most 5 s but for recordings.
func (d *deliveries) close() {
	d.ending.Store(true)
	d.mu.Lock()
	for _, v := range d.dest {
		v.stopAtEnd()
	}
	d.mu.Unlock()
	d.drain()
	d.awaitEnds()
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
		s := one(v.ID, v.Name, v.Kind, v.Rendition)
		s.Group, s.StartAt, s.StopAt = v.Group, v.StartAt, v.StopAt
		destinations = append(destinations, s)
	}
	for _, v := range show.Recordings {
		recordings = append(recordings, one(v.ID, v.Name, scenes.RecordingKind, v.Rendition))
	}
	return destinations, recordings
}
