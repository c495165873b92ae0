package planner

import (
	"fmt"
	"math"
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
	r := request(Want{Name: "YouTube", Platform: "youtube"}, Want{Name: "Kick", Platform: "kick"}, Want{Name: "Archive", Standby: []Connection{{}}})
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
				Kbps: rapid.SampledFrom([]int{0, 0, 1000, 20000}).Draw(t, "kbps"), NoBFrames: rapid.Bool().Draw(t, "b"), Standby: make([]Connection, rapid.IntRange(0, 2).Draw(t, "standby")),
				Tracks: rapid.IntRange(0, 3).Draw(t, "tracks"), Layers: layersOf(rapid.IntRange(0, 2).Draw(t, "layers")),
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

// layersOf are n layers below any first rendition, from large to small.
func layersOf(n int) []Layer {
	return []Layer{{Width: 640, Height: 360, Kbps: 400}, {Width: 320, Height: 180, Kbps: 150}}[:n]
}

// TestSimulcastCounts: every layer is an encode, unless it runs anyway, and goes out beside
// the first; the plan says so, and what would fit.
func TestSimulcastCounts(t *testing.T) {
	low := Layer{Width: 960, Height: 540, Kbps: 2000, KeyframeSeconds: 2}
	r := request(
		Want{Name: "SFU", NoBFrames: true, Audio: media.Opus, Layers: []Layer{low, {Width: 480, Height: 270, Kbps: 500}}},
		Want{Name: "Small", Width: 960, Height: 540, Kbps: 2000},
		Want{Name: "Other", NoBFrames: true, Audio: media.Opus, Layers: []Layer{low}},
	)
	p := plan(t, r)
	if len(p.Renditions) != 2 || len(p.Layers) != 1 {
		t.Fatalf("%d encodes and %d of simulcast, want 2 and 1: %+v", len(p.Renditions), len(p.Layers), p)
	}
	one := request(Want{Name: "SFU"}, Want{Name: "Small", Width: 960, Height: 540, Kbps: 2000})
	if more, want := p.Cores-plan(t, one).Cores, 0.9/16; math.Abs(more-want) > 1e-9 {
		t.Errorf("simulcast costs %.3f cores more, want %.3f", more, want)
	}
	want := 0
	for _, kbps := range []float64{6000 + 128 + 2500, 2000 + 160, 6000 + 128 + 2000} {
		want += int(math.Ceil(kbps * 1.06))
	}
	if p.UplinkKbps != want {
		t.Errorf("%d kb/s in all, want %d", p.UplinkKbps, want)
	}
	says(t, "reasons", p.Reasons, "SFU sends 540p30 H264 2000 kb/s and 270p30 H264 500 kb/s beside it, as simulcast: one more encode (0.1 processor cores), and 2650 kb/s more of the uplink.")
	says(t, "reasons", p.Reasons, "Other sends 540p30 H264 2000 kb/s beside it, as simulcast: encodes that run anyway")

	r = request(Want{Name: "SFU", Audio: media.Opus, Layers: []Layer{low, {Width: 480, Height: 270, Kbps: 500}}})
	r.UplinkKbps = 10_800 // 8640 may be used, 9146 are needed
	p = plan(t, r)
	if p.Refusal == nil {
		t.Fatalf("%d kb/s of 8640 were not refused", p.UplinkKbps)
	}
	says(t, "changes", p.Refusal.Changes, "Send SFU without simulcast.")
	says(t, "changes", p.Refusal.Changes, "Take 270p30 H264 500 kb/s out of the simulcast of SFU.")
	says(t, "changes", p.Refusal.Changes, "Lower every bitrate to 9")
	r.UplinkKbps, r.Cores = 0, 1.1 // 0.9 and 0.225 and 0.056 are needed
	p = plan(t, r)
	if p.Refusal == nil {
		t.Fatalf("%.2f cores of 1.1 were not refused", p.Cores)
	}
	says(t, "changes", p.Refusal.Changes, "Take 540p30 H264 2000 kb/s out of the simulcast of SFU.")
	for _, c := range p.Refusal.Changes {
		if strings.Contains(c, "270p30") {
			t.Errorf("%q does not fit and is offered", c)
		}
	}

	// A shared rendition never comes down to where its layer is.
	r = request(Want{Name: "SFU", Kbps: 1000, Layers: []Layer{{Width: 1920, Height: 1080, Kbps: 900}}}, Want{Name: "Own", Kbps: 850})
	if p = plan(t, r); len(p.Renditions) != 2 {
		t.Errorf("850 kb/s are shared with simulcast of 1000 and 900: %+v", p.Renditions)
	}
	r.Wants[0].Layers[0].Kbps = 1000
	if _, err := Make(r); err == nil || !strings.Contains(err.Error(), "simulcast goes from large to small") {
		t.Errorf("a layer as large as the first: %v", err)
	}
}

// TestSoundCounts: every track of every connection is counted.
func TestSoundCounts(t *testing.T) {
	r := request(Want{Name: "Studio", Tracks: 3, AudioKbps: 256, Standby: []Connection{{Tracks: 3}, {Audio: media.Opus, Tracks: 1}}})
	p := plan(t, r)
	if want := int(math.Ceil(1.06 * (3*6000 + 6*256 + 128))); p.UplinkKbps != want {
		t.Errorf("%d kb/s in all, want %d", p.UplinkKbps, want)
	}
	says(t, "reasons", p.Reasons, "Studio sends 3 tracks of sound, 768 kb/s together.")
	says(t, "reasons", p.Reasons, fmt.Sprintf("Studio feeds 3 ingests at the same time, %d kb/s together.", p.UplinkKbps))
	if fits := r.FitsKbps(p, "Studio", p.UplinkKbps); fits < 5999 || fits > 6000 {
		t.Errorf("what it needs carries pictures of %d kb/s, want 6000", fits)
	}
	r.Wants[0].Standby = nil
	r.UplinkKbps = 8600 // 6880 may be used, 7175 are needed, 6632 with one track
	p = plan(t, r)
	if p.Refusal == nil {
		t.Fatalf("%d kb/s of 6880 were not refused", p.UplinkKbps)
	}
	says(t, "changes", p.Refusal.Changes, "Send Studio one track of sound.")
	// A service's cap is one of each track.
	p = plan(t, request(Want{Name: "Facebook", Platform: "facebook", Tracks: 2, AudioKbps: 256}))
	if p.Renditions[0].AudioKbps != 128 || p.UplinkKbps != int(math.Ceil(1.06*float64(p.Renditions[0].VideoKbps+256))) {
		t.Errorf("two tracks to Facebook: %+v, %d kb/s", p.Renditions[0], p.UplinkKbps)
	}
}

// TestNoSingleChangeIsEnough: then what fits together is named.
func TestNoSingleChangeIsEnough(t *testing.T) {
	r := request(Want{Name: "A"}, Want{Name: "B"}, Want{Name: "C"}, Want{Name: "D"}, Want{Name: "Small", Width: 640, Height: 360})
	r.UplinkKbps = 10_000 // 8000 may be used, 6530 each
	says(t, "changes", plan(t, r).Refusal.Changes, "No single change is enough. Together fit A and Small: leave the others out")
	r.UplinkKbps = 500
	says(t, "changes", plan(t, r).Refusal.Changes, "No destination fits by itself: give each a rendition of less than 400 kb/s.")
	r.UplinkKbps, r.Cores = 0, 0.01
	says(t, "changes", plan(t, r).Refusal.Changes, "No destination fits by itself: choose smaller pictures")
}
