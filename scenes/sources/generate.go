package sources

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// together runs the parts of a source side by side and waits for all of them. The
// first error ends the others and is returned; a panic becomes an error.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	for _, part := range parts {
		wg.Go(func() {
			if err := guarded(ctx, part); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	wg.Wait()
	return first
}

// guarded turns a panic of part into an error, a *supervise.PanicError.
func guarded(ctx context.Context, part func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &supervise.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return part(ctx)
}

// generate runs a Paced generator: picture makes picture n, whose PTS and number are
// set here; sound gives the sound of its time, which ends where that of n+1 begins.
// Pictures and sound go their own ways so that neither waits for room for the
// other. Both functions are called by one goroutine each, with n counting from 0.
func generate(ctx context.Context, sink Sink, fps media.Rational, picture func(n int64) *media.Frame, sound func(n int64) []float32) error {
	video := func(ctx context.Context) error {
		for n := int64(0); ; n++ {
			f := picture(n)
			f.Number, f.PTS = n, media.TickTime(n, fps)
			if err := sink.Video(ctx, f); err != nil {
				return err
			}
		}
	}
	audio := func(ctx context.Context) error {
		tb := media.Rational{Num: 1, Den: media.SampleRateHz}
		for n := int64(0); ; n++ {
			start := media.SampleAt(n, fps, media.SampleRateHz)
			if err := sink.Audio(ctx, media.AudioBlock{Samples: sound(n), PTS: media.TimeOf(start, tb)}); err != nil {
				return err
			}
		}
	}
	return together(ctx, video, audio)
}

// soundLoop is a stretch of sound that starts again at every picture whose number
// is a multiple of frames, cut to pictures without gap or overlap.
type soundLoop struct {
	fps     media.Rational
	frames  int64
	samples []float32 // interleaved stereo
}

// newSoundLoop renders a loop of so many pictures; at gives the value at audio frame
// i of the loop.
func newSoundLoop(fps media.Rational, frames int64, at func(i int) float32) *soundLoop {
	// The length of a loop may differ by one where the rates do not divide.
	n := int(media.SampleAt(frames, fps, media.SampleRateHz)) + 1
	l := &soundLoop{fps, frames, make([]float32, n*media.Channels)}
	for i := range n {
		v := at(i)
		for c := range media.Channels {
			l.samples[i*media.Channels+c] = v
		}
	}
	return l
}

// of is the sound of picture n; it is valid for good and must not be changed.
func (l *soundLoop) of(n int64) []float32 {
	base := media.SampleAt(n-n%l.frames, l.fps, media.SampleRateHz)
	from := media.SampleAt(n, l.fps, media.SampleRateHz) - base
	to := media.SampleAt(n+1, l.fps, media.SampleRateHz) - base
	return l.samples[from*media.Channels : to*media.Channels]
}

// nominalFPS is the rate timecode counts in: 30 for 30000/1001.
func nominalFPS(fps media.Rational) int64 {
	return max(1, int64(math.Round(fps.Float())))
}

// canvasOr fills what a test or a tool left out of opt with the default canvas.
func canvasOr(opt Options) Options {
	if opt.Width <= 0 || opt.Height <= 0 {
		opt.Width, opt.Height = 1920, 1080
	}
	if !opt.FPS.IsSet() {
		opt.FPS = media.Rational{Num: 30, Den: 1}
	}
	if opt.Color == (media.ColorInfo{}) {
		opt.Color = media.Rec709
	}
	if opt.Clock == nil {
		opt.Clock = media.NewRealClock()
	}
	return opt
}

// describeGenerator is the operator's line for a generator.
func describeGenerator(opt Options) string {
	return fmt.Sprintf("%dx%d %.5g fps, 48 kHz stereo", opt.Width, opt.Height, opt.FPS.Float())
}
