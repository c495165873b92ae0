package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

const (
	// examineEvery is the least time between two keyframes of a stream that are decoded;
	// a little below two seconds, which is how far apart they usually are.
	examineEvery = 1900 * time.Millisecond
	// around is how much sound on either side of a keyframe is decoded: with both a
	// second and a beep in any case.
	around = 600 * time.Millisecond
	// maxSound bounds the blocks of sound that are kept for it.
	maxSound = 512
)

// pending collects what an examination needs: a keyframe and the sound around it. It
// belongs to a stream and is guarded by its mutex.
type pending struct {
	sound   []timed
	key     *timed
	last    time.Duration // of the keyframe examined last
	any     bool          // last is set
	running bool
}

type timed struct {
	packet *media.Packet
	pts    time.Duration
}

func (e *pending) reset() { e.sound, e.key, e.any = nil, nil, false }

// packet takes a stream's next packet and returns an examination when one is complete.
func (e *pending) packet(s *stream, p *media.Packet, pts time.Duration) *examination {
	if s.r.examiner == nil {
		return nil
	}
	if p.Audio {
		e.sound = append(e.sound, timed{p, pts})
		old := 0
		for old < len(e.sound) && (e.sound[old].pts < pts-2*time.Second || len(e.sound)-old > maxSound) {
			old++
		}
		e.sound = slices.Delete(e.sound, 0, old)
	} else if p.Keyframe && e.key == nil && !e.running && (!e.any || (pts-e.last).Abs() >= examineEvery) {
		e.key, e.last, e.any = &timed{p, pts}, pts, true
	}
	if e.key == nil || p.Audio && pts < e.key.pts+around || !p.Audio && pts < e.key.pts+2*around {
		return nil
	}
	job := &examination{s: s, key: *e.key, tracks: slices.Clone(s.tracks)}
	for _, t := range e.sound {
		if (t.pts - e.key.pts).Abs() <= around {
			job.sound = append(job.sound, t)
		}
	}
	job.fps, _ = s.video.rate()
	e.key, e.running = nil, true
	return job
}

// findings are what examinations found; guarded by the stream's mutex.
type findings struct {
	examined, unreadable int64
	width, height        int
	code                 *CodeReport
	offset               *time.Duration
	least, most          time.Duration
}

func (f *findings) report(out *Report) {
	out.Examined, out.Unreadable = f.examined, f.unreadable
	if f.code != nil {
		c := *f.code
		out.Code = &c
	}
	if f.offset != nil {
		out.AVOffsetMS, out.AVOffsetMinMS, out.AVOffsetMaxMS = milliseconds(*f.offset), milliseconds(f.least), milliseconds(f.most)
	}
}

// examination is one keyframe with the sound around it.
type examination struct {
	s      *stream
	key    timed
	sound  []timed
	tracks []media.Track
	fps    media.Rational
}

// examiner decodes for all streams, one keyframe at a time.
type examiner struct {
	log  *slog.Logger
	jobs chan *examination // at most one of each stream; beyond 16 they are left out
}

func newExaminer(log *slog.Logger) *examiner {
	return &examiner{log: log, jobs: make(chan *examination, 16)}
}

// submit hands a job over and never waits; false means that there is too much to do.
func (e *examiner) submit(job *examination) bool {
	select {
	case e.jobs <- job:
		return true
	default:
		return false
	}
}

func (e *examiner) run(ctx context.Context) {
	for {
		select {
		case job := <-e.jobs:
			seen, err := job.run(ctx)
			if err != nil {
				e.log.Debug("rehearsal keyframe not decoded", "reason", err)
			}
			job.s.examined(seen, err)
		case <-ctx.Done():
			return
		}
	}
}

// examined takes an examination's result.
func (s *stream) examined(seen sight, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.examination.running = false
	f := &s.found
	if err != nil {
		f.unreadable++
		return
	}
	f.examined++
	f.width, f.height = seen.width, seen.height
	f.code = seen.code
	f.offset = seen.offset
	if seen.offset == nil {
		return
	}
	if f.least == 0 && f.most == 0 {
		f.least, f.most = *seen.offset, *seen.offset
	}
	f.least, f.most = min(f.least, *seen.offset), max(f.most, *seen.offset)
}

