package engine

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/scenes"
)

const planShow = `{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "60"},
 "sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}],
 "renditions": [{"id": "hd", "video": {"bitrate_kbps": 9000}}, {"id": "other", "video": {"bitrate_kbps": 9000}}, {"id": "file", "video": {"bitrate_kbps": 9000, "frame_divisor": 2}}],
 "destinations": [
  {"id": "yt", "name": "YouTube", "kind": "out", "rendition": "hd", "settings": {"url": "rtmps://a.rtmps.youtube.com:443/live2"}},
  {"id": "in", "name": "LinkedIn", "kind": "out", "rendition": "other", "settings": {"url": "rtmps://x1.rtmp.linkedin.com/live"}},
  {"id": "own", "name": "Own server", "kind": "out", "rendition": "other", "settings": {"url": "rtmp://127.0.0.1/live"}},
  {"id": "off", "name": "Off", "kind": "out", "rendition": "other", "enabled": false, "settings": {"url": "rtmp://127.0.0.1/off"}}],
 "recordings": [{"id": "rec", "rendition": "file"}]}`

// TestPlanForShow: YouTube and an own server share an encode, LinkedIn takes 30 frames a
// second and 6000 kb/s only, the recording and a disabled destination keep what they have;
// one undo takes it all back.
func TestPlanForShow(t *testing.T) {
	show := parse(t, planShow)
	kinds := map[string]outputs.Kind{"out": {Name: "out", Audio: []media.Codec{media.AAC}}}
	plan, err := planner.Make(PlanRequest(show, kinds, PlanOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	edit, err := PlanEdit(show, plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(edit.Renditions) != 2 || edit.Uses["yt"] != edit.Uses["own"] || edit.Uses["in"] == edit.Uses["yt"] {
		t.Fatalf("the plan is %+v", edit)
	}
	text := strings.Join(plan.Reasons, "\n")
	for _, want := range []string{"YouTube and Own server share one encode of 1080p60", "LinkedIn Live takes at most 30 frames a second", "LinkedIn needs its own encode of 1080p30"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among the reasons:\n%s", want, text)
		}
	}

	// The command goes through a command list as it is.
	line, err := json.Marshal(edit)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCommand(slices.Concat([]byte(`{"do": "apply_plan",`), line[1:]))
	if err != nil {
		t.Fatal(err)
	}
	after := func(commands ...Timed) *scenes.Show {
		s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) { o.Ticks, o.Commands = 3, commands })
		s.run(t, t.Context(), time.Minute)
		return s.State().Show
	}
	now := after(Timed{0, c})
	for id, want := range map[string]string{"yt": edit.Uses["yt"], "in": edit.Uses["in"], "own": edit.Uses["yt"], "off": "other"} {
		if d, _ := now.Destination(id); d.Rendition != want {
			t.Errorf("%s uses %q, want %q", id, d.Rendition, want)
		}
	}
	in, _ := now.Rendition(edit.Uses["in"])
	if v := in.Video; v.FrameDivisor != 2 || v.BitrateKbps != 6000 || v.Width != 1920 || in.Audio.BitrateKbps != 128 {
		t.Errorf("LinkedIn's rendition is %+v", in)
	}
	if r, _ := now.Recording("rec"); r.Rendition != "file" {
		t.Errorf("the recording was given %q", r.Rendition)
	}
	if r, _ := now.Rendition("other"); r.Video.BitrateKbps != 9000 || r.Video.FrameDivisor != 1 {
		t.Errorf("the disabled destination's rendition became %+v", r)
	}
	if f, _ := now.Rendition("file"); f.Video.BitrateKbps != 9000 {
		t.Errorf("the recording's rendition became %+v", f)
	}
	if got, want := marshal(t, after(Timed{0, c}, Timed{1, &Undo{}})), marshal(t, show); string(got) != string(want) {
		t.Errorf("undo left %s", got)
	}

	// A plan that cannot be carried is no command.
	plan, err = planner.Make(PlanRequest(show, kinds, PlanOptions{UplinkKbps: 8000}))
	if err != nil || plan.Refusal == nil {
		t.Fatalf("three streams over 8 Mb/s: %v, %v", plan.Refusal, err)
	}
	if _, err := PlanEdit(show, plan); err == nil {
		t.Error("a refused plan became a command")
	}
}

