package planner

import (
	"math"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// FuzzMake: whatever is asked for, a plan keeps every platform's caps, gives every
// destination exactly one encode, and adds up.
func FuzzMake(f *testing.F) {
	for i, p := range Platforms() {
		f.Add(p.Name, "custom", 1920, 1080, 30.0, 0, 0, 0.0, 0, byte(i))
	}
	f.Add("twitch", "tiktok", 3840, 2160, 60.0, 1080, 1920, 30.0, 20000, byte(0xff))
	f.Add("", "kick", 1280, 720, 59.94, 640, 360, 29.97, -5, byte(3))
	f.Add("youtube", "x", 1920, 1080, math.Inf(1), 0, 0, math.NaN(), 1<<40, byte(7))
	f.Fuzz(func(t *testing.T, one, two string, width, height int, fps float64, ownWidth, ownHeight int, ownFPS float64, kbps int, flags byte) {
		codec := []media.Codec{"", media.H264, media.HEVC, media.AV1}[flags&3]
		wants := []Want{
			{ID: "a", Name: "A", Platform: one, Codec: codec, Width: ownWidth, Height: ownHeight, FPS: ownFPS, Kbps: kbps, NoBFrames: flags&4 != 0, Standby: make([]Connection, flags>>3&1)},
			{ID: "b", Name: "B", Platform: two, Width: ownWidth, Height: ownHeight},
		}
		if flags&64 != 0 {
			wants[0].Layers, wants[1].Layers, wants[1].Tracks = layersOf(2), []Layer{{Width: height, Height: width, FPS: ownFPS, Kbps: kbps}}, kbps
		}
		if flags&16 != 0 {
			wants[0].Audio = media.Opus
		}
		r := Request{Width: width, Height: height, FPS: fps, Wants: wants, Encoders: encoders()}
		if flags&32 != 0 {
			r.UplinkKbps, r.Cores = 8000, 2
		}
		p, err := Make(r)
		if err != nil {
			return
		}
		seen := map[string]int{}
		for _, g := range p.Renditions {
			if g.Width <= 0 || g.Height <= 0 || !(g.FPS > 0) || g.KeyframeSeconds <= 0 || math.IsNaN(g.Cores) || g.Cores < 0 {
				t.Errorf("an encode that cannot be: %+v", g)
			}
			for _, id := range g.Members {
				seen[id]++
				pf, ok := FindPlatform(r.want(id).Platform)
				if !ok {
					t.Fatalf("an unknown platform was planned for: %+v", r.want(id))
				}
				if limit := pf.cap(g.Width, g.Height); limit > 0 && g.VideoKbps > limit {
					t.Errorf("%s gets %d kb/s, more than its %d", pf.Title, g.VideoKbps, limit)
				}
				if pf.AudioKbps > 0 && g.AudioKbps > pf.AudioKbps {
					t.Errorf("%s gets %d kb/s of sound, more than its %d", pf.Title, g.AudioKbps, pf.AudioKbps)
				}
				if pf.MaxFPS > 0 && g.FPS > float64(pf.MaxFPS)+0.01 || pf.MaxHeight > 0 && min(g.Width, g.Height) > pf.MaxHeight {
					t.Errorf("%s gets %s", pf.Title, g)
				}
			}
		}
		if seen["a"] != 1 || seen["b"] != 1 || len(seen) != 2 {
			t.Errorf("destinations are served so often: %v", seen)
		}
	})
}

// FuzzRecommended: the usual bitrate is never nothing for a picture that can be, and
// never falls when there are more pixels a second.
func FuzzRecommended(f *testing.F) {
	f.Add(1920, 1080, 30.0)
	f.Add(16, 16, 1.0)
	f.Add(7680, 4320, 120.0)
	f.Fuzz(func(t *testing.T, width, height int, fps float64) {
		if width <= 0 || height <= 0 || width > maxSide || height > maxSide || !sane(fps) {
			return
		}
		for _, c := range []media.Codec{media.H264, media.HEVC, media.AV1} {
			kbps := Recommended(c, width, height, fps)
			if kbps <= 0 || kbps > 35_000 {
				t.Errorf("%s %dx%d at %g: %d kb/s", c, width, height, fps, kbps)
			}
			if more := Recommended(c, width, height, fps*1.5); more < kbps {
				t.Errorf("%s %dx%d: %d kb/s at %g, %d at half as much again", c, width, height, kbps, fps, more)
			}
		}
	})
}
