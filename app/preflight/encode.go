package preflight

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// encode runs every encoder that the show needs, together and at the show's rate, on
// pictures as hard as a camera's, and says whether each keeps up.
func (o Options) encode(ctx context.Context) []Finding {
	renditions := o.renditions()
	if len(renditions) == 0 {
		return nil
	}
	c := o.Show.Canvas
	pictures := testPictures(c.Width, c.Height, c.Color.Info())
	defer func() {
		for _, f := range pictures {
			f.Release()
		}
	}()
	out := make([]Finding, len(renditions))
	var wg sync.WaitGroup
	for i, r := range renditions {
		wg.Go(func() { out[i] = o.encodeOne(ctx, r, pictures) })
	}
	wg.Wait()
	return out
}

// busyAmber is the share of its time that an encoder may be at work before that is said.
const busyAmber = 0.75

// encoder is what is used of av.VideoEncoder.
type encoder interface {
	Name() string
	Encode(f *media.Frame, pts int64, forceKey bool) ([]*media.Packet, error)
	Close()
}

// openEncoder is the usual Options.openEncoder.
func openEncoder(opt av.VideoEncoderOptions) (encoder, error) {
	e, err := av.NewVideoEncoder(opt)
	if err != nil {
		return nil, err // a nil *av.VideoEncoder would not be a nil encoder
	}
	return e, nil
}

// encodeOne gives an encoder pictures at its rate. One that is further behind than pictures may
// wait for it in the show misses pictures, as it would there.
func (o Options) encodeOne(ctx context.Context, r scenes.Rendition, pictures []*media.Frame) Finding {
	canvas, fps := o.Show.Canvas, r.Video.FPS(o.Show.Canvas.FPS)
	f := Finding{Check: "encoding", Verdict: NoGo,
		Subject: fmt.Sprintf("%s (%dx%d at %.4g, %s %d kb/s)", r.ID, r.Video.Width, r.Video.Height, fps.Float(), r.Video.Codec, r.Video.BitrateKbps)}
	open := o.openEncoder
	if open == nil {
		open = openEncoder
	}
	e, err := open(av.VideoEncoderOptions{
		Encoder: r.Video.Encoder, Codec: media.Codec(r.Video.Codec), Width: r.Video.Width, Height: r.Video.Height, FPS: fps,
		BitrateBPS: r.Video.BitrateKbps * 1000, GOP: max(int(r.Video.KeyframeSeconds*fps.Float()), 1), Preset: r.Video.Preset,
		BFrames: -1, Color: canvas.Color.Info(), Format: media.I420,
	})
	if err != nil {
		f.Text = fmt.Sprintf("It cannot be encoded here: %v. Choose another codec or encoder (Outputs, Renditions).", err)
		return f
	}
	defer e.Close()
	total := max(media.UnitsIn(o.Encode, fps.Inv()), 1)
	behind := media.TickTime(engine.PictureDepth, fps) // by then the queue is full
	began, busy, missed := time.Now(), time.Duration(0), int64(0)
	for n := range total {
		due := began.Add(media.TickTime(n, fps))
		if wait := time.Until(due); wait > 0 {
			if media.Wait(ctx, wait) != nil {
				return f
			}
		} else if -wait > behind {
			missed++
			continue
		}
		if ctx.Err() != nil {
			return f
		}
		start := time.Now()
		if _, err := e.Encode(pictures[n%int64(len(pictures))], n, false); err != nil {
			f.Text = fmt.Sprintf("%s reports: %v. Choose another encoder (Outputs, Renditions).", e.Name(), err)
			return f
		}
		busy += time.Since(start)
	}
	share := float64(busy) / float64(media.TickTime(total, fps))
	f.Text = fmt.Sprintf("%s kept up for %v and was at work %.0f %% of the time.", e.Name(), o.Encode, 100*share)
	switch {
	case missed > 0:
		f.Text = fmt.Sprintf("%s missed %d of %d pictures: choose a faster preset, a smaller size or half the frame rate (Outputs, Renditions).", e.Name(), missed, total)
	case share > busyAmber:
		f.Verdict = Caution
		f.Text += " Little is left for decoding and graphics."
	default:
		f.Verdict = Go
	}
	return f
}

// pictureCount is how many different test pictures there are: noise that repeats after
// eight is as hard to an encoder as noise that does not, whose references are the last few.
const pictureCount = 8

// testPictures move and are noisy, like a camera in a dim room.
func testPictures(width, height int, color media.ColorInfo) []*media.Frame {
	pool := media.NewFramePool(media.I420, width, height, 0)
	rng := rand.New(rand.NewPCG(1, 2)) // the same every time
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = byte(rng.IntN(17))
	}
	out := make([]*media.Frame, pictureCount)
	for n := range out {
		f := pool.Get()
		f.Color = color
		f.Fill(128, 120, 136)
		y := f.Planes[0]
		for row := range height {
			line := y.Data[row*y.Stride:][:width]
			at := rng.IntN(len(noise))
			for x := range line {
				// A texture of 64 pixels that pans 6 a picture, over a slope.
				texture := ((x + 6*n) >> 3 & 7) ^ (row >> 3 & 7)
				line[x] = byte(60 + texture*8 + row*40/height + int(noise[(at+x)&(len(noise)-1)]))
			}
		}
		out[n] = f
	}
	return out
}
