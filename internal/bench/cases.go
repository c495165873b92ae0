package main

import (
	"fmt"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes"
)

// rival is what a case is measured beside.
type rival uint8

const (
	// leastWork is ffmpeg decoding what the show decodes and encoding its first camera
	// as the show's renditions do: the floor.
	leastWork rival = iota + 1
	// sameWork is ffmpeg composing the same picture as well.
	sameWork
	// smallerShow is Crosspoint with less in its show.
	smallerShow
)

func (r rival) String() string {
	return [...]string{"", "floor", "ffmpeg doing the same", "smaller show"}[r]
}

// limits are what a row must reach; what is 0 or false is not asked for.
type limits struct {
	Ratio        float64 `json:"ratio,omitempty"`          // of CPU time to the rival's, at most
	Speed        float64 `json:"speed,omitempty"`          // the rival's wall time to Crosspoint's, at least
	AllFrames    bool    `json:"all_frames,omitempty"`     // every frame of the recording shows new pictures
	AsMany       bool    `json:"as_many,omitempty"`        // at least as many distinct frames as the rival's
	NoLate       bool    `json:"no_late,omitempty"`        // no late tick
	RSSOverMB    float64 `json:"rss_over_mb,omitempty"`    // peak memory above the rival's, at most
	FirstFrameMS float64 `json:"first_frame_ms,omitempty"` // from the start of the process, at most
	FirstByteMS  float64 `json:"first_byte_ms,omitempty"`  // likewise
	GCPer10s     float64 `json:"gc_per_10s,omitempty"`     // runs of the collector after the first 5 s, at most
}

// live are the limits of every row that runs in real time.
func live(ratio float64) limits {
	return limits{Ratio: ratio, AllFrames: true, RSSOverMB: 100, FirstFrameMS: 700, FirstByteMS: 1000, GCPer10s: 1}
}

// windowed are those of a row with the window, whose start-up nobody has put a limit to.
func windowed() limits { return limits{AllFrames: true, GCPer10s: 1} }

// benchCase is one row of the table. Everything else about a case follows from its show.
type benchCase struct {
	Name, Title string
	cameras     int    // decoded by the show and by ffmpeg, from 1 up
	lens        lens   // of the cameras
	beside      rival  // what it is measured beside
	loose       bool   // ffmpeg chooses its threads itself, and the settings differ by that
	offline     bool   // on the virtual clock, as fast as it goes; ffmpeg too
	window      bool   // with the window open on a display of its own
	live        bool   // goes live to the receivers
	filter      string // ffmpeg's, for sameWork: from [0:v].. to [v]; the lower third is the input after the cameras
	limits      limits
	show        func(m material) *scenes.Show
	less        func(m material) *scenes.Show // for smallerShow
	commands    func(frames int) []string     // lines of a command list
	places      []place
	need        int // how many of places every frame has to show
}

// material is what a show refers to.
type material struct {
	files []string          // of the cameras
	urls  map[string]string // of the receivers, by protocol
	dir   string            // of this run alone
}

// cases are the rows in the order of the table; issue 4 has the limits.
func cases() []benchCase {
	one, a := []place{full(1)}, "1080p30, one camera + soft-edged 1500x180 lower third"
	list := []benchCase{
		{Name: "P", Title: "1080p30, one camera, nothing over it", cameras: 1, limits: live(1.02), show: showP},
		{Name: "A", Title: a, cameras: 1, limits: live(1.05), show: showA},
		{Name: "C", Title: "A + RTMP + SRT + WHIP on loopback", cameras: 1, live: true, limits: live(1.10), show: showC},
		{
			Name: "B-720p", Title: "720p30, quad split of four 1080p cameras", cameras: 4, limits: live(1.12),
			show: showB(1280, 720), places: quadPlaces(1280, 720), need: 4,
		},
		{
			Name: "B-1080p", Title: "1080p30, quad split of four 1080p cameras", cameras: 4, beside: sameWork, filter: quadFilter(1920, 1080),
			limits: limits{AsMany: true, RSSOverMB: 100, FirstFrameMS: 700, FirstByteMS: 1000, GCPer10s: 1},
			show:   showB(1920, 1080), places: quadPlaces(1920, 1080), need: 4,
		},
		{
			Name: "X", Title: "1080p30, 1 s mix between two cameras every 2 s", cameras: 2, limits: noLate(live(0)),
			show: showX, commands: commandsX, places: []place{full(1), full(2)}, need: 1,
		},
		{Name: "G", Title: "A with the window open at 1366x768", cameras: 1, window: true, limits: windowed(), show: showA},
		{
			Name: "M", Title: "the window, four 1080p30 cameras in it, one + lower third on programme at 720p30", cameras: 4, window: true,
			limits: windowed(), show: showM, places: []place{{1, 0, 0, 1280, 720}},
		},
		{
			Name: "S", Title: "720p60, one camera + lower third", cameras: 1, lens: hd60, limits: live(0),
			show: showS, places: []place{{1, 0, 0, 1280, 720}},
		},
		{Name: "P-render", Title: "P on the virtual clock", cameras: 1, offline: true, limits: limits{AllFrames: true}, show: showP},
		{Name: "A-render", Title: "A on the virtual clock", cameras: 1, offline: true, limits: limits{AllFrames: true}, show: showA},
		{
			Name: "render", Title: "A on the virtual clock beside ffmpeg: decode, overlay, encode", cameras: 1, offline: true,
			beside: sameWork, filter: overlayFilter, limits: limits{AllFrames: true, Speed: 1}, show: showA,
		},
		{
			Name: "render-threads", Title: "as render, with ffmpeg's own choice of encoder threads", cameras: 1, offline: true, loose: true,
			beside: sameWork, filter: overlayFilter, limits: limits{AllFrames: true, Speed: 1}, show: showA,
		},
		{Name: "two", Title: "A at 1080p30 and 720p30, beside ffmpeg encoding both", cameras: 1, limits: live(0), show: showTwo},
	}
	list = append(list, growth()...)
	for i := range list {
		c := &list[i]
		if c.lens == (lens{}) {
			c.lens = hd30
		}
		if c.beside == 0 {
			c.beside = leastWork
		}
		if c.places == nil {
			c.places = one
		}
		c.need = max(c.need, 1)
	}
	return list
}

