package planner

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

func encoders() []Encoder {
	return []Encoder{
		{Name: "libx264", Codec: media.H264, Cores: 0.9},
		{Name: "libx265", Codec: media.HEVC, Cores: 2.5},
		{Name: "libsvtav1", Codec: media.AV1, Cores: 1.8},
	}
}

func request(wants ...Want) Request {
	for i := range wants {
		if wants[i].ID == "" {
			wants[i].ID = wants[i].Name
		}
	}
	return Request{Width: 1920, Height: 1080, FPS: 30, Wants: wants, Encoders: encoders()}
}

func plan(t *testing.T, r Request) Plan {
	t.Helper()
	p, err := Make(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func says(t *testing.T, what string, list []string, part string) {
	t.Helper()
	if !strings.Contains(strings.Join(list, "\n"), part) {
		t.Errorf("%s do not say %q:\n%s", what, part, strings.Join(list, "\n"))
	}
}

func TestSharing(t *testing.T) {
	p := plan(t, request(
		Want{Name: "YouTube", Platform: "youtube"}, Want{Name: "Kick", Platform: "kick"}, Want{Name: "Browser", NoBFrames: true, Audio: media.Opus},
		Want{Name: "TikTok", Platform: "tiktok", Program: "tall", Width: 1080, Height: 1920},
	))
	if len(p.Renditions) != 2 {
		t.Fatalf("%d encodes, want 2: %+v", len(p.Renditions), p.Renditions)
	}
	main := p.Renditions[0]
	if main.VideoKbps != 6000 || !main.NoBFrames || main.KeyframeSeconds != 2 || main.AudioKbps != 160 || len(main.Members) != 3 {
		t.Errorf("the shared one is %+v", main)
	}
	says(t, "reasons", p.Reasons, "YouTube, Kick and Browser share one encode of 1080p30 H264 6000 kb/s.")
	says(t, "reasons", p.Reasons, "TikTok needs its own encode of 1080x1920 at 30 H264 6000 kb/s.")
	says(t, "reasons", p.Reasons, "It has no B-frames because Browser takes none.")
	if p.Refusal != nil {
		t.Errorf("refused with nothing known of uplink and cores: %+v", p.Refusal)
	}
}

// TestCaps: a platform never gets more than it takes, and what would cost another
// more than a fifth of its bitrate is not shared.
func TestCaps(t *testing.T) {
	r := request(Want{Name: "Twitch", Platform: "twitch"}, Want{Name: "YouTube", Platform: "youtube"}, Want{Name: "Facebook", Platform: "facebook"})
	r.FPS = 60
	p := plan(t, r)
	if len(p.Renditions) != 2 || p.Renditions[0].VideoKbps != 6000 || p.Renditions[1].VideoKbps != 9000 {
		t.Fatalf("%+v", p.Renditions)
	}
	if p.Renditions[0].AudioKbps != 128 {
		t.Errorf("Facebook shares sound of %d kb/s", p.Renditions[0].AudioKbps)
	}
	says(t, "reasons", p.Reasons, "Twitch takes at most 6000 kb/s at this size, so Twitch gets that and not 9000.")
	r = request(Want{Name: "LinkedIn", Platform: "linkedin"})
	r.FPS, r.Width, r.Height = 60, 3840, 2160
	p = plan(t, r)
	if g := p.Renditions[0]; g.FPS != 30 || g.Height != 1080 || g.Width != 1920 || g.VideoKbps != 6000 {
		t.Errorf("LinkedIn gets %+v", g)
	}
	p = plan(t, request(Want{Name: "Facebook", Platform: "facebook", Width: 1280, Height: 720, Kbps: 8000}))
	if p.Renditions[0].VideoKbps != 4000 {
		t.Errorf("Facebook at 720 lines gets %d kb/s", p.Renditions[0].VideoKbps)
	}
}

func TestUplinkTooNarrow(t *testing.T) {
	r := request(Want{Name: "YouTube", Platform: "youtube"}, Want{Name: "Kick", Platform: "kick"}, Want{Name: "Archive", Standby: true})
	r.UplinkKbps = 25000
	p := plan(t, r)
	if p.Refusal == nil {
		t.Fatalf("%d kb/s on an uplink of 25000 were not refused", p.UplinkKbps)
	}
	says(t, "changes", p.Refusal.Changes, "Leave Archive out.")
	says(t, "changes", p.Refusal.Changes, "Let backups wait cold")
	says(t, "changes", p.Refusal.Changes, "Lower every bitrate to")
	for _, c := range p.Refusal.Changes {
		if c == "Leave YouTube out." {
			// 6530 of 26120 less is enough too.
			return
		}
	}
	t.Error("leaving YouTube out would fit and is not named")
}

func TestProcessorTooSlow(t *testing.T) {
	r := request(Want{Name: "Twitch", Platform: "twitch"}, Want{Name: "YouTube", Platform: "youtube", Codec: media.HEVC})
	r.Cores = 1.2
	p := plan(t, r)
	if p.Refusal == nil {
		t.Fatalf("%.1f cores of 1.2 were not refused", p.Cores)
	}
	says(t, "changes", p.Refusal.Changes, "Let all destinations share one encode (1080p30 H264 6000 kb/s).")
	says(t, "changes", p.Refusal.Changes, "Leave YouTube out.")
	for _, c := range p.Refusal.Changes {
		if c == "Leave Twitch out." {
			t.Error("leaving Twitch out does not fit and is offered")
		}
	}
	r.Encoders = append(r.Encoders, Encoder{Name: "hevc_nvenc", Codec: media.HEVC, Hardware: true, Cores: 0.1})
	p = plan(t, r)
	if p.Refusal != nil || p.Renditions[1].Encoder != "hevc_nvenc" {
		t.Errorf("with a hardware encoder: %+v", p)
	}
}

func TestMistakes(t *testing.T) {
	for name, w := range map[string]Want{
		"there is no platform":           {Name: "a", Platform: "nowhere"},
		"takes H264, not AV1":            {Name: "a", Platform: "twitch", Codec: media.AV1},
		"divided by a whole number":      {Name: "a", FPS: 25},
		"nothing on this machine encode": {Name: "a", Codec: media.AV1},
	} {
		r := request(w)
		r.Encoders = r.Encoders[:1]
		if _, err := Make(r); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestPlansHold: whatever is asked for, every destination is served once, within its
// platform's caps, and what is not refused fits.
func TestPlansHold(t *testing.T) {
	platforms := Platforms()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		r := Request{Width: 1920, Height: 1080, FPS: rapid.SampledFrom([]float64{25, 30, 50, 60}).Draw(t, "fps"), Encoders: encoders()}
		for i := range n {
			pf := rapid.SampledFrom(platforms).Draw(t, "platform")
			r.Wants = append(r.Wants, Want{
				ID: string(rune('a' + i)), Name: string(rune('A' + i)), Platform: pf.Name, Codec: rapid.SampledFrom(pf.Video).Draw(t, "codec"),
				Kbps: rapid.SampledFrom([]int{0, 0, 1000, 20000}).Draw(t, "kbps"), NoBFrames: rapid.Bool().Draw(t, "b"), Standby: rapid.Bool().Draw(t, "standby"),
			})
		}
		r.UplinkKbps = rapid.IntRange(0, 200000).Draw(t, "uplink")
		r.Cores = rapid.Float64Range(0, 12).Draw(t, "cores")
		p, err := Make(r)
		if err != nil {
			t.Fatal(err)
		}
		served := map[string]int{}
		for _, g := range p.Renditions {
			for _, id := range g.Members {
				served[id]++
				w := r.want(id)
				pf, _ := FindPlatform(w.Platform)
				if limit := pf.cap(g.Width, g.Height); limit > 0 && g.VideoKbps > limit {
					t.Fatalf("%s gets %d kb/s of at most %d", pf.Name, g.VideoKbps, limit)
				}
				if w.NoBFrames && !g.NoBFrames || g.Codec != w.Codec {
					t.Fatalf("%+v is served by %+v", w, g)
				}
			}
		}
		for _, w := range r.Wants {
			if served[w.ID] != 1 {
				t.Fatalf("%s is served %d times", w.ID, served[w.ID])
			}
		}
		over := r.UplinkKbps > 0 && float64(p.UplinkKbps) > UplinkShare*float64(r.UplinkKbps)+1 || r.Cores > 0 && p.Cores > r.Cores
		if over != (p.Refusal != nil) {
			t.Fatalf("over %v, refused %+v", over, p.Refusal)
		}
	})
}

func TestRecommended(t *testing.T) {
	for _, c := range []struct {
		codec media.Codec
		w, h  int
		fps   float64
		want  int
	}{
		{media.H264, 1280, 720, 30, 3000}, {media.H264, 1280, 720, 60, 4500}, {media.H264, 1920, 1080, 30, 6000}, {media.H264, 1920, 1080, 60, 9000},
		{media.H264, 3840, 2160, 60, 35000}, {media.HEVC, 1920, 1080, 30, 3600}, {media.AV1, 3840, 2160, 30, 14400},
	} {
		if got := Recommended(c.codec, c.w, c.h, c.fps); got != c.want {
			t.Errorf("%s %dx%d at %v: %d kb/s, want %d", c.codec, c.w, c.h, c.fps, got, c.want)
		}
	}
}
