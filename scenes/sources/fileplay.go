package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// loopOfFiles is how long a loop of sound alone is at least that is passed on as it is coded:
// what records it begins a file at each turn, since one coded stream does not go on from
// its own beginning.
const loopOfFiles = 30 * time.Second

// player is an open file.
type player struct {
	sink    Sink
	name    string
	set     fileSettings
	virtual bool
	opened  *av.Input // what the decoders were made for; closed last
	in      *av.Input // what is read
	reopen  func() (*av.Input, error)
	length  func(time.Duration) // is told how long the material is
	video   *pictureDecoder
	threads int // that decode pictures from a seek on
	audio   *av.AudioDecoder
	start   time.Duration // of the material on the input's timeline
	origin  time.Duration // the in point on the input's timeline
	out     time.Duration // the out point from the in point; 0 for none
	fresh   bool          // nothing has been read yet
	landing bool          // nothing has been read yet, and the first audio frame belongs to lands, from the in point, whatever its time stamp says
	lands   time.Duration
	told    *telling
	coded   *codedTap
	base    time.Duration // what makes a time from the in point the source's, in this pass; of the demuxing goroutine
	from    time.Duration // where this pass begins; of the demuxing goroutine
	steady  steady        // of the demuxing goroutine
	reached time.Duration // how far the last pass came
	readErr error         // why it came no further
}

// pictureDecoder is a decoder with what is known of its pictures' times.
type pictureDecoder struct {
	*av.VideoDecoder
	fps   media.Rational // of what is shown; not set when not known
	step  time.Duration  // the length of one coded picture
	shown time.Duration  // and of one that is shown: half of it where each field is
	first time.Duration  // the stream's first PTS
}

// exact undoes the rounding of time stamps, which is 1 ms in Matroska: a time that
// close to a whole number of pictures is meant to be just that. Without it, a picture
// whose time is rounded up would miss its tick.
func (d *pictureDecoder) exact(pts time.Duration) time.Duration {
	if !d.fps.IsSet() {
		return pts
	}
	t := d.first + media.TickTime(media.UnitsIn(pts-d.first, d.fps.Inv()), d.fps)
	if diff := t - pts; diff > 1100*time.Microsecond || diff < -1100*time.Microsecond {
		return pts
	}
	return t
}

func (d *pictureDecoder) length() time.Duration {
	if d == nil {
		return 0
	}
	return d.shown
}

func (s *file) open(ctx context.Context, sink Sink) (*player, error) {
	name := filepath.Base(s.path)
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("file: %s does not exist", s.path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("file: %s may not be read: permission denied", s.path)
	case err != nil:
		return nil, fmt.Errorf("file: %s: %w", name, err)
	case info.IsDir():
		return nil, fmt.Errorf("file: %s is a folder", name)
	case !info.Mode().IsRegular():
		// A named pipe that nobody writes to would hold a thread in open(2) for ever.
		return nil, fmt.Errorf("file: %s is a pipe or a device; only files can be played", name)
	}
	// The protocol keeps a name with a colon in it from being taken for another.
	reopen := func() (*av.Input, error) { return av.OpenInput(ctx, "file:"+s.path, av.InputOptions{}) }
	in, err := reopen()
	if err != nil {
		return nil, fmt.Errorf("file: %s cannot be played: %w", name, errors.Unwrap(err))
	}
	p := &player{
		sink: sink, name: name, set: s.set, virtual: s.opt.Clock.Virtual(),
		opened: in, in: in, reopen: reopen, length: s.setLength, start: in.Start(), fresh: s.set.In == 0,
	}
	// Pictures that start a little after the sound do so because of the encoder's
	// priming: the first of them is where the material begins.
	if v := in.Video(); v != nil && v.Start > p.start && v.Start < p.start+100*time.Millisecond {
		p.start = v.Start
	}
	p.origin = p.start + seconds(s.set.In)
	if s.set.Out > 0 {
		p.out = seconds(s.set.Out) - seconds(s.set.In)
	}
	whole := max(in.Duration()-seconds(s.set.In), 0)
	if p.out > 0 && (whole == 0 || p.out < whole) {
		whole = p.out
	}
	p.length(whole)
	if err := p.openDecoders(s.opt); err != nil {
		p.close()
		return nil, fmt.Errorf("file: %s cannot be played: %w", name, err)
	}
	text := describeInput(in)
	if p.video != nil && p.video.Note() != "" {
		text += ", " + p.video.Note()
	}
	p.told = newTelling(sink, text)
	p.coded = newCodedTap(sink, in)
	if whole > 0 && whole < loopOfFiles && p.set.Loop && in.Video() == nil {
		p.coded = p.coded.refuse(fmt.Sprintf("it is a loop of %.1f s, and every turn would be a file of its own", whole.Seconds()))
	}
	sink.Streams(p.video != nil, p.audio != nil)
	return p, nil
}