// sight is what one examination sees.
type sight struct {
	width, height int
	code          *CodeReport
	offset        *time.Duration
}

var errNoPicture = errors.New("rehearsal: the keyframe gives no picture")

// run decodes by way of a small Matroska file in memory, since decoders take what a
// demuxer gives.
func (x *examination) run(ctx context.Context) (sight, error) {
	in, err := x.open(ctx)
	if err != nil {
		return sight{}, err
	}
	defer in.Close()
	if in.Video() == nil {
		return sight{}, errNoPicture
	}
	pictures, err := av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{Threads: 1, LowDelay: true})
	if err != nil {
		return sight{}, err
	}
	defer pictures.Close()
	var blocks *av.AudioDecoder
	if in.Audio() != nil && len(x.sound) > 0 {
		if blocks, err = av.NewAudioDecoder(in.Audio()); err != nil {
			return sight{}, err
		}
		defer blocks.Close()
	}
	var frame *media.Frame
	defer func() { frame.Release() }()
	var heard track
	p := av.NewInputPacket()
	defer p.Free()
	for {
		if err := in.ReadPacket(p); err != nil {
			break // its end, or damage: what there is counts
		}
		if p.Stream == in.Video().Index && frame == nil {
			if frame, err = picture(pictures, p); err != nil {
				return sight{}, err
			}
		} else if blocks != nil && p.Stream != in.Video().Index {
			if err := heard.hear(blocks, p); err != nil {
				return sight{}, err
			}
		}
	}
	if frame == nil {
		return sight{}, errNoPicture
	}
	return x.judge(frame, &heard), ctx.Err()
}

// open makes the file and opens it.
func (x *examination) open(ctx context.Context) (*av.Input, error) {
	var file bytes.Buffer
	tracks := []media.Track{forContainer(x.tracks[x.key.packet.Track], x.fps)}
	if len(x.sound) > 0 {
		tracks = append(tracks, forContainer(x.tracks[x.sound[0].packet.Track], media.Rational{}))
	}
	m, err := av.NewMuxer(av.MuxerOptions{Format: "matroska", Tracks: tracks, Write: func(b []byte) error {
		file.Write(b)
		return nil
	}})
	if err != nil {
		return nil, err
	}
	put := func(t timed, track int) {
		q := *t.packet
		q.Track, q.Time = track, t.pts
		if !q.Audio {
			q.DTS = q.PTS // it is alone
		}
		if e := m.WritePacket(&q); e != nil && err == nil {
			err = e
		}
	}
	written := false
	for _, t := range x.sound {
		if t.pts >= x.key.pts && !written {
			written = true
			put(x.key, 0)
		}
		put(t, 1)
	}
	if !written {
		put(x.key, 0)
	}
	if e := m.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return av.OpenInput(ctx, "excerpt", av.InputOptions{
		Format: "matroska", ReadFrom: &file, Timeout: 2 * time.Second,
		// The header says everything: nothing is decoded to find out more.
		Options: map[string]string{"probesize": "32", "analyzeduration": "0"},
	})
}

// picture decodes the keyframe p.
func picture(d *av.VideoDecoder, p *av.InputPacket) (*media.Frame, error) {
	if err := d.Send(p); err != nil {
		return nil, err
	}
	f, err := d.Receive()
	if errors.Is(err, av.ErrAgain) { // it waits for a second picture, which does not come
		if err := d.Send(nil); err != nil {
			return nil, err
		}
		f, err = d.Receive()
	}
	if err != nil {
		return nil, errNoPicture
	}
	return f, nil
}

// track is decoded sound, mono, without holes.
type track struct {
	samples []float32
	skip    int // blocks yet to be left out: the first ones lack their predecessor
	begun   bool
	// origins is the sum of where the sound begins as each of the blocks says; their time
	// stamps are rounded to milliseconds, the mean is not.
	origins time.Duration
	blocks  int64
}

