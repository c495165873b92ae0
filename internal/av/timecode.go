package av

// #include "native.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// FormatTimecode is frame n at rate fps as hh:mm:ss:ff (SMPTE ST 12-1, not drop frame):
// every frame has the next number, so that at 29.97 a second of timecode is 30 frames and
// 0.1 % longer than a second. Hours go on beyond 23.
func FormatTimecode(n int64, fps media.Rational) string {
	base := nominal(fps)
	s := n / base
	return fmt.Sprintf("%02d:%02d:%02d:%02d", s/3600, s/60%60, s%60, n%base)
}

// ParseTimecode is the frame of a timecode that FormatTimecode wrote.
func ParseTimecode(text string, fps media.Rational) (int64, error) {
	var h, m, s, f int64
	if _, err := fmt.Sscanf(strings.ReplaceAll(text, ";", ":"), "%d:%d:%d:%d", &h, &m, &s, &f); err != nil || min(h, m, s, f) < 0 || m > 59 || s > 59 || f >= nominal(fps) {
		return 0, fmt.Errorf("av: %q is no timecode", text)
	}
	return ((h*60+m)*60+s)*nominal(fps) + f, nil
}

// nominal is the whole number of frames that a second of timecode counts.
func nominal(fps media.Rational) int64 { return max(int64(fps.Float()+0.5), 1) }

// soundFrame is the frame in which the sound of p begins, where there are no pictures and its
// track says what timecode counts.
func (m *Muxer) soundFrame(p *media.Packet) (n int64, fps media.Rational, ok bool) {
	t := m.opt.Tracks[p.Track]
	if m.hasVideo() || !t.FPS.IsSet() || t.TimeBase.Den != int64(t.SampleRateHz) {
		return 0, fps, false
	}
	from := p.PTS + int64(t.Delay) + media.UnitsIn(m.lead, t.TimeBase) // of what is heard
	n = media.Rescale(from, t.TimeBase, t.FPS.Inv())
	for n > 0 && media.SampleAt(n, t.FPS, t.SampleRateHz) > from {
		n--
	}
	return n, t.FPS, from >= 0
}

// SetTimecodeLead says by how much studio time is ahead of the packets' own times, for
// MuxerOptions.Timecode: of a recording that was paused before the file began. Before the
// first packet; zero without it.
func (m *Muxer) SetTimecodeLead(d time.Duration) { m.lead = d }

// SetSoundLead says that the sound of a track begins so many audio frames before the time at
// which the file begins, for its decoder to be right there: Track.Delay, known later. It is
// written into Matroska alone (CodecDelay, RFC 9559 5.1.4.1.25), in files whose header waits for
// the first packet (MuxerOptions.Timecode); before that packet.
func (m *Muxer) SetSoundLead(track, frames int) {
	m.opt.Tracks = slices.Clone(m.opt.Tracks)
	m.opt.Tracks[track].Delay = frames
	C.cp_sound_lead(cFormat(m.ctx), C.int(track), C.int(frames))
}

// tag sets the file's time of creation and the timecode of its first picture, which p is
// or comes before, or of its sound where there are no pictures.
func (m *Muxer) tag(p *media.Packet) {
	dict := astiav.NewDictionary()
	set := func(key, value string) {
		// Out of memory is all that can go wrong, and what follows will say so.
		_ = dict.Set(key, value, 0)
	}
	if !m.opt.Created.IsZero() {
		set("creation_time", m.opt.Created.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	for _, t := range m.opt.Tracks {
		if t.Codec.IsAudio() || !t.FPS.IsSet() {
			continue
		}
		tb := m.opt.Tracks[p.Track].TimeBase
		at := p.PTS + media.UnitsIn(m.lead, tb)
		n := media.Rescale(at, tb, t.FPS.Inv())
		if p.Audio && media.Rescale(n, t.FPS.Inv(), tb) < at {
			n++ // the first picture that may follow
		}
		set("timecode", FormatTimecode(n, t.FPS))
		break
	}
	if n, fps, ok := m.soundFrame(p); ok {
		set("timecode", FormatTimecode(n, fps))
	}
	m.ctx.SetMetadata(dict)
}

// Timecode is the container's tag "timecode", as the frame of its first picture; ok is
// false where it has none.
func (in *Input) Timecode(fps media.Rational) (n int64, ok bool) {
	// Matroska's is the file's, MP4's the video stream's.
	places := []*astiav.Dictionary{in.ctx.Metadata()}
	for _, s := range in.ctx.Streams() {
		places = append(places, s.Metadata())
	}
	for _, dict := range places {
		if dict == nil {
			continue
		}
		if e := dict.Get("timecode", nil, astiav.NewDictionaryFlags()); e != nil {
			n, err := ParseTimecode(e.Value(), fps)
			return n, err == nil
		}
	}
	return 0, false
}

// LastPicture is when the last picture of a file is shown, on the input's own timeline;
// it reads the end of the file alone where the container can be sought in, and leaves the
// input there. ok is false where there are no pictures.
func (in *Input) LastPicture() (at time.Duration, ok bool) {
	if in.video == nil {
		return 0, false
	}
	in.readEnd(in.video, func(p *InputPacket) { at, ok = max(at, p.PTS), true })
	return at, ok
}

// SoundEnd is where the sound of a file ends, as LastPicture is for pictures.
func (in *Input) SoundEnd() (at time.Duration, ok bool) {
	if in.audio == nil {
		return 0, false
	}
	in.readEnd(in.audio, func(p *InputPacket) { at, ok = max(at, p.PTS+p.Duration), true })
	return at, ok
}

// readEnd calls see with the packets of a stream near a file's end.
func (in *Input) readEnd(of *Stream, see func(p *InputPacket)) {
	if in.duration > 5*time.Second {
		// A file that cannot be sought in is read from its start.
		_ = in.Seek(in.start + in.duration - 5*time.Second)
	}
	p := NewInputPacket()
	defer p.Free()
	for in.ReadPacket(p) == nil {
		if p.Stream == of.Index && p.HasPTS {
			see(p)
		}
	}
}
