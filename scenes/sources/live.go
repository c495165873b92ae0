package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// liveInput is what network pulls, cameras and screens have in common: an input that
// goes by a clock of its own until it fails.
type liveInput struct {
	kind     string // begins the errors
	url      string
	options  av.InputOptions
	hardware string
	lowDelay bool // decode each picture as it comes
	// deinterlace makes whole pictures of interlaced ones.
	deinterlace bool
	opt         Options
	// bursts says of an open input that it delivers faster than it plays (segments, a
	// recording on a web server), so that it has to be held to its own time here.
	bursts func(*av.Input) bool
	// words says what an error means; nil: it is said as it is.
	words func(ctx context.Context, url string, opened bool, err error) string
	// reports says that the sender may tell only later how its streams belong together: RTSP.
	reports bool
}

var (
	errJump = errors.New("the time stamps jump")
	// errStreamEnded is the far end's orderly end of something that has none.
	errStreamEnded = errors.New("the far end ended the stream")
)

// jumpBack and jumpAhead are how far a stream's decoding times may step before that is
// a new timeline, and how far a picture may lie from its decoding time to be believed.
const (
	jumpBack  = time.Second
	jumpAhead = 10 * time.Second
)

// run works until ctx ends or the input fails; nil when a recording is over.
func (l *liveInput) run(ctx context.Context, sink Sink) error {
	in, err := av.OpenInput(ctx, l.url, l.options)
	if err != nil {
		return l.explain(ctx, err, false)
	}
	defer in.Close()
	p := &livePlayer{liveInput: l, sink: sink, in: in, coded: newCodedTap(sink, in)}
	defer p.close()
	if err := p.openDecoders(); err != nil {
		return fmt.Errorf("%s: %s: %w", l.kind, av.Where(l.url), err)
	}
	if l.reports {
		p.reports = newReports(in)
	}
	text := describeInput(in)
	if p.video != nil && p.video.Note() != "" {
		text += ", " + p.video.Note()
	}
	p.told = newTelling(sink, text)
	sink.Streams(p.video != nil, p.audio != nil)
	for {
		err := p.stretch(ctx)
		if !errors.Is(err, errJump) || ctx.Err() != nil {
			return l.explain(ctx, err, true)
		}
		sink.Restart()
		if p.video != nil {
			p.video.Flush()
		}
		if p.audio != nil {
			p.audio.Flush()
		}
	}
}

// explain puts an error of the input in the words of its kind.
func (l *liveInput) explain(ctx context.Context, err error, opened bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "av: ")
	if l.words != nil {
		text = l.words(ctx, l.url, opened, err)
	}
	return &openError{l.kind + ": " + text, err}
}

// openError is av's error in the words of a kind: which library found it is of no use to
// the operator.
type openError struct {
	text string
	err  error
}

func (e *openError) Error() string { return e.text }

func (e *openError) Unwrap() error { return e.err }

// livePlayer is an open liveInput.
type livePlayer struct {
	*liveInput
	sink    Sink
	in      *av.Input
	video   *av.VideoDecoder
	audio   *av.AudioDecoder
	told    *telling
	coded   *codedTap
	reports *reports        // nil: how the streams belong together is known
	pending *av.InputPacket // the packet that jumped: the first of the next stretch
}

func (p *livePlayer) openDecoders() error {
	var why error
	if st := p.in.Video(); st != nil {
		p.video, why = av.NewVideoDecoder(st, av.VideoDecoderOptions{
			Hardware: p.hardware, Canvas: p.opt.Color, LowDelay: p.lowDelay, Deinterlace: p.deinterlace, Rate: p.opt.FPS,
		})
	}
	if st := p.in.Audio(); st != nil {
		var err error
		if p.audio, err = av.NewAudioDecoder(st); err != nil && why == nil {
			why = err
		}
	}
	if p.video == nil && p.audio == nil {
		return why
	}
	return nil
}

func (p *livePlayer) close() {
	if p.pending != nil {
		p.pending.Free()
	}
	if p.video != nil {
		p.video.Close()
	}
	if p.audio != nil {
		p.audio.Close()
	}
}

