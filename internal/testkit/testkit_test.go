package testkit

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) {
	av.RouteLogs(nil)
	leaks.VerifyTestMain(m)
}

var fps30 = media.NewRational(30, 1)

// truthOf is what a clip without faults shows.
func truthOf(c Clip) *Truth {
	tr := NewTruth(fps30)
	pool := media.NewFramePool(media.I420, 320, 180, 1)
	for n := range int64(c.Seconds) * 30 {
		f := pool.Get()
		Clip{Camera: c.Camera, FPS: fps30}.paint(f, n, 30)
		tr.Tap(n, f, Clip{FPS: fps30}.sound(n, 30))
		f.Release()
	}
	return tr
}

// Material without faults is found without faults, in every container.
func TestGoodMaterial(t *testing.T) {
	for _, format := range []string{"mp4", "matroska", "mpegts", "flv"} {
		t.Run(format, func(t *testing.T) {
			c := Clip{Format: format, Camera: 1, Seconds: 3, BFrames: 2}
			path := filepath.Join(t.TempDir(), "clip")
			c.Write(t, path)
			tr := truthOf(c)
			v, err := tr.Judge(Read(t, format, path))
			if err != nil {
				t.Fatal(err)
			}
			t.Log(v)
			if v.First != 0 || v.Last != 89 || v.Lost != 0 || v.Differences != 0 || v.Jitter > time.Millisecond {
				t.Errorf("%v: %v", v, v.Wrong)
			}
			if !slices.Equal(v.Keyframes, []int64{0, 30, 60}) {
				t.Errorf("keyframes at %v", v.Keyframes)
			}
			if len(v.Offsets) < 2 || v.Worst().Abs() > 3*time.Millisecond {
				t.Errorf("A/V offsets %v, want none", v.Offsets)
			}
			if got := tr.Beeps(); len(got) != 3 || got[1] < time.Second || got[1] > time.Second+200*time.Microsecond {
				t.Errorf("the programme's beeps are at %v", got)
			}
		})
	}
}

// Every fault is found, with the right number on it.
func TestFaultsAreFound(t *testing.T) {
	good := Clip{Camera: 1, Seconds: 3}
	tr := truthOf(good)
	read := func(c Clip) *Verdict {
		path := filepath.Join(t.TempDir(), "clip.mp4")
		c.Write(t, path)
		v, err := tr.Judge(Read(t, "clip", path))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	c := good
	c.Without = []int64{7, 40, 41}
	if v := read(c); v.Lost != 3 || !slices.Equal(v.Missing, c.Without) || v.Differences != 0 {
		t.Errorf("three pictures are missing; found %v: missing %v, wrong %v", v, v.Missing, v.Wrong)
	}
	c = good
	c.SoundLate = 80 * time.Millisecond
	if v := read(c); (v.Worst() - c.SoundLate).Abs() > 3*time.Millisecond {
		t.Errorf("sound is 80 ms late; found %v", v.Worst())
	}
	r := &Reading{Name: "restamped"}
	for n := range 20 {
		shown := n
		if n >= 10 {
			shown++ // one left out, the times closed up
		}
		r.Pictures = append(r.Pictures, Picture{PTS: media.TickTime(int64(n), fps30), Code: tr.Codes()[shown]})
	}
	if v, err := tr.Judge(r); err != nil || v.Differences != 10 {
		t.Errorf("ten pictures are at the wrong time; found %v, %v", v, err)
	}
	r.Pictures = r.Pictures[:10]
	r.Pictures = append(r.Pictures, Picture{PTS: r.Pictures[9].PTS, Code: r.Pictures[9].Code})
	if v, err := tr.Judge(r); err != nil || v.Differences != 1 {
		t.Errorf("one picture comes twice; found %v, %v", v, err)
	}
	v := &Verdict{First: 5, Last: 200, Keyframes: []int64{5, 60, 180}}
	if extra, missing := v.ExtraKeyframes(60); !slices.Equal(extra, []int64{5}) || !slices.Equal(missing, []int64{120}) {
		t.Errorf("extra keyframes %v, missing %v", extra, missing)
	}
	v = &Verdict{First: 0, Last: 200, Keyframes: []int64{0, 62, 121, 181}, gone: map[int64]bool{60: true, 61: true, 120: true}}
	if extra, missing := v.ExtraKeyframes(60); !slices.Equal(extra, []int64{181}) || !slices.Equal(missing, []int64{180}) {
		t.Errorf("where pictures are missing: extra keyframes %v, missing %v", extra, missing)
	}
}

// A picture that is no counter, or a mix of two, is not read as one.
func TestMixesAreNotRead(t *testing.T) {
	pool := media.NewFramePool(media.I420, 320, 180, 2)
	a, b := pool.Get(), pool.Get()
	defer a.Release()
	defer b.Release()
	a.Fill(90, 128, 128)
	if ReadCode(a).OK {
		t.Error("read a counter in a grey picture")
	}
	framecode.Draw(a, 1, 1000)
	framecode.Draw(b, 2, 77)
	for i := range a.Planes[0].Data {
		a.Planes[0].Data[i] = a.Planes[0].Data[i]/2 + b.Planes[0].Data[i]/2
	}
	if ReadCode(a).OK {
		t.Error("read a counter in a mix of two")
	}
}

func TestMeasureSeesLeaks(t *testing.T) {
	before := Measure(t)
	stop := make(chan struct{})
	for range 5 {
		go func() { <-stop }()
	}
	if now := Measure(t); now.Goroutines < before.Goroutines+5 {
		t.Errorf("five goroutines more: %v, before %v", now, before)
	}
	close(stop)
	Settles(t, before, 64<<20, 30*time.Second)
}
