package engine

import (
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// anchor puts a paced source's PTS 0 at studio time t.
func (in *input) anchor(t time.Duration) {
	in.turn.Lock()
	defer in.turn.Unlock()
	if in.restart.Swap(false) {
		in.anchored, in.sought = false, nil
	}
	if in.anchored {
		return
	}
	in.offset, in.anchored = t, true
	if in.clip != nil {
		in.from = in.clip.Timeline().From
	}
	// A paced strip: the only error is for live ones.
	_ = in.strip.SetOffset(t)
}

// due is the PTS of the picture that is due at tick time t.
func (in *input) due(t time.Duration) time.Duration {
	if in.kind.Pacing != sources.Live {
		if lag := in.strip.Unmet(); lag != in.lag {
			in.lag = lag
			in.makeRoom()
		}
	}
	return t - in.offset - in.lag + in.frame/4
}

// favour lets a source that is on programme decode before others do, and sets how many pictures
// one that is not live may be ahead. planned is the tick of the newest plan; with viewed,
// pictures are painted for somebody to look at.
func (in *input) favour(planned int64, viewed bool) {
	shown := in.shownAt >= 0 && in.shownAt >= planned
	in.lane.Raise(shown)
	if in.kind.Pacing == sources.Live {
		return
	}
	ahead := syncDepth(in.frame)
	switch {
	case in.opening != nil && shown:
		in.opening.want()
	case in.opening != nil:
		ahead = idleDepth
	case shown && viewed && !in.clock.Virtual():
		ahead *= viewedTimes
	}
	if ahead != in.ahead {
		// It has to get as far ahead first.
		in.wasAhead, in.scarce = in.wasAhead && ahead < in.ahead, 0
		in.ahead = ahead
		in.makeRoom()
	}
}

// makeRoom gives the pictures room that in may be ahead; besides, the demuxer has to get past
// those that lag to the sound.
func (in *input) makeRoom() {
	in.sync.SetCapacity(in.ahead + int((in.lag+in.frame-1)/in.frame))
}

// park lets a source wait that is to do so while it is idle, from its first picture
// on, and makes it go on where it was when it has come on programme. planned is the
// tick of the newest plan.
func (in *input) park(t time.Duration, planned int64) {
	if in.opening.queued() {
		in.lastFresh = t // nobody has looked for it yet
	}
	idle := in.def.WhenIdle == scenes.IdleWait && in.kind.Pacing == sources.Paced && in.video.Load() &&
		in.taken != nil && !in.inherited && in.shownAt < planned && !in.restart.Load() && !in.seeking
	switch {
	case idle && !in.parked && in.anchored:
		in.parked, in.parkedAt = true, t
		in.strip.Park(true)
	case !idle && in.parked && in.goesOn():
		in.parked = false
		if in.anchored {
			in.offset += t - in.parkedAt
			// A paced strip: the only error is for live ones.
			_ = in.strip.SetOffset(in.offset)
		}
		in.strip.Park(false)
	}
}

// goesOn reports that the next pictures of a source that waits are there: those of one that nobody
// had asked for are decoded only now, and it is to skip none. It is not waited for beyond ten ticks.
func (in *input) goesOn() bool {
	n, _, more := in.sync.Waiting()
	if in.waited++; in.opening != nil && !in.restart.Load() && more && n < idleDepth && in.waited <= 10 {
		return false
	}
	in.waited = 0
	return true
}

// take brings in.current to the picture that is due at tick time t.
func (in *input) take(t time.Duration) {
	if in.begins.Swap(false) {
		in.lastFresh = t
	}
	in.age = -1
	copied := in.copier.wants()
	if copied {
		in.copier.watch(in, t, in.Demand() == sources.DemandFull)
	}
	if in.parked {
		in.lastFresh = t
		in.choose(t)
		return
	}
	if in.kind.Pacing == sources.Live {
		in.follow(t)
	} else if !in.clock.Virtual() {
		in.prepareAnchor(t)
	}
	if !in.anchored || in.restart.Load() {
		in.choose(t) // what is queued belongs to a timeline that has no place yet
		return
	}
	due, timeline := in.due(t), int64(0)
	upTo := due
	if in.kind.Pacing == sources.Live {
		upTo = in.cadence.due(due, in.timing.step(in.frame))
	}
	if copied {
		timeline = in.copier.timeline()
		in.sayHeard(timeline, t)
	}
	take := in.sync.Take
	if !in.clock.Virtual() {
		take = in.sync.TakeQuietly
	}
	f, fresh := take(upTo)
	if f != nil {
		in.cadence.shown(due, f.PTS)
	}
	in.slept = in.slept || fresh
	if copied && fresh && f != nil {
		in.copier.shown(timeline, f.PTS, media.UnitsIn(t, in.copier.fps.Inv()), in.offset, in.Demand() == sources.DemandFull)
		if !in.coded.Load() {
			in.copier.plain(in)
		}
	}
	if f != nil || !in.inherited {
		in.taken.Release()
		in.taken, in.inherited = f, false
	}
	if fresh {
		in.lastFresh, in.slow = t, false
		if in.kind.Pacing == sources.Live && f != nil {
			in.age = max(t-f.PTS-in.timing.fastest(), 0)
			in.captured.add(in.age)
		}
	} else if f != nil && in.kind.Pacing != sources.Still {
		in.repeated++
	}
	in.choose(t)
}

// wake lets the source go on that waits for the room of what take took: not before the tick is
// done, or all decoders begin when the processor is to compose. Their queues last until then.
func (in *input) wake() {
	if in.slept {
		in.slept = false
		in.sync.Wake()
	}
}

// sayHeard tells the copier of a source without pictures where its sound lies.
func (in *input) sayHeard(timeline int64, t time.Duration) {
	if !in.soundOnly() {
		return
	}
	offset := in.offset
	if in.kind.Pacing == sources.Live {
		heard, ok := in.strip.Presented(t)
		if !ok {
			return // nothing of it is heard
		}
		offset = heard
	}
	upTo := time.Duration(in.sounded.Load())
	in.copier.heard(timeline, t, offset, upTo)
	if upTo > 0 && !in.coded.Load() {
		in.copier.plain(in)
	}
}

// prepareAnchor anchors a paced source on the real clock once its first picture
// and, where it has sound, its first sound are there, so that both start together;
// a source whose other half is late is not waited for beyond ten ticks.
func (in *input) prepareAnchor(t time.Duration) {
	if in.anchored && !in.restart.Load() {
		return
	}
	picture, sound := in.begun()
	if !picture && !sound {
		return
	}
	if in.waited++; picture && sound || in.waited > 10 {
		in.waited = 0
		in.anchor(t)
	}
}

// begun tells whether the first picture and the first sound are there; what a source
// does not have is not missing.
func (in *input) begun() (picture, sound bool) {
	_, picture = in.sync.First()
	_, sound = in.strip.First()
	return picture || !in.video.Load(), sound || !in.audio.Load()
}

// follow applies a live source's measured timing. Pictures go with the sound where there
// is some: when it is heard is known exactly, and both then keep step whatever the jitter.
func (in *input) follow(t time.Duration) {
	offset, target, need, ok := in.timing.offset(in.frame)
	if !ok {
		return
	}
	if target > 0 {
		aim := in.strip.SetTarget
		if in.timing.hasCaughtUp() || !in.video.Load() {
			aim = in.strip.MoveTarget
		}
		// A live strip: the only error is for paced ones.
		_ = aim(target, need)
	}
	if d := in.timing.changedBy(); d > 0 {
		in.SoundChanged(fmt.Sprintf("It comes unevenly: %v more of it are queued, so much later it is in the mix.", d.Round(time.Millisecond)))
	} else if d < 0 {
		in.SoundChanged(fmt.Sprintf("It comes evenly again: %v less of it are queued, so much earlier it is in the mix.", -d.Round(time.Millisecond)))
	}
	in.behind = 0
	if heard, ok := in.strip.Presented(t); ok && in.video.Load() && in.audio.Load() {
		offset = heard
		depth := liveDepth
		if wait, step, ok := in.timing.pictureWait(offset, in.frame); ok {
			depth = min(max(int(wait/step)+5, liveDepth), maxLiveDepth)
			// Pictures cannot wait longer than there is room for them.
			in.behind = max(wait-time.Duration(depth-4)*step, 0)
			offset -= in.behind
		}
		in.sync.SetCapacity(depth)
	}
	in.offset, in.anchored = offset, true
	in.restart.Store(false)
}

// choose decides between the picture and the slate, which keys leave out (dropSlates).
func (in *input) choose(t time.Duration) {
	in.current = in.taken
	in.lost = false
	if in.kind.Pacing == sources.Still || !in.video.Load() {
		return
	}
	if in.src == nil {
		in.current = in.slate // refused: no picture will come
		return
	}
	if t-in.lastFresh < lostAfter {
		return
	}
	in.mu.Lock()
	still := in.still || in.status.State == sources.Ended
	in.mu.Unlock()
	if still {
		return
	}
	in.lost = true
	in.current = in.slate
}
