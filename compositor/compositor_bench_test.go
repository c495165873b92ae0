package compositor

import (
	"syscall"
	"testing"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
)

// noisy is an I420 picture with every code in it.
func noisy(w, h int, seed uint32) *media.Frame {
	f := media.NewFramePool(media.I420, w, h, 1).Get()
	for p := range f.Planes {
		rowBytes, rows := media.PlaneSize(media.I420, w, h, p)
		for y := range rows {
			for x := range rowBytes {
				seed = seed*1664525 + 1013904223
				f.Planes[p].Data[y*f.Planes[p].Stride+x] = byte(16 + (seed>>24)*219/255)
			}
		}
	}
	return f
}

// lowerThird is a soft-edged graphic.
func lowerThird(w, h int) *media.Frame {
	f := media.NewFramePool(media.RGBA, w, h, 1).Get()
	for y := range h {
		for x := range w {
			edge := min(x, y, w-1-x, h-1-y)
			p := f.Planes[0].Data[y*f.Planes[0].Stride+4*x:]
			p[0], p[1], p[2], p[3] = byte(x), byte(y*2), 200, byte(min(edge*8, 220))
		}
	}
	return f
}

func device(tb testing.TB) *Device {
	tb.Helper()
	thread, err := gpu.Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(thread.Close)
	return NewDevice(thread)
}

// ways are the two ways of drawing: what is straight on the processor, for OpenGL that
// is a CPU rasteriser, and everything by shaders, for real GPUs. Both on one thread.
func ways(tb testing.TB) map[string]*Device {
	tb.Helper()
	d := device(tb)
	d.software = true
	shaders := NewDevice(d.thread)
	shaders.software = false
	return map[string]*Device{"processor": d, "shaders": shaders}
}

func BenchmarkCompose(b *testing.B) {
	const w, h = 1920, 1080
	full := Box{0, 0, w, h}
	var cams [4][3]*media.Frame
	for i := range cams {
		for j := range cams[i] {
			cams[i][j] = noisy(w, h, uint32(i*10+j))
		}
	}
	title := lowerThird(1500, 180)
	names := [4]string{"a", "b", "c", "d"}
	cases := []struct {
		name string
		w, h int
		plan func(n int) *Plan
	}{
		{"passthrough", w, h, func(n int) *Plan {
			return &Plan{Width: w, Height: h, Base: []Layer{{Slot: "a", Frame: cams[0][n%3], Place: full, Opacity: 1}}}
		}},
		{"A camera and lower third", w, h, func(n int) *Plan {
			return &Plan{Width: w, Height: h, Base: []Layer{{Slot: "a", Frame: cams[0][n%3], Place: full, Opacity: 1}},
				Over: []Layer{{Slot: "t", Frame: title, Place: Box{210, 840, 1500, 180}, Opacity: 1}}}
		}},
		{"X mix", w, h, func(n int) *Plan {
			return &Plan{Width: w, Height: h, Base: []Layer{{Slot: "a", Frame: cams[0][n%3], Place: full, Opacity: 1}},
				To: []Layer{{Slot: "b", Frame: cams[1][n%3], Place: full, Opacity: 1}}, Change: &Change{Kind: "mix", Progress: 0.3}}
		}},
		{"X wipe", w, h, func(n int) *Plan {
			return &Plan{Width: w, Height: h, Base: []Layer{{Slot: "a", Frame: cams[0][n%3], Place: full, Opacity: 1}},
				To: []Layer{{Slot: "b", Frame: cams[1][n%3], Place: full, Opacity: 1}}, Change: &Change{Kind: "wipe", Progress: 0.3, Softness: 0.05, DirectionX: 1}}
		}},
		{"larger", w, h, func(n int) *Plan {
			return &Plan{Width: w, Height: h, Base: []Layer{{Slot: "a", Frame: cams[0][n%3], Crop: Box{0, 0, 1280, 720}, Place: full, Opacity: 1}}}
		}},
		{"B quad 720p", 1280, 720, func(n int) *Plan {
			p := &Plan{Width: 1280, Height: 720}
			for i := range 4 {
				p.Base = append(p.Base, Layer{Slot: names[i], Frame: cams[i][n%3], Place: Box{float64(i&1) * 640, float64(i>>1) * 360, 640, 360}, Opacity: 1})
			}
			return p
		}},
		{"B quad 1080p", w, h, func(n int) *Plan {
			p := &Plan{Width: w, Height: h}
			for i := range 4 {
				p.Base = append(p.Base, Layer{Slot: names[i], Frame: cams[i][n%3], Place: Box{float64(i&1) * 960, float64(i>>1) * 540, 960, 540}, Opacity: 1})
			}
			return p
		}},
	}
	for way, d := range ways(b) {
		for _, c := range cases {
			b.Run(way+"/"+c.name, func(b *testing.B) {
				comp, err := New(d, c.w, c.h, media.Rec709, false)
				if err != nil {
					b.Fatal(err)
				}
				defer comp.Close()
				n := 0
				b.ReportAllocs()
				before := cpuTime()
				for b.Loop() {
					f, _, err := comp.Compose(c.plan(n))
					if err != nil {
						b.Fatal(err)
					}
					f.Release()
					n++
				}
				b.ReportMetric(float64(cpuTime()-before)/1e6/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// cpuTime is what the whole process has used, the rasteriser's threads included, in ns.
func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it cannot fail for one's own process
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
