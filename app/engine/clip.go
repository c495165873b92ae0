package engine

import "time"

// showing is the position of what a clip shows at tick time t, or of what it has just been
// asked to; false when it has come to its end and stands there.
func (in *input) showing(t time.Duration) (position time.Duration, ok bool) {
	if in.sought != nil {
		return *in.sought, true
	}
	c := in.clipState(t)
	return c.Position, in.clip != nil && !c.Over
}

// clipState says where a media file is at tick time t: at the picture that shows, and
// without pictures at the sound that is heard.
func (in *input) clipState(t time.Duration) ClipState {
	if in.clip == nil {
		return ClipState{}
	}
	line := in.clip.Timeline()
	c := ClipState{Seekable: true, Length: line.Length, Loop: line.Loop, Paused: line.Paused, Over: line.Over, Parked: in.parked}
	var passed time.Duration
	switch {
	case !in.anchored: // nothing has been seen of it
	case in.video.Load() && in.taken != nil && !in.inherited:
		passed = in.taken.PTS
	case !in.video.Load():
		passed = min(t-in.offset, time.Duration(in.sounded.Load()))
	}
	c.Position = in.from + max(passed, 0)
	switch {
	case c.Over && c.Length > 0:
		c.Position = c.Length
	case c.Length == 0:
	case c.Loop:
		c.Position %= c.Length
	default:
		c.Position = min(c.Position, c.Length)
	}
	return c
}