// stretch plays until the time stamps jump or something fails.
func (p *livePlayer) stretch(ctx context.Context) error {
	bursts := p.bursts != nil && p.bursts(p.in)
	f := newFeed(p.video != nil, p.audio != nil, !bursts)
	defer f.close()
	wait := func(context.Context, time.Duration) error { return nil }
	if bursts {
		wait = (&pacer{}).wait
	}
	parts := []func(context.Context) error{func(ctx context.Context) error { return p.demux(ctx, f) }}
	if p.video != nil {
		last, first := time.Duration(0), true
		var turned *anew // until pictures of its timeline come
		emit := func(ctx context.Context, frame *media.Frame) error {
			p.video.SetSkipNonRef(p.sink.Demand() == DemandReduced)
			if turned.before(frame.PTS) {
				frame.Release()
				return nil
			}
			turned = nil
			p.reports.picture(p.sink, frame.PTS)
			if !first && frame.PTS <= last {
				frame.Release()
				return nil
			}
			first, last = false, frame.PTS
			if err := wait(ctx, frame.PTS); err != nil {
				frame.Release()
				return err
			}
			return p.sink.Video(ctx, frame)
		}
		parts = append(parts, func(ctx context.Context) error {
			mark := func(it item) error {
				if it.anew == nil {
					return nil
				}
				turned, first = it.anew, true
				return it.anew.begin(ctx, pictures, p.sink)
			}
			return decode(ctx, f, pictures, p.video, func(frame *media.Frame) error { return emit(ctx, frame) }, mark)
		})
	}
	if p.audio != nil {
		parts = append(parts, func(ctx context.Context) error {
			emit := func(b media.AudioBlock) error {
				if err := wait(ctx, b.PTS); err != nil {
					return err
				}
				p.told.sound(p.audio)
				return p.sink.Audio(ctx, b)
			}
			mark := func(it item) error {
				if it.anew == nil {
					return nil
				}
				return it.anew.begin(ctx, sound, p.sink)
			}
			return decode(ctx, f, sound, p.audio, emit, mark)
		})
	}
	return together(ctx, parts...)
}

// demux reads into f. At the end of a recording it lets the decoders finish; the end
// of anything else is an error.
func (p *livePlayer) demux(ctx context.Context, f *feed) error {
	var last [2]time.Duration
	var seen [2]bool
	var turns unwrap
	for ctx.Err() == nil {
		pkt := p.pending
		p.pending = nil
		if pkt == nil {
			pkt = f.packet()
			if err := p.in.ReadPacket(pkt); err != nil {
				f.recycle(pkt)
				if errors.Is(err, io.EOF) {
					return p.end(ctx, f)
				}
				return err
			}
		}
		stream, st := sound, p.in.Audio()
		if v := p.in.Video(); v != nil && pkt.Stream == v.Index {
			stream, st = pictures, v
		}
		if !f.present[stream] {
			f.recycle(pkt)
			continue
		}
		turns.follow(stream, pkt, st, last, seen)
		if pkt.HasPTS && pkt.HasDTS && (pkt.PTS-pkt.DTS < -jumpBack || pkt.PTS-pkt.DTS > jumpAhead) {
			// Shown at that time, a damaged one would keep back all that follow until then.
			pkt.ForgetPTS()
		}
		if pkt.HasDTS { // which the first pictures of a reordered stream need not have
			if d := pkt.DTS - last[stream]; seen[stream] && (d < -jumpBack || d > jumpAhead) {
				turns.undo(stream, pkt, st)
				p.pending = pkt
				return errJump
			}
			last[stream], seen[stream] = pkt.DTS, true
			if step := p.reports.look(stream, pkt); step != 0 {
				at := newAnew(stream, step, pkt.DTS)
				for s := range f.present {
					if err := f.put(ctx, s, item{anew: at}); err != nil {
						f.recycle(pkt)
						return err
					}
				}
			}
		}
		pts, dts := pkt.PTS, pkt.DTS
		if !pkt.HasPTS {
			pts = dts
		}
		if !pkt.HasDTS {
			dts = pts
		}
		p.coded.packet(stream, pkt, pts, dts, !pkt.HasPTS && !pkt.HasDTS || pkt.Corrupt)
		if err := f.put(ctx, stream, item{pkt: pkt, t: pkt.DTS}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (p *livePlayer) end(ctx context.Context, f *feed) error {
	if p.in.Duration() <= 0 {
		return errStreamEnded
	}
	for stream, there := range f.present {
		if !there {
			continue
		}
		if err := f.put(ctx, stream, item{end: true, last: true}); err != nil {
			return err
		}
	}
	return nil
}

// pacer holds what comes in bursts to real time: from the first picture or sound on.
// For several goroutines.
type pacer struct {
	mu      sync.Mutex
	started bool          // guarded by mu
	base    time.Time     // guarded by mu; when first was due
	first   time.Duration // guarded by mu
}

// wait blocks until pts is due. Material that comes more than a second late is due now,
// and what follows it accordingly.
func (p *pacer) wait(ctx context.Context, pts time.Duration) error {
	p.mu.Lock()
	now := time.Now()
	if !p.started || now.Sub(p.base.Add(pts-p.first)) > time.Second {
		p.started, p.base, p.first = true, now, pts
	}
	d := p.base.Add(pts - p.first).Sub(now)
	p.mu.Unlock()
	return media.Wait(ctx, d)
}
