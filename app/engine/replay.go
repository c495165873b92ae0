package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Commands of the replay buffer.
type (
	// SetReplay changes what the replay buffer keeps; one that runs goes on as it was
	// started until it is stopped.
	SetReplay struct {
		Replay scenes.Replay `json:"replay"`
	}
	// StartReplay starts to keep the last seconds of the programme and of the angles.
	StartReplay struct{}
	// StopReplay stops that and forgets what was kept; replays that wait to be saved stay.
	StopReplay struct{}
	// SaveReplay writes what is kept of the programme, or of Angle, to a file, at once.
	SaveReplay struct {
		Angle string `json:"angle,omitempty"`
	}
	// MarkReplay sets the in or the out point of the next replay to now, or to Ago seconds
	// before. A new in point takes the out point away.
	MarkReplay struct {
		Point string  `json:"point"` // "in" or "out"
		Ago   float64 `json:"ago,omitempty"`
	}
	// PlayReplay shows what lies between the marks on Source, a source of kind replay; of
	// the programme, or of Angle. Without an in point it is the last five seconds, without
	// an out point up to now. Speed is 0.25 to 1.
	PlayReplay struct {
		Source string  `json:"source"`
		Angle  string  `json:"angle,omitempty"`
		Speed  float64 `json:"speed,omitempty"`
	}
)

// ReplayState is the replay buffer as surfaces show it.
type ReplayState struct {
	Running bool
	// Held is how long a stretch of the programme is kept, Bytes the memory of all angles.
	Held  time.Duration
	Bytes int
	// In and Out are the marks as studio time; HasIn and HasOut say whether they are set.
	In, Out       time.Duration
	HasIn, HasOut bool
	// Saved is the newest saved file, Waiting how many replays could not be saved yet, and
	// Problem why.
	Saved   string
	Waiting int
	Problem string
}

// replayer is the engine's replay buffer. Of the tick goroutine but for what says so.
type replayer struct {
	rings   map[string]*ring // by angle; "" is the programme
	in, out time.Duration    // marks; negative: none
	saver   *saver
	dir     string   // of staged clips; "" before the first
	lock    *os.File // says that dir is in use
	staged  []string
	number  int
	wg      sync.WaitGroup // goroutines that stage
	turn    sync.Mutex     // one clip is staged at a time, in order
}

func newReplayer(e *Engine) *replayer {
	r := &replayer{in: -1, out: -1, saver: newSaver(
		func(text string) { e.warn.set("replay", text, e.state.Load().Tick) },
		func() { e.warn.clear("replay") })}
	if !e.clock.Virtual() {
		r.saver.atEnd = replaysAtEnd
	}
	return r
}

func (c SetReplay) edit(s *scenes.Show) (*scenes.Show, error) { return s.SetReplay(c.Replay) }
func (c SetReplay) apply(e *Engine) error                     { return e.edit(c.edit(e.show)) }
func (c SetReplay) undoable() (string, string)                { return "change replay buffer", "replay" }

// replayKey is what deliveries call the buffer of an angle: no id of a show has a colon.
func replayKey(angle string) string { return "replay:" + angle }

func (c StartReplay) apply(e *Engine) error {
	r := e.replay
	if r.rings != nil {
		return nil
	}
	set := e.show.Replay
	if len(e.show.Renditions) == 0 {
		return errors.New("the show has no rendition to keep")
	}
	for _, id := range set.Angles {
		if err := e.outs.canAngle(id); err != nil {
			return err
		}
	}
	length := time.Duration(set.Seconds) * time.Second
	r.rings = map[string]*ring{"": newRing(length, replayBytes)}
	def := scenes.Destination{ID: replayKey(""), Name: "The replay buffer", Kind: scenes.RecordingKind, Rendition: ReplayRendition(e.show), Settings: []byte("{}"), Enabled: true}
	e.outs.start(def, []scenes.Track{{}}, false, func(v *delivery) { v.ring = r.rings[""] })
	for _, id := range set.Angles {
		in := e.inputs[id]
		iso, sound := e.outs.isoOf(in)
		r.rings[id] = newRing(length, replayBytes)
		def.ID, def.Name, def.Rendition = replayKey(id), "The replay buffer of "+in.def.Name, ISORendition(e.show)
		e.outs.start(def, sound, false, func(v *delivery) { v.iso, v.ring = iso, r.rings[id] })
	}
	return nil
}

func (c StopReplay) apply(e *Engine) error {
	e.outs.stopReplay()
	e.replay.rings = nil
	e.replay.in, e.replay.out = -1, -1
	return nil
}

// stopReplay ends what fills the rings.
func (d *deliveries) stopReplay() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		if v.ring != nil {
			v.stop()
		}
	}
}

// settleReplay waits, on the virtual clock, until the rings have all that the encoders
// have given of the ticks before: what is in a replay is then the same every time.
func (d *deliveries) settleReplay() {
	if !d.e.clock.Virtual() {
		return
	}
	timeout := time.NewTimer(stallLimit)
	defer timeout.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !d.replaySettled() {
		select {
		case <-look.C:
		case <-timeout.C:
			return
		case <-d.e.ctx.Done():
			return
		}
	}
}

