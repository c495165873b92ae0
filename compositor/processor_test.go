package compositor

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// processorEqualsShaders draws random scenes, transitions and fades both ways.
func processorEqualsShaders(t *testing.T, devices map[string]*Device) {
	const w, h = 256, 144
	var comps [2]*Compositor
	for i, way := range [2]string{"processor", "shaders"} {
		c, err := New(devices[way], w, h, media.Rec709, false)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		comps[i] = c
	}
	cam, other := zonePlate(w, h), photograph(w, h)
	nv := media.NewFrame(media.NV12, w, h, interleave(other), nil)
	pictures := []*media.Frame{zonePlate(320, 180), photograph(65, 51), nv, lowerThird(90, 30), lowerThird(33, 61)}
	full := Box{W: w, H: h}
	// A shader is compiled for nearly each scene: as many as take a few seconds.
	scenes := rapid.Custom(func(t *rapid.T) *Plan {
		p := &Plan{Width: w, Height: h, Over: randomLayers(t, pictures, w, h), Black: rapid.SampledFrom([]float64{0, 0, 0, 0.3}).Draw(t, "black")}
		side := func(name string) []Layer {
			switch rapid.IntRange(0, 2).Draw(t, name) {
			case 0:
				return []Layer{{Slot: "cam", Frame: cam, Place: full, Opacity: 1}}
			case 1:
				return []Layer{{Slot: "nv", Frame: nv, Place: full, Opacity: 1}}
			}
			return randomLayers(t, pictures, w, h)
		}
		p.Base = side("base")
		if rapid.Bool().Draw(t, "in transition") {
			p.To = side("to")
			p.Change = &Change{Kind: rapid.SampledFrom([]string{"mix", "dip", "wipe"}).Draw(t, "kind"), Color: [3]uint8{200, 90, 160},
				Progress: rapid.SampledFrom([]float64{0.1, 0.25, 0.5, 0.7, 0.96}).Draw(t, "progress"), Softness: 0.1}
			d := rapid.SampledFrom([][2]float64{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {0.8, 0.6}}).Draw(t, "direction")
			p.Change.DirectionX, p.Change.DirectionY = d[0], d[1]
		}
		return p
	})
	for seed := range 30 {
		p := scenes.Example(seed)
		var got [2]*media.Frame
		for i, c := range comps {
			got[i], _ = compose(t, c, p)
		}
		// Linear fetches weigh in steps of 1/256, and each layer, blend and fade rounds.
		if most, where := frameDifference(got[0], got[1]); most > 4 {
			t.Errorf("scene %d, %s: by processor and by shaders differ by %d codes", seed, where, most)
		}
		got[0].Release()
		got[1].Release()
	}
}

// TestFaultCostsAPicture: a picture that is not what it says is an error of one
// composition, whichever way draws it.
func TestFaultCostsAPicture(t *testing.T) {
	for way, d := range ways(t) {
		t.Run(way, func(t *testing.T) {
			c, err := New(d, 64, 36, media.Rec709, false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			broken := media.NewFrame(media.I420, 128, 72, [3]media.Plane{{Data: make([]byte, 9), Stride: 128}}, nil)
			show := func(f *media.Frame) (*media.Frame, error) {
				got, _, err := c.Compose(&Plan{Width: 64, Height: 36, Base: []Layer{{Slot: "a", Frame: f, Place: Box{W: 64, H: 36}, Opacity: 1}}})
				return got, err
			}
			var fault *supervise.PanicError
			if _, err := show(broken); err == nil {
				t.Error("a picture with too few bytes was drawn")
			} else if !errors.As(err, &fault) || len(fault.Stack) == 0 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the fault is %q; want one line, and the stack beside it", err)
			}
			f, err := show(noisy(128, 72, 1))
			if err != nil {
				t.Fatalf("the next picture: %v", err)
			}
			f.Release()
		})
	}
}

// TestPictureThatIsTooLong: one that the GPU does not take is left out, and the rest is shown.
func TestPictureThatIsTooLong(t *testing.T) {
	const w, h = 64, 36
	d := ways(t)["shaders"]
	cam, banner := noisy(w, h, 1), media.NewFramePool(media.I420, 1<<17, 2, 1).Get()
	full := Box{W: w, H: h}
	over := func(slot string, f *media.Frame, place Box) Layer {
		return Layer{Slot: slot, Frame: f, Place: place, Opacity: 1}
	}
	long, title := over("banner", banner, Box{0, 10, w, 4}), over("title", lowerThird(30, 10), Box{20, 20, 30, 10})
	c, err := New(d, w, h, media.Rec709, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range []Plan{
		{Base: []Layer{over("cam", cam, full)}},
		{Base: []Layer{over("cam", cam, full)}, To: []Layer{over("cam", cam, full)}, Change: &Change{Kind: "mix", Progress: 0.3}},
	} {
		p.Width, p.Height = w, h
		p.Over = []Layer{title}
		want, st := compose(t, c, &p)
		if st.LeftOut != "" {
			t.Errorf("%s was left out, which is not too long", st.LeftOut)
		}
		p.Over = []Layer{long, title}
		for range 2 { // the second time would be the first one's picture again
			got, st := compose(t, c, &p)
			if st.LeftOut != "banner" {
				t.Errorf("left out: %q, want the banner", st.LeftOut)
			}
			if most, where := frameDifference(got, want); most > 0 {
				t.Errorf("%s: the rest differs by %d codes", where, most)
			}
			got.Release()
		}
		want.Release()
	}
}

// TestNoContextToClose: what was drawn by the processor alone ends without an OpenGL context
// being made for it.
func TestNoContextToClose(t *testing.T) {
	thread, err := gpu.OpenWhenNeeded()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	before := thread.Info()
	if !before.Software {
		t.Skip("a GPU has its context from the beginning")
	}
	d := NewDevice(thread)
	c, err := New(d, 64, 36, media.Rec709, true)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := compose(t, c, &Plan{Width: 64, Height: 36, Base: []Layer{{Slot: "a", Frame: noisy(128, 72, 1), Place: Box{W: 64, H: 36}, Opacity: 1}}})
	f.Release()
	c.Close()
	if err := d.Forget("a"); err != nil {
		t.Error(err)
	}
	if after := thread.Info(); after != before {
		t.Errorf("a context was made: %+v", after)
	}
}