func (p *player) openDecoders(opt Options) error {
	var why error
	if st := p.in.Video(); st != nil {
		threads, sought := av.PlayingThreads(p.in)
		if p.virtual {
			threads = av.RenderingThreads(p.in)
			sought = threads
		}
		p.threads = sought
		d, err := av.NewVideoDecoder(st, av.VideoDecoderOptions{
			Hardware: p.set.Hardware, Canvas: opt.Color, Threads: threads, Deinterlace: p.set.Deinterlace == "auto", Rate: opt.FPS,
		})
		if err == nil {
			p.video = &pictureDecoder{VideoDecoder: d, step: 40 * time.Millisecond, first: st.Start}
			if st.FPS.IsSet() {
				p.video.fps, p.video.step = st.FPS, media.TickTime(1, st.FPS)
			}
			p.video.shown = p.video.step
			if field := d.FieldStep(); field > 0 {
				p.video.fps, p.video.shown = media.NewRational(2*st.FPS.Num, st.FPS.Den), field
			}
		}
		why = err
	}
	if st := p.in.Audio(); st != nil {
		d, err := av.NewAudioDecoder(st)
		if err == nil {
			p.audio = d
		} else if why == nil {
			why = err
		}
	}
	if p.video == nil && p.audio == nil {
		return why
	}
	return nil
}

// freshPictures makes the decoder of pictures forget what it has decoded, after a seek: it has to be
// through a group of pictures soon.
func (p *player) freshPictures() error {
	if p.video == nil {
		return nil
	}
	return p.video.Restart(p.threads)
}

// freshSound makes the decoder of sound forget what it has decoded. On the virtual clock
// it is a new one: libavcodec's for AAC keeps the state of its noise (PNS, ISO 14496-3
// 4.6.13) when it is flushed, and how far it had come differs from run to run.
func (p *player) freshSound() error {
	switch {
	case p.audio == nil:
		return nil
	case !p.virtual:
		p.audio.Flush()
		return nil
	}
	d, err := av.NewAudioDecoder(p.opened.Audio())
	if err != nil {
		return err
	}
	p.audio.Close()
	p.audio = d
	return nil
}

func (p *player) close() {
	if p.video != nil {
		p.video.Close()
	}
	if p.audio != nil {
		p.audio.Close()
	}
	if p.in != p.opened {
		p.in.Close()
	}
	p.opened.Close()
}

// said is how long the file says it is; 0 where it says nothing.
func (p *player) said() time.Duration {
	if p.in.DurationGuessed() {
		return 0
	}
	return p.in.Duration()
}

// sayEnd tells how the file ended where that is not as it should be.
func (p *player) sayEnd() {
	text := p.told.current()
	at := (p.origin - p.start + p.reached).Seconds()
	whole := p.said()
	switch {
	case p.readErr != nil:
		text += fmt.Sprintf("; the file is damaged behind %.1f s", at)
	case p.out == 0 && whole > 0 && p.steady.jumps == 0 && p.origin-p.start+p.reached+time.Second < whole:
		text += fmt.Sprintf("; the file is cut off: %.1f s of %.1f s are there", at, whole.Seconds())
	}
	if p.video != nil && p.video.Damaged() > 0 {
		text += fmt.Sprintf("; %d damaged pictures", p.video.Damaged())
	}
	p.sink.Describe(text)
}