func (t *track) hear(d *av.AudioDecoder, p *av.InputPacket) error {
	if err := d.Send(p); err != nil {
		return err
	}
	if !t.begun {
		t.begun, t.skip = true, 2
	}
	for {
		b, err := d.Receive()
		if err != nil {
			return nil // it wants another packet; damage is counted by the decoder
		}
		if t.skip > 0 {
			t.skip--
			continue
		}
		at := media.TimeOf(int64(len(t.samples)), media.Rational{Num: 1, Den: media.SampleRateHz})
		if t.blocks > 0 && (b.PTS-at-t.start()).Abs() > 5*time.Millisecond {
			// Something is missing: what came before cannot be joined to the rest.
			*t, at = track{begun: true}, 0
		}
		t.origins += b.PTS - at
		t.blocks++
		for i := 0; i+1 < len(b.Samples); i += media.Channels {
			t.samples = append(t.samples, (b.Samples[i]+b.Samples[i+1])/2)
		}
	}
}

func (t *track) start() time.Duration {
	if t.blocks == 0 {
		return 0
	}
	return t.origins / time.Duration(t.blocks)
}

// judge looks for a synthetic camera's frame counter, and for its flash and beep.
func (x *examination) judge(f *media.Frame, heard *track) sight {
	out := sight{width: f.Width, height: f.Height}
	camera, number, source, ok := readCode(f)
	if !ok {
		return out
	}
	out.code = &CodeReport{Camera: int(camera), Number: int64(number)}
	if !x.fps.IsSet() || len(heard.samples) == 0 {
		return out
	}
	nominal := (x.fps.Num + x.fps.Den/2) / x.fps.Den
	if nominal <= 0 {
		return out
	}
	since := int64(number) % nominal
	if lit, known := flashes(f, source); !known || lit != (since == 0) {
		return out // a counter, but not of a synthetic camera
	}
	flash, period := x.key.pts-media.TickTime(since, x.fps), media.TickTime(nominal, x.fps)
	if media.TimeOf(int64(len(heard.samples)), media.Rational{Num: 1, Den: media.SampleRateHz}) < period+2*quietMS*time.Millisecond {
		return out
	}
	found := beeps(heard.samples, media.TickTime(1, x.fps))
	for i := range found {
		found[i] += heard.start()
	}
	if d, ok := nearest(flash, found, period); ok {
		out.offset = &d
	}
	return out
}

// size of a picture.
type size struct{ w, h int }

// readCode reads the frame counter of a picture that may have been scaled as a whole
// from one of the usual sizes, and says from which.
func readCode(f *media.Frame) (camera uint8, number uint32, source size, ok bool) {
	for _, h := range [...]int{f.Height, 1080, 720, 2160, 1440, 540, 360, 180} {
		source = size{f.Width * h / f.Height &^ 1, h}
		if camera, number, ok = framecode.ReadIn(f, 0, 0, f.Width, f.Height, source.w, source.h); ok {
			return camera, number, source, true
		}
	}
	return 0, 0, size{}, false
}

// flashes reports whether the box of a synthetic camera is lit; known is false when
// it is neither lit nor dark.
func flashes(f *media.Frame, source size) (lit, known bool) {
	area := sources.FlashArea(source.w, source.h)
	// The middle half of it, in this picture's pixels.
	x0 := (area.Min.X + area.Dx()/4) * f.Width / source.w
	x1 := (area.Max.X - area.Dx()/4) * f.Width / source.w
	y0 := (area.Min.Y + area.Dy()/4) * f.Height / source.h
	y1 := (area.Max.Y - area.Dy()/4) * f.Height / source.h
	if x0 < 0 || y0 < 0 || x1 > f.Width || y1 > f.Height || x0 >= x1 || y0 >= y1 || f.Format == media.RGBA {
		return false, false
	}
	sum := 0
	for y := y0; y < y1; y++ {
		for _, v := range f.Planes[0].Data[y*f.Planes[0].Stride+x0 : y*f.Planes[0].Stride+x1] {
			sum += int(v)
		}
	}
	mean := sum / ((x1 - x0) * (y1 - y0))
	return mean > 180, mean > 180 || mean < 60
}
