package engine

import (
	"context"
	"time"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// stallLimit is how long, in real time, the virtual clock waits for a source.
const stallLimit = 30 * time.Second

// await blocks until what is due at tick time t is known; for the virtual clock. A
// source that delivers nothing for stallLimit is not waited for again: stalled is set.
func (in *input) await(ctx context.Context, t time.Duration, nextSample int64) error {
	if in.stalled || in.parked || in.kind.Pacing == sources.Live || in.src == nil {
		return nil
	}
	if in.patience == nil {
		in.patience, in.giveUp = context.WithCancel(ctx)
		in.alarm = time.AfterFunc(in.limit, in.giveUp)
	}
	in.alarm.Reset(in.limit)
	err := in.awaitDue(in.patience, t, nextSample)
	in.alarm.Stop()
	if err != nil && ctx.Err() == nil {
		in.stalled = true
		return nil
	}
	return err
}

func (in *input) awaitDue(ctx context.Context, t time.Duration, nextSample int64) error {
	if in.seeking {
		in.seeking = false
		if err := in.awaitTurn(ctx); err != nil {
			return err
		}
	}
	for {
		turns := in.turns.Load()
		in.anchor(t)
		if in.video.Load() && in.kind.HasVideo {
			if err := in.sync.WaitFor(ctx, in.due(t)); err != nil {
				return err
			}
		}
		if in.audio.Load() && in.kind.HasAudio {
			if err := in.strip.WaitFor(ctx, nextSample); err != nil {
				return err
			}
		}
		if in.turns.Load() == turns {
			return nil
		}
		// The timeline changed meanwhile: what was waited for is gone.
	}
}

// makeRoomEvery is how often a source that was asked to seek is given room again.
const makeRoomEvery = 5 * time.Millisecond

// awaitTurn waits for the outcome of a seek or a pause. What the source still hands
// over from before it is thrown away: it may have filled its queue again before it
// was asked, and would wait for room for ever.
func (in *input) awaitTurn(ctx context.Context) error {
	room := time.NewTicker(makeRoomEvery)
	defer room.Stop()
	for {
		select {
		case <-in.turned:
			if !in.restart.Load() {
				in.copier.hush(in)
			}
			return nil
		case <-room.C:
			in.turn.Lock()
			if len(in.turned) == 0 {
				in.sync.Flush()
				in.strip.Flush()
			}
			in.turn.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expectTurn makes the virtual clock wait for what a seek or a pause that was just
// asked for does; what happened before does not count.
func (in *input) expectTurn() {
	if !in.clock.Virtual() {
		return
	}
	select {
	case <-in.turned:
	default:
	}
	// A source that waits for room could not look at what was asked of it.
	in.sync.Flush()
	in.strip.Flush()
	in.seeking = true
}
