package testkit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Clip is material that an analyser can judge: a counter in every picture, and at
// every whole second, or every so many, a flash and a beep.
type Clip struct {
	Format  string // libavformat's name of the container
	Width   int
	Height  int
	FPS     media.Rational
	Camera  uint8
	Seconds int
	Every   int // seconds from flash to flash; 0 is 1
	// Without leaves out these pictures and SoundLate moves the sound: for material
	// with known faults.
	Without   []int64
	SoundLate time.Duration
	// Noise makes the clip as large as a camera's: 1 Mb/s.
	Noise bool
	// BFrames is how many B-frames are coded.
	BFrames int
}

// Write encodes the clip to path. What is left out of Clip is mp4, 320x180 at 30.
func (c Clip) Write(t testing.TB, path string) {
	t.Helper()
	if c.Format == "" {
		c.Format = "mp4"
	}
	if c.Width == 0 {
		c.Width, c.Height = 320, 180
	}
	if !c.FPS.IsSet() {
		c.FPS = media.NewRational(30, 1)
	}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	second := media.UnitsIn(time.Second, c.FPS.Inv())
	period := second * int64(max(c.Every, 1))
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: c.Width, Height: c.Height, FPS: c.FPS, BitrateBPS: 1_000_000, GOP: int(second),
		Preset: "ultrafast", BFrames: c.BFrames,
	})
	must(err)
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{})
	must(err)
	defer audio.Close()
	var packets []*media.Packet
	add := func(audio bool, more []*media.Packet, err error) {
		must(err)
		for _, p := range more {
			if audio {
				p.Track, p.Audio = 1, true
			}
			packets = append(packets, p)
		}
	}
	pool := media.NewFramePool(media.I420, c.Width, c.Height, 2)
	total := int64(c.Seconds) * second
	for n := range total {
		block := c.sound(n, period)
		p, err := audio.Encode(block, media.SampleAt(n, c.FPS, media.SampleRateHz))
		add(true, p, err)
		if slices.Contains(c.Without, n) {
			continue
		}
		f := pool.Get()
		c.paint(f, n, period)
		p, err = video.Encode(f, n, false)
		f.Release()
		add(false, p, err)
	}
	p, err := video.Flush()
	add(false, p, err)
	p, err = audio.Flush()
	add(true, p, err)
	tracks := []media.Track{video.Track(), audio.Track()}
	dts := func(p *media.Packet) time.Duration { return media.TimeOf(p.DTS, tracks[p.Track].TimeBase) }
	slices.SortStableFunc(packets, func(a, b *media.Packet) int { return int(dts(a) - dts(b)) })
	mux, err := av.NewMuxer(av.MuxerOptions{Format: c.Format, Path: path, Tracks: tracks, StartAtZero: true})
	must(err)
	for _, p := range packets {
		must(mux.WritePacket(p))
	}
	must(mux.Close())
}

// paint draws picture n: a moving ramp that tells from a slate, the counter, the flash.
func (c Clip) paint(f *media.Frame, n, period int64) {
	f.Fill(90, 110, 140)
	for y := f.Height / 3; y < f.Height; y++ {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := range f.Width {
			row[x] = byte(70 + (x+int(n)*4)%80)
			if c.Noise {
				row[x] += byte(rand.IntN(60))
			}
		}
	}
	flash := byte(16)
	if n%period == 0 {
		flash = 235
	}
	r := sources.FlashArea(f.Width, f.Height)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := r.Min.X; x < r.Max.X; x++ {
			row[x] = flash
		}
	}
	framecode.Draw(f, c.Camera, uint32(n))
}

// sound is tick n's: a beep of 30 ms with each flash.
func (c Clip) sound(n, flash int64) []float32 {
	from, to := media.SampleAt(n, c.FPS, media.SampleRateHz), media.SampleAt(n+1, c.FPS, media.SampleRateHz)
	period := media.SampleAt(flash, c.FPS, media.SampleRateHz)
	late := int64(c.SoundLate * media.SampleRateHz / time.Second)
	out := make([]float32, 0, 2*(to-from))
	for i := from; i < to; i++ {
		v := float32(0)
		if at := ((i-late)%period + period) % period; at < media.SampleRateHz*30/1000 {
			v = float32(0.5 * math.Sin(2*math.Pi*1000*float64(at)/media.SampleRateHz))
		}
		out = append(out, v, v)
	}
	return out
}