func (d *deliveries) replaySettled() bool {
	r := d.active.Load()
	for _, v := range r.video {
		if v.pending.Load() > 0 {
			return false
		}
	}
	for _, a := range r.audio {
		if a.pending.Load() > 0 {
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		if v.ring == nil || !v.isRunning() {
			continue
		}
		q := v.legs[0].queue.Load()
		v.ring.mu.Lock()
		n := v.ring.count
		v.ring.mu.Unlock()
		if q != nil && q.Stats().Accepted != n {
			return false
		}
	}
	return true
}

// angle is the ring of an angle.
func (r *replayer) angle(id string) (*ring, error) {
	if r.rings == nil {
		return nil, errors.New("the replay buffer does not run: start it first")
	}
	b := r.rings[id]
	if b == nil {
		return nil, fmt.Errorf("the replay buffer does not keep %q: add it to the angles and start the buffer again", id)
	}
	return b, nil
}

func (c SaveReplay) apply(e *Engine) error {
	b, err := e.replay.angle(c.Angle)
	if err != nil {
		return err
	}
	e.outs.settleReplay()
	part, ok := b.cut(0, media.TickTime(e.tick+1, e.fps))
	if !ok {
		return errors.New("the replay buffer is still empty")
	}
	name := time.Now().Format("2006-01-02 15-04-05") + " Replay"
	if c.Angle != "" {
		name += " " + c.Angle
	}
	folder, container := replayPlace(e.show.Replay.Settings, e.opt.RecordDir)
	e.replay.saver.save(saveJob{clip: part, folder: folder, name: name, container: container})
	return nil
}

func (c MarkReplay) apply(e *Engine) error {
	if _, err := e.replay.angle(""); err != nil {
		return err
	}
	if !(c.Ago >= 0) {
		return fmt.Errorf("a mark is a number of seconds ago, not %v", c.Ago)
	}
	at := max(media.TickTime(e.tick, e.fps)-time.Duration(c.Ago*float64(time.Second)), 0)
	switch c.Point {
	case "in":
		e.replay.in, e.replay.out = at, -1
	case "out":
		if at <= e.replay.in {
			return errors.New("the out point has to lie behind the in point")
		}
		e.replay.out = at
	default:
		return fmt.Errorf(`a mark is "in" or "out", not %q`, c.Point)
	}
	return nil
}

// defaultReplay is how much is shown again without an in point.
const defaultReplay = 5 * time.Second

// stretch is what the marks say, as studio time; without an out point up to now.
func (r *replayer) stretch(now time.Duration) (from, to time.Duration) {
	if to = r.out; to < 0 {
		to = now
	}
	if from = r.in; from < 0 {
		from = max(to-defaultReplay, 0)
	}
	return from, to
}

func (c PlayReplay) apply(e *Engine) error {
	b, err := e.replay.angle(c.Angle)
	if err != nil {
		return err
	}
	in := e.inputs[c.Source]
	if in == nil {
		return fmt.Errorf("there is no source %q", c.Source)
	}
	player, ok := in.src.(sources.Replayer)
	if !ok {
		return fmt.Errorf("%s shows no replays: add a source of the kind replay", in.def.Name)
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if !(c.Speed >= 0.25 && c.Speed <= 1) {
		return fmt.Errorf("a replay's speed is 0.25 to 1, not %v", c.Speed)
	}
	from, to := e.replay.stretch(media.TickTime(e.tick, e.fps))
	if to-from < media.TickTime(1, e.fps) {
		return errors.New("there is nothing between the marks")
	}
	r := e.replay
	r.number++
	number, virtual := r.number, e.clock.Virtual()
	play := func() error {
		path, at, err := r.make(e.ctx, b, from, to, number)
		if err == nil {
			e.warn.clear("replay play")
			if virtual {
				in.expectTurn()
			}
			player.PlayClip(sources.ReplayClip{Path: path, In: at, Out: at + to - from, Speed: c.Speed})
		}
		return err
	}
	if virtual {
		e.outs.settleReplay()
		return play()
	}
	r.wg.Go(func() {
		b.reach(e.ctx, to, replayReach) // the encoder still has the last pictures
		if err := play(); err != nil && e.ctx.Err() == nil {
			e.warn.set("replay play", fmt.Sprintf("The replay is not shown: %v. Everything else goes on.", err), e.state.Load().Tick)
		}
	})
	return nil
}

// replayReach is how long a replay waits for the encoder to give its last picture.
const replayReach = 1500 * time.Millisecond

// stagedClips is how many clips stay on disk: what plays is among the newest.
const stagedClips = 8

// make stages the stretch as a file and says where in it the stretch begins. It may be
// called from any goroutine.
func (r *replayer) make(ctx context.Context, b *ring, from, to time.Duration, number int) (path string, in time.Duration, err error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	part, ok := b.cut(from, to)
	if !ok {
		return "", 0, fmt.Errorf("what is marked is older than the %d s that are kept", int(b.length.Seconds()))
	}
	if r.dir == "" {
		if r.dir, r.lock, err = makeStage(os.TempDir()); err != nil {
			return "", 0, err
		}
	}
	if path, err = part.stage(ctx, r.dir, number); err != nil {
		return "", 0, err
	}
	if r.staged = append(r.staged, path); len(r.staged) > stagedClips {
		_ = os.Remove(r.staged[0]) // at the end the folder goes as a whole
		r.staged = slices.Delete(r.staged, 0, 1)
	}
	return path, max(from-part.first, 0), nil
}

// close waits for what is being saved, forgets staged clips and returns how many replays are
// lost. After the sources' end.
func (r *replayer) close() int {
	r.wg.Wait()
	lost := r.saver.close()
	if r.dir != "" {
		_ = r.lock.Close()      // for Windows, which removes no open file
		_ = os.RemoveAll(r.dir) // or the next start does
	}
	return lost
}

// state is the buffer as surfaces show it.
func (r *replayer) state() ReplayState {
	s := ReplayState{Running: r.rings != nil, In: max(r.in, 0), Out: max(r.out, 0), HasIn: r.in >= 0, HasOut: r.out >= 0}
	for id, b := range r.rings {
		held, bytes := b.held()
		s.Bytes += bytes
		if id == "" {
			s.Held = held
		}
	}
	s.Saved, s.Waiting, s.Problem = r.saver.state()
	return s
}
