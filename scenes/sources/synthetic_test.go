package sources

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

func hd(w, h int, fps media.Rational) Options {
	return Options{Width: w, Height: h, FPS: fps, Color: media.Rec709, Name: "Test", Clock: media.NewRealClock()}
}

var (
	fps25   = media.Rational{Num: 25, Den: 1}
	fps2997 = media.Rational{Num: 30000, Den: 1001}
)

func TestSyntheticConforms(t *testing.T) {
	conforms(t, Synthetic(), `{"camera":3,"noise":true}`, hd(641, 359, fps2997), 40, time.Second)
}

// capture runs a paced source for so many pictures and returns what came.
func capture(t *testing.T, kind Kind, settings string, opt Options, frames int, sound time.Duration) *recorder {
	t.Helper()
	src, err := kind.New(json.RawMessage(settings), opt)
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, frames, frames)
	work := start(t, src, sink)
	sink.until(t, "pictures and sound", func() bool {
		return sink.numVideo >= frames && (sink.soundEnd >= sound)
	})
	if err := work.stop(); err == nil {
		t.Error("a stopped generator returned no error")
	}
	t.Cleanup(sink.release)
	return sink
}

func TestSyntheticPicturesAreNumberedAndTimed(t *testing.T) {
	for camera := 1; camera <= 8; camera++ {
		for _, fps := range []media.Rational{fps25, fps2997, {Num: 60, Den: 1}}[:1+2*(camera%8/7)] {
			sink := capture(t, Synthetic(), fmt.Sprintf(`{"camera":%d}`, camera), hd(640, 360, fps), 70, 0)
			rate := nominalFPS(fps)
			area := FlashArea(640, 360)
			for n, f := range sink.frames {
				id, number, ok := framecode.Read(f)
				if !ok || id != uint8(camera) || number != uint32(n) {
					t.Fatalf("picture %d of camera %d reads %d, %d, %v", n, camera, id, number, ok)
				}
				if want := media.TickTime(int64(n), fps); f.PTS != want || f.Number != int64(n) {
					t.Fatalf("picture %d: PTS %v number %d, want %v", n, f.PTS, f.Number, want)
				}
				lit := f.Planes[0].Data[(area.Min.Y+2)*f.Planes[0].Stride+area.Min.X+2] == 235
				if want := int64(n)%rate == 0; lit != want {
					t.Fatalf("picture %d: flash %v, want %v", n, lit, want)
				}
			}
		}
	}
}

func TestSyntheticBeepStartsWithTheFlash(t *testing.T) {
	for _, fps := range []media.Rational{fps25, fps2997, {Num: 60000, Den: 1001}} {
		sink := capture(t, Synthetic(), `{"camera":2}`, hd(320, 180, fps), 100, 3200*time.Millisecond)
		rate := nominalFPS(fps)
		for k := int64(0); k < 3; k++ {
			at := int(media.SampleAt(k*rate, fps, media.SampleRateHz))
			end := int(media.SampleAt(k*rate+1, fps, media.SampleRateHz))
			peak := float32(0)
			for i := at; i < end; i++ {
				peak = max(peak, sink.sound[i*2])
			}
			if math.Abs(float64(peak)-BeepAmplitude) > 0.005 {
				t.Errorf("%v fps: beep %d has a peak of %v", fps, k, peak)
			}
			for i := max(0, at-1000); i < at; i++ {
				if sink.sound[i*2] != 0 {
					t.Fatalf("%v fps: sound at sample %d before beep %d at %d", fps, i, k, at)
				}
			}
			if sink.sound[at*2] != 0 || sink.sound[(at+1)*2] == 0 {
				t.Errorf("%v fps: beep %d does not start at sample %d", fps, k, at)
			}
		}
	}
}

func TestSyntheticTonesDiffer(t *testing.T) {
	energy := func(samples []float32, hz float64) float64 {
		var re, im float64
		for i := range len(samples) / 2 {
			s, c := math.Sincos(2 * math.Pi * hz * float64(i) / media.SampleRateHz)
			re += float64(samples[i*2]) * c
			im += float64(samples[i*2]) * s
		}
		return math.Hypot(re, im)
	}
	for camera := 1; camera <= 8; camera++ {
		sink := capture(t, Synthetic(), fmt.Sprintf(`{"camera":%d}`, camera), hd(320, 180, fps25), 30, 900*time.Millisecond)
		tone := sink.sound[media.SampleRateHz/5*2 : media.SampleRateHz*9/10*2]
		own := energy(tone, cameraTonesHz[camera-1])
		for other, hz := range cameraTonesHz {
			if other+1 != camera && energy(tone, hz) > own/2 {
				t.Errorf("camera %d sounds like camera %d", camera, other+1)
			}
		}
	}
}

func TestSyntheticCamerasLookDifferentAndMove(t *testing.T) {
	var first [8]*media.Frame
	for camera := range 8 {
		sink := capture(t, Synthetic(), fmt.Sprintf(`{"camera":%d}`, camera+1), hd(320, 180, fps25), 3, 0)
		first[camera] = sink.frames[0]
		if d := difference(sink.frames[1], sink.frames[2]); d < 0.3 {
			t.Errorf("camera %d hardly moves: mean difference %v", camera+1, d)
		}
		for other := range camera {
			if d := difference(first[camera], first[other]); d < 10 {
				t.Errorf("cameras %d and %d look alike: mean difference %v", camera+1, other+1, d)
			}
		}
	}
}

// difference is the mean absolute difference over all planes.
func difference(a, b *media.Frame) float64 {
	sum, n := 0, 0
	for i := range a.Planes {
		rowBytes, rows := media.PlaneSize(a.Format, a.Width, a.Height, i)
		for y := range rows {
			for x := range rowBytes {
				d := int(a.Planes[i].Data[y*a.Planes[i].Stride+x]) - int(b.Planes[i].Data[y*b.Planes[i].Stride+x])
				sum += max(d, -d)
				n++
			}
		}
	}
	return float64(sum) / float64(n)
}

func TestSyntheticRefusesWrongSettings(t *testing.T) {
	for _, raw := range []string{`{"camera":0}`, `{"camera":9}`, `{"tone_hz":-1}`, `{"camera":"one"}`, `{"kamera":1}`, `[]`} {
		if _, err := Synthetic().New(json.RawMessage(raw), Options{}); err == nil {
			t.Errorf("%s was accepted", raw)
		} else {
			t.Log(err)
		}
	}
}

func TestSyntheticPaintingAllocatesNothing(t *testing.T) {
	opt := canvasOr(hd(1280, 720, fps25))
	p, err := newPainter(syntheticSettings{Camera: 1}, opt)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	f := p.pool.Get()
	defer f.Release()
	if got := testing.AllocsPerRun(50, func() {
		p.paint(f, n)
		framecode.Draw(f, 1, uint32(n))
		n++
	}); got != 0 {
		t.Errorf("%v allocations a picture, want 0", got)
	}
}

func BenchmarkSynthetic1080p(b *testing.B) {
	p, err := newPainter(syntheticSettings{Camera: 1}, canvasOr(hd(1920, 1080, fps25)))
	if err != nil {
		b.Fatal(err)
	}
	for n := range b.N {
		f := p.pool.Get()
		p.paint(f, int64(n))
		framecode.Draw(f, 1, uint32(n))
		f.Release()
	}
}