// TestPlanLeavesISOAndReplayAlone: what records sources on their own and the replay buffer
// have stays as it was, and keeps no plan from being used.
func TestPlanLeavesISOAndReplayAlone(t *testing.T) {
	kinds := map[string]outputs.Kind{"out": {Name: "out", Audio: []media.Codec{media.AAC}}}
	in := `{"id": "in", "name": "LinkedIn", "kind": "out", "rendition": "one", "settings": {"url": "rtmps://x1.rtmp.linkedin.com/live"}}`
	two := `{"id": "a", "kind": "out", "rendition": "one", "settings": {"url": "rtmp://127.0.0.1/a"}}, {"id": "b", "kind": "out", "rendition": "two", "settings": {"url": "rtmp://127.0.0.1/b"}}`
	for _, c := range []struct{ name, destinations, more, stays string }{
		{"ISO", in, `"iso": {"sources": ["a1"], "rendition": "one"}`, "one"},
		{"ISO with the first", in, `"iso": {"sources": ["a1"]}`, "one"},
		{"replay", in, `"replay": {"rendition": "one"}`, "one"},
		{"angles", in, `"replay": {"angles": ["a1"], "rendition": "two"}`, "one"},
		{"merged, ISO", two, `"iso": {"sources": ["a1"], "rendition": "two"}`, "two"},
		{"merged, replay", two, `"replay": {"rendition": "two"}`, "two"},
	} {
		show := parse(t, `{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "60"},
			"sources": [{"id": "a1", "kind": "paced", "settings": {"y": 60}}],
			"renditions": [{"id": "one", "video": {"bitrate_kbps": 9000}}, {"id": "two", "video": {"bitrate_kbps": 9500}}],
			"destinations": [`+c.destinations+`], `+c.more+`}`)
		plan, err := planner.Make(PlanRequest(show, kinds, PlanOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		edit, err := PlanEdit(show, plan)
		if err != nil || !edit.Changes(show) {
			t.Errorf("%s: the plan would change nothing: %+v, %v", c.name, edit, err)
			continue
		}
		next, err := edit.edit(show)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		had, _ := show.Rendition(c.stays)
		if has, ok := next.Rendition(c.stays); !ok || has != had {
			t.Errorf("%s: its rendition became %+v", c.name, has)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPlanCountsEverything: simulcast, tracks of sound and hot backups are in the plan as the
// engine sends them, each kind what it carries.
func TestPlanCountsEverything(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "30"},
		"sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}],
		"renditions": [{"id": "hd", "video": {"bitrate_kbps": 6000}, "audio": {"bitrate_kbps": 256}}, {"id": "low", "video": {"width": 640, "height": 360, "bitrate_kbps": 700}}],
		"destinations": [
			{"id": "sfu", "name": "SFU", "kind": "webrtc", "rendition": "hd", "simulcast": ["low"], "standby": "hot", "settings": {},
				"backups": [{"name": "other", "kind": "webrtc", "settings": {}}, {"name": "plain", "kind": "plain", "settings": {}}]},
			{"id": "tv", "name": "TV", "kind": "tracks", "rendition": "hd", "tracks": [{"name": "a"}, {"name": "b"}], "settings": {}, "backups": [{"name": "cold", "settings": {}}]},
			{"id": "one", "name": "One", "kind": "plain", "rendition": "hd", "tracks": [{"name": "a"}, {"name": "b"}], "settings": {}}]}`)
	kinds := map[string]outputs.Kind{
		"webrtc": {Audio: []media.Codec{media.Opus}, NoBFrames: true, Layers: 2},
		"tracks": {Audio: []media.Codec{media.AAC}, SoundTracks: 8},
		"plain":  {Audio: []media.Codec{media.AAC}},
	}
	plan, err := planner.Make(PlanRequest(show, kinds, PlanOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Renditions) != 1 || len(plan.Layers) != 1 {
		t.Errorf("%d encodes and %d of simulcast, want one each", len(plan.Renditions), len(plan.Layers))
	}
	want := 0
	for _, kbps := range []float64{2*(6000+128+700) + 6000 + 256, 6000 + 2*256, 6000 + 256} {
		want += int(math.Ceil(kbps * 1.06))
	}
	if plan.UplinkKbps != want {
		t.Errorf("%d kb/s in all, want %d:\n%s", plan.UplinkKbps, want, strings.Join(plan.Reasons, "\n"))
	}
	if edit, err := PlanEdit(show, plan); err != nil || edit.Changes(show) {
		t.Errorf("the plan of a show that is planned already would change it: %+v, %v", edit, err)
	}
}

// HEVC and AV1 are encoded in software here, so a plan with them is none to refuse, and it
// counts what they cost.
func TestPlanOfOtherCodecs(t *testing.T) {
	for codec, cores := range map[string]float64{"h264": x264Cores, "hevc": x265Cores, "av1": svtCores} {
		show := parse(t, `{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "30"},
			"renditions": [{"id": "r", "video": {"codec": "`+codec+`"}}],
			"destinations": [{"id": "own", "name": "Own", "kind": "plain", "settings": {"url": "rtmp://127.0.0.1/live"}}]}`)
		kinds := map[string]outputs.Kind{"plain": {Audio: []media.Codec{media.AAC}}}
		plan, err := planner.Make(PlanRequest(show, kinds, PlanOptions{}))
		if err != nil || math.Abs(plan.Cores-cores) > 0.01 {
			t.Errorf("%s: %.2f cores, %v; want %.2f", codec, plan.Cores, err, cores)
		}
	}
}

// TestPlanCountsPresets: layers of one size and bitrate are one encode only if their encoders
// are set up alike, as the engine has it; destinations that share pictures get the first's
// setting, and the page says so.
func TestPlanCountsPresets(t *testing.T) {
	show := func(second, other string) *scenes.Show {
		return parse(t, `{"format": 2, "canvas": {"width": 1280, "height": 720, "fps": "30"},
			"sources": [{"id": "a", "kind": "paced", "settings": {"y": 60}}],
			"renditions": [{"id": "hd", "video": {"bitrate_kbps": 3000}}, {"id": "hd2", "video": {"bitrate_kbps": 3000`+second+`}},
				{"id": "low", "video": {"width": 640, "height": 360, "bitrate_kbps": 700}}, {"id": "low2", "video": {"width": 640, "height": 360, "bitrate_kbps": 700`+other+`}}],
			"destinations": [
				{"id": "one", "name": "One", "kind": "webrtc", "rendition": "hd", "simulcast": ["low"], "settings": {}},
				{"id": "two", "name": "Two", "kind": "webrtc", "rendition": "hd2", "simulcast": ["low2"], "settings": {}}]}`)
	}
	kinds := map[string]outputs.Kind{"webrtc": {Audio: []media.Codec{media.Opus}, NoBFrames: true, Layers: 2}}
	for _, c := range []struct {
		second, other string
		layers        int
	}{
		{"", "", 1},
		{"", `, "preset": "slow"`, 2},
		{"", `, "encoder": "libx264"`, 2},
		{`, "preset": "slow"`, "", 1},
	} {
		s := show(c.second, c.other)
		plan, err := planner.Make(PlanRequest(s, kinds, PlanOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Layers) != c.layers || len(plan.Renditions) != 1 {
			t.Errorf("with %q and %q: %d encodes and %d of simulcast, want 1 and %d", c.second, c.other, len(plan.Renditions), len(plan.Layers), c.layers)
		}
		said := strings.Contains(strings.Join(plan.Reasons, "\n"), "Two wants it encoded with preset slow; it is encoded with preset veryfast, as One wants.")
		if said != (c.second != "") {
			t.Errorf("with %q the reasons are %q", c.second, plan.Reasons)
		}
		edit, err := PlanEdit(s, plan)
		if err != nil || len(edit.Renditions) != 1 || edit.Renditions[0].Video.Preset != "veryfast" {
			t.Errorf("with %q the edit is %+v, %v", c.second, edit, err)
		}
	}
}