// errShown ends a stretch that was to show one picture only.
var errShown = errors.New("shown")

// play plays from pos (from the in point) and returns the position reached, and
// whether the material is over. Paused, it shows the picture there and no more; of sound
// alone there is nothing to show, and nothing is read.
func (p *player) play(ctx context.Context, pos time.Duration, paused bool) (time.Duration, bool, error) {
	if paused && p.video == nil {
		return pos, false, nil
	}
	if !p.fresh || pos > 0 && !p.landing {
		if err := p.seek(p.origin + pos); err != nil {
			return pos, false, fmt.Errorf("file: %s cannot be sought in: %w", p.name, err)
		}
		if err := p.freshPictures(); err != nil {
			return pos, false, fmt.Errorf("file: %s cannot be played on: %w", p.name, err)
		}
		if err := p.freshSound(); err != nil {
			return pos, false, fmt.Errorf("file: %s cannot be played on: %w", p.name, err)
		}
	}
	p.fresh, p.base, p.from = false, -pos, pos
	f := newFeed(p.video != nil, p.audio != nil, false)
	defer f.close()
	parts := []func(context.Context) error{func(ctx context.Context) error { return p.demux(ctx, f) }}
	var v *videoOut
	var a *audioOut
	if p.video != nil {
		v = newVideoOut(p.sink, p.origin, pos, p.out, p.video.shown)
		defer v.close()
		parts = append(parts, func(ctx context.Context) error {
			emit := func(frame *media.Frame) error {
				p.video.SetSkipNonRef(!p.virtual && p.sink.Demand() == DemandReduced)
				frame.PTS = p.video.exact(frame.PTS)
				err := v.emit(ctx, frame)
				if err == nil && paused && v.count > 0 {
					err = errShown
				}
				return err
			}
			return decode(ctx, f, pictures, p.video, emit, func(it item) error { return v.mark(ctx, it) })
		})
	}
	if p.audio != nil {
		a = newAudioOut(p.sink, p.origin, pos, p.out, p.set.Loop && p.video != nil)
		var counted *countedSound // only where the file's place is known better than its times are
		if p.landing {
			counted = &countedSound{}
		}
		parts = append(parts, func(ctx context.Context) error {
			emit := func(b media.AudioBlock) error {
				if paused {
					return nil
				}
				p.told.sound(p.audio)
				if counted != nil {
					counted.place(&b)
					if p.landing {
						a.origin, p.landing = b.PTS-p.lands, false
					}
				}
				return a.emit(ctx, b)
			}
			return decode(ctx, f, sound, p.audio, emit, func(it item) error {
				if paused {
					return nil
				}
				return a.mark(ctx, it)
			})
		})
	}
	err := together(ctx, parts...)
	switch {
	case errors.Is(err, errShown):
		return pos, false, nil // playing on shows this picture again, for its time
	case v != nil:
		pos = v.pos
	default:
		pos = a.pos
	}
	return pos, err == nil && !paused, err
}

// streamOf is one of the input's streams.
func (p *player) streamOf(stream int) *av.Stream {
	if stream == pictures {
		return p.in.Video()
	}
	return p.in.Audio()
}

// demux reads pass after pass into f.
func (p *player) demux(ctx context.Context, f *feed) error {
	for {
		end, err := p.pass(ctx, f)
		if err != nil {
			return err
		}
		for stream, there := range f.present {
			if !there {
				continue
			}
			if err := f.put(ctx, stream, item{end: true, last: !p.set.Loop, t: end}); err != nil {
				return err
			}
		}
		if !p.set.Loop {
			return nil
		}
		p.base, p.from = p.base+end, 0
		if err := p.seek(p.origin); err != nil {
			return fmt.Errorf("file: %s cannot be looped: %w", p.name, err)
		}
	}
}

