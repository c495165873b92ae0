package engine

import (
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// state is the input as surfaces show it.
func (in *input) state(t time.Duration) SourceState {
	in.mu.Lock()
	status, detail, remark, still := in.status, in.detail, in.remark, in.still
	in.mu.Unlock()
	dropped, skipped := in.sync.Counts()
	st := in.strip.Stats()
	s := SourceState{
		ID: in.def.ID, Name: in.def.Name, Kind: in.def.Kind, Detail: detail, Remark: remark,
		HasVideo: in.kind.HasVideo && in.video.Load(), HasAudio: in.kind.HasAudio && in.audio.Load(), Strip: in.def.Audio,
		Recordable: in.src != nil && in.kind.Pacing != sources.Still,
		Meter:      meterState(in.strip.Meter()),
		Frames:     in.arrived.Load(), Dropped: dropped, Skipped: skipped, Repeated: in.repeated,
		Underruns: st.MissedFrames, QueueMS: float64(st.Queued) / 1e6, DelayMS: float64(st.Delay) / 1e6, DriftPPM: st.PPM, Restarts: max(in.restarts.Load()-1, 0),
		LeftOutOf: append([]string(nil), in.leftOutOf...),
		Clip:      in.clipState(t),
	}
	if in.taken != nil {
		s.PixelAspect = aspectOf(in.taken)
	}
	if s.HasAudio && status.State == sources.Running {
		if text := in.changed.Swap(nil); text != nil {
			in.trouble.Tell(t, *text)
		}
		if s.BehindMS = float64(in.behind) / 1e6; in.behind > tellBehind {
			in.trouble.Tell(t, fmt.Sprintf("It is %v behind its pictures, of which no more than %d can wait for it.", in.behind.Round(time.Millisecond), maxLiveDepth))
		}
		s.SoundProblem = in.trouble.Look(st, t)
	} else {
		in.trouble = audio.Troubles{} // what is told is that it does not run
	}
	switch status.State {
	case sources.Waiting:
		s.Status = SourceWaiting
	case sources.Failed:
		s.Status = SourceFailed
	case sources.Ended:
		s.Status = SourceEnded
	case sources.Running:
		s.Status = SourceRunning
		if s.HasVideo && !still && in.kind.Pacing != sources.Still && t-in.lastFresh > heldAfter {
			s.Status = SourceHeld
		}
	default:
		s.Status = SourceOpening
	}
	if in.standIn != nil {
		s.StandIn = in.standIn.def.ID
	}
	if in.lost && status.State != sources.Failed {
		s.Status = SourceLost
	}
	if status.Err != nil && status.State != sources.Running {
		s.Problem = Plain(status.Err.Error())
	}
	return s
}