func noLate(l limits) limits {
	l.NoLate = true
	return l
}

// growth are the rows about shows that have more in them than is on air, and about
// more destinations: each beside Crosspoint with the least of it.
func growth() []benchCase {
	var list []benchCase
	add := func(name, title string, cameras int, ratio float64, more, less func(m material) *scenes.Show) {
		list = append(list, benchCase{
			Name: name, Title: title, cameras: cameras, beside: smallerShow, limits: limits{Ratio: ratio, AllFrames: true},
			show: more, less: less,
		})
	}
	for _, n := range []int{16, 64} {
		add(fmt.Sprintf("sources-%d", n), fmt.Sprintf("%d cameras in the show, 2 on air, beside 4", n), 4, 1.02, showSources(n), showSources(4))
	}
	for _, n := range []int{16, 64} {
		add(fmt.Sprintf("graphics-%d", n), fmt.Sprintf("2 cameras on air and %d titles and colours off air, beside 2 of these", n-2), 2, 1.02, showGraphics(n), showGraphics(4))
	}
	for _, n := range []int{10, 100} {
		add(fmt.Sprintf("layers-%d", n), fmt.Sprintf("%d layers of which 3 are visible, beside 3", n), 2, 1.02, showLayers(n), showLayers(3))
	}
	for _, n := range []int{4, 10} {
		add(fmt.Sprintf("destinations-%d", n), fmt.Sprintf("A to %d RTMP destinations, beside 1", n), 1, 0, showDestinations(n), showDestinations(1))
		list[len(list)-1].live = true
	}
	return list
}

// chosen are the cases that a list of names asks for, in the order of the table;
// "all" is every one.
func chosen(list string) ([]benchCase, error) {
	all := cases()
	want := make(map[string]bool)
	for _, name := range strings.Split(list, ",") {
		want[strings.ToUpper(strings.TrimSpace(name))] = true
	}
	if want["ALL"] {
		return all, nil
	}
	var out []benchCase
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.Name)
		if key := strings.ToUpper(c.Name); want[key] {
			out = append(out, c)
			delete(want, key)
		}
	}
	for name := range want {
		return nil, fmt.Errorf("there is no case %q; there are: %s, latency, reaction, soak", name, strings.Join(names, ", "))
	}
	return out, nil
}

// take removes name from a list of cases separated by commas, whatever its case, and
// says whether it was there.
func take(list *string, name string) bool {
	names := strings.Split(*list, ",")
	rest := slices.DeleteFunc(slices.Clone(names), func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), name) })
	*list = strings.Join(rest, ",")
	return len(rest) < len(names)
}

// commandsX runs AUTO every two seconds; it swaps programme and preview.
func commandsX(frames int) []string {
	var lines []string
	for at := 2 * hd30.rate; at < frames; at += 2 * hd30.rate {
		lines = append(lines, fmt.Sprintf(`{"at": %d, "do": "auto"}`, at))
	}
	return lines
}

// encoding is what the engine makes of the show's rendition r, for ffmpeg: the
// bitstreams' own account of their settings is compared afterwards.
// On the virtual clock the engine encodes so that it is the same to the bit from run to run.
func encoding(s *scenes.Show, r scenes.Rendition, repeatable bool) av.VideoEncoderOptions {
	v := r.Video
	opt := av.VideoEncoderOptions{
		Encoder: v.Encoder, Width: v.Width, Height: v.Height, FPS: s.Canvas.FPS, BitrateBPS: v.BitrateKbps * 1000,
		GOP: int(v.KeyframeSeconds * s.Canvas.FPS.Float()), Preset: v.Preset, BFrames: -1, Color: s.Canvas.Color.Info(),
	}
	opt.Repeatable = repeatable
	for _, d := range s.Destinations {
		if d.Kind == "whip" { // WebRTC takes no B-frames
			opt.BFrames = 0
		}
	}
	return opt
}