// seek goes to the keyframe at or before t. At the start it opens the file anew: a
// seek in MP4 and Matroska leaves out the packet of priming that a sound decoder
// needs for its first 20 ms to be whole. Where the file is gone by now, a seek in
// what is still open has to do.
func (p *player) seek(t time.Duration) error {
	if t <= p.start {
		if in, err := p.reopen(); err == nil {
			if p.in != p.opened {
				p.in.Close()
			}
			p.in = in
			return nil
		}
	}
	return p.in.Seek(t)
}

// pass reads to the out point or the end and returns how long the material is, from
// the in point. It is known here, ahead of the decoders, so that pictures and sound
// of the next pass need not wait for each other.
func (p *player) pass(ctx context.Context, f *feed) (time.Duration, error) {
	var ends, last [2]time.Duration
	past := [2]bool{!f.present[pictures], !f.present[sound]}
	p.readErr = nil
	p.steady = steady{}
	p.coded.pass()
	for !past[pictures] || !past[sound] {
		pkt := f.packet()
		if err := p.in.ReadPacket(pkt); err != nil {
			f.recycle(pkt)
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			if !errors.Is(err, io.EOF) {
				p.readErr = err // what is there is played; sayEnd tells
			}
			break
		}
		stream := sound
		if v := p.in.Video(); v != nil && pkt.Stream == v.Index {
			stream = pictures
		}
		d := p.steady.shift[stream]
		if pkt.HasDTS { // Matroska tells none for the first pictures after a seek
			d = p.steady.follow(stream, pkt.DTS)
		}
		if d != 0 {
			pkt.Shift(d, p.streamOf(stream))
			p.told.jumps(p.steady.jumps, p.steady.jump, pkt.DTS-p.start)
		}
		at := pkt.DTS - p.origin
		if pkt.HasPTS {
			at = pkt.PTS - p.origin
		}
		if !f.present[stream] || p.out > 0 && pkt.DTS-p.origin >= p.out {
			past[stream] = true
			f.recycle(pkt)
			continue
		}
		length := max(0, min(at-last[stream], 200*time.Millisecond))
		if stream == pictures {
			at, length = p.video.exact(at+p.origin)-p.origin, p.video.step
		}
		last[stream] = at
		shown := at
		if stream == pictures {
			shown = max(at, p.from) // as videoOut has it; of sound, audioOut cuts the beginning off
		}
		hidden := p.out > 0 && at >= p.out || stream == pictures && at+length <= p.from || stream == sound && at+pkt.Duration <= p.from
		early := time.Duration(0)
		if pkt.HasDTS {
			early = min(pkt.DTS-p.origin-at, 0)
		}
		p.coded.packet(stream, pkt, p.base+shown, p.base+shown+early, hidden || pkt.Corrupt)
		ends[stream] = max(ends[stream], at+length)
		if err := f.put(ctx, stream, item{pkt: pkt, t: pkt.DTS - p.origin}); err != nil {
			return 0, err
		}
	}
	// The length of the last packet of sound is guessed; where the file says how long
	// it is, it is not longer.
	if whole := p.said(); whole > 0 && p.readErr == nil && p.steady.jumps == 0 {
		ends[sound] = min(ends[sound], max(p.in.Start()+whole-p.origin, 0))
	}
	end := max(ends[pictures], ends[sound])
	// A little more sound than pictures is the encoder's padding: cutting it keeps the
	// pictures of the passes evenly spaced, and audioOut has held it back for that.
	if over := ends[sound] - ends[pictures]; f.present[pictures] && ends[pictures] > 0 && over < padding {
		end = ends[pictures]
	}
	if p.out > 0 {
		end = min(end, p.out)
	}
	p.reached = end
	if end > 0 && p.readErr == nil {
		p.length(end)
	}
	if end <= 0 {
		return 0, fmt.Errorf("file: %s has nothing to play behind %.1f s", p.name, p.set.In)
	}
	return end, nil
}
