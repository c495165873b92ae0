package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

func TestParseHost(t *testing.T) {
	got, err := parseHost("cpu  100 20 300 4000 50 6 7 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := (host{busy: 4.33, stolen: 0.8}); abs(got.busy-want.busy) > 1e-9 || got.stolen != want.stolen {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "intr 1 2 3\n", "cpu 1 2\n", "cpu a b c d e f g h i\n"} {
		if _, err := parseHost(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestParseSpent(t *testing.T) {
	if got := parseSpent("77 (a ) b) S 1 2 3 4 5 6 7 8 9 10 1234 66 0 0 20 0 9 0 5 6 7\n"); got != 13 {
		t.Errorf("got %v s, want 13", got)
	}
	for _, bad := range []string{"", "77 (a) S 1 2\n", "77 (a) S 1 2 3 4 5 6 7 8 9 10 x 66 0\n"} {
		if got := parseSpent(bad); got != 0 {
			t.Errorf("%q is %v s", bad, got)
		}
	}
	u := usage{CPUSeconds: 10, spent: []float64{1, 4, 6}}
	if got := u.later(2); got != 6 {
		t.Errorf("from the second second on %v s, want 6", got)
	}
	if got := u.later(4); got != 0 {
		t.Errorf("later than the run %v s", got)
	}
}

func abs(v float64) float64 { return max(v, -v) }

func TestMemoryMB(t *testing.T) {
	if got := memoryMB("Name:\tx\nVmPeak:\t 9000 kB\nVmHWM:\t  204800 kB\nVmRSS:\t 100 kB\n", "VmHWM"); got != 200 {
		t.Errorf("got %v MB, want 200", got)
	}
	if got := memoryMB("Name:\tx\n", "VmHWM"); got != 0 {
		t.Errorf("got %v MB of nothing, want 0", got)
	}
}

func TestPercentileAndMedian(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for p, want := range map[int]float64{1: 1, 20: 1, 21: 2, 50: 3, 99: 5, 100: 5} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %d = %v, want %v", p, got, want)
		}
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median = %v, want 2.5", got)
	}
	if percentile(nil, 50) != 0 || median(nil) != 0 {
		t.Error("nothing has a percentile other than 0")
	}
}

const threeLines = `{"Tick":150,"Seconds":5,"Counters":{"Ticks":150,"TickMS":2,"ComposeMS":1.5,"GCRuns":7},"Renditions":[{"Frames":28,"Held":4}],"Destinations":[{"ID":"srt","Report":{"State":"connecting"}}]}
{"Tick":300,"Seconds":10,"Counters":{"Ticks":300,"Late":1,"Repeated":1,"Rects":300,"TickMS":3,"RunTickP50MS":2.5,"RunTickP99MS":40,"ComposeMS":1.7,"GCRuns":8,"FirstPicture":"2026-01-02T03:04:05.5Z"},"Renditions":[{"Frames":57,"Dropped":2,"EncodeMS":21,"Held":6,"DelayP50MS":200},{"Dropped":3}],"Destinations":[{"ID":"srt","Report":{"State":"live"},"Dropped":3}],"Warnings":[{"Text":"Late."}]}
{"Tick":300,"Seconds":10,"Counters":{"Ticks":300,"Late":1,"Repeated":1,"Rects":300,"TickMS":3,"RunTickP50MS":2.5,"RunTickP99MS":40,"ComposeMS":1.7,"GCRuns":8,"FirstPicture":"2026-01-02T03:04:05.5Z"},"Renditions":[],"Destinations":[]}
`

func TestParseStats(t *testing.T) {
	got, err := parseStats([]byte(threeLines), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Ticks != 300 || got.Late != 1 || got.Repeated != 1 || got.Dropped != 5 || got.Path != [3]int64{0, 300, 0} {
		t.Errorf("counters: %+v", got)
	}
	if got.TickP50MS != 2.5 || got.TickP99MS != 40 || got.ComposeMS != 1.7 || got.EncodeMS != 21 || got.DelayP50MS != 200 || got.Held != 5 {
		t.Errorf("times: %+v", got)
	}
	if got.GCPer10s != 2 {
		t.Errorf("the collector ran %v times in 10 s, want 2: once between 5 and 10 s", got.GCPer10s)
	}
	if ms := got.firstFrame(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); ms != 500 {
		t.Errorf("the first frame after %v ms, want 500", ms)
	}
	if want := []string{"Late.", "srt dropped 3 packets"}; !slices.Equal(got.Problems, want) {
		t.Errorf("problems %q, want %q", got.Problems, want)
	}
	if got, err = parseStats([]byte(threeLines), 2); err != nil || !slices.Contains(got.Problems, "1 of 2 destinations were live") {
		t.Errorf("a destination that never was live: %q, %v", got.Problems, err)
	}
	for _, bad := range []string{"", "{\n"} {
		if _, err := parseStats([]byte(bad), 0); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestChosen(t *testing.T) {
	got, err := chosen("x, a")
	if err != nil || len(got) != 2 || got[0].Name != "A" || got[1].Name != "X" {
		t.Errorf("got %v cases, %v", len(got), err)
	}
	if got, err = chosen("all"); err != nil || len(got) != len(cases()) {
		t.Errorf("all: %d cases, %v", len(got), err)
	}
	if _, err = chosen("A,Q"); err == nil || !strings.Contains(err.Error(), `"Q"`) {
		t.Errorf("an unknown case: %v", err)
	}
}

func TestTakeFindsAName(t *testing.T) {
	list := "A, Soak,b"
	if !take(&list, "soak") || list != "A,b" {
		t.Errorf("the rest is %q", list)
	}
	if take(&list, "soak") || list != "A,b" {
		t.Errorf("what is not there was found, and %q is left", list)
	}
}

func TestStatCPU(t *testing.T) {
	if got := statCPU("42 (X (vfb) 1) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0\n"); got != 3 {
		t.Errorf("got %v s, want 3", got)
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 (x) S 1 2 3 4 5 6 7 8 9 10 a b 0 0"} {
		if got := statCPU(bad); got != 0 {
			t.Errorf("%q: got %v s, want 0", bad, got)
		}
	}
}

// Every case's show is one that the product opens, and says what ffmpeg is told.
func TestShowsAreValid(t *testing.T) {
	m := material{
		files: []string{"1.mp4", "2.mp4", "3.mp4", "4.mp4"},
		urls:  map[string]string{"rtmp": "rtmp://127.0.0.1:1935/live", "srt": "srt://127.0.0.1:9000", "whip": "http://127.0.0.1:8080/whip/x"},
		dir:   t.TempDir(),
	}
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			m := m
			m.files = m.files[:c.cameras]
			show := c.show(m)
			shows := []*scenes.Show{show}
			if c.beside == smallerShow {
				shows = append(shows, c.less(m))
			}
			for _, s := range shows {
				raw, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := scenes.Parse(raw); err != nil {
					t.Fatal(err)
				}
			}
			if c.live != (len(show.Destinations) > 0) {
				t.Errorf("live %v with %d destinations", c.live, len(show.Destinations))
			}
			if got := show.Canvas.FPS.Float(); got != float64(c.lens.rate) {
				t.Errorf("a canvas of %v fps for cameras of %d", got, c.lens.rate)
			}
			if c.beside == smallerShow {
				return
			}
			checkFFmpegArgs(t, c, show, m)
		})
	}
}

func checkFFmpegArgs(t *testing.T, c benchCase, show *scenes.Show, m material) {
	t.Helper()
	args, err := ffmpegArgs(c, show, m, 7, "beside.mkv")
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(args, " ")
	want := c.cameras
	if strings.Contains(c.filter, "overlay") {
		want++ // the lower third
	}
	if got := strings.Count(line, "-i "); got != want {
		t.Errorf("ffmpeg reads %d files, want %d: %s", got, want, line)
	}
	for what, v := range map[string]struct{ got, want bool }{
		"runs in real time":           {strings.Contains(line, "-re -i"), !c.offline},
		"encodes repeatably":          {!strings.Contains(line, "-bufsize"), c.offline && !c.loose},
		"goes without B-frames":       {strings.Contains(line, "-bf 0"), c.live && c.beside == leastWork},
		"composes":                    {strings.Contains(line, "-filter_complex"), c.beside == sameWork},
		"scales the programme itself": {strings.Contains(line, "-vf scale="), c.beside == leastWork && show.Canvas.Height != c.lens.height || len(show.Renditions) > 1},
		"encodes twice":               {strings.Contains(line, "small.mkv"), len(show.Renditions) > 1},
	} {
		if v.got != v.want {
			t.Errorf("ffmpeg %s: %v, want %v: %s", what, v.got, v.want, line)
		}
	}
}

func TestCommandsX(t *testing.T) {
	got := commandsX(180)
	if want := []string{`{"at": 60, "do": "auto"}`, `{"at": 120, "do": "auto"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTableAndVerdict(t *testing.T) {
	o := outcome{Case: "A", Rival: "floor", Seconds: 30, Expected: 900, Limits: limits{Ratio: 1.25, AllFrames: true, RSSOverMB: 100}, Pairs: []pair{
		{Crosspoint: usage{CPUSeconds: 50, PeakRSSMB: 300}, Beside: usage{CPUSeconds: 40, WallSecond: 30}, Ratio: 1.25, Frames: frameCount{Frames: 900, Distinct: 900}},
		{Crosspoint: usage{CPUSeconds: 60, PeakRSSMB: 300, WallSecond: 30, OtherCPUSeconds: 20}, Beside: usage{CPUSeconds: 40, WallSecond: 40}, Ratio: 1.5, Frames: frameCount{Frames: 900, Distinct: 898}},
	}}
	m := o.medians()
	if m.cpu != 110 || m.beside != 80 || m.ratio != 1.375 || m.distinct != 899 {
		t.Errorf("medians: %+v", m)
	}
	o.judge()
	if want := []string{"898 of 900 frames", "ratio 1.375, at most 1.25", "MB over 300, at most 100"}; o.Verdict != missed || !slices.Equal(o.Missed, want) {
		t.Errorf("%s: %q, want %q", o.Verdict, o.Missed, want)
	}
	var b bytes.Buffer
	if err := printTable(&b, []outcome{o}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"110.0", "1.375", "899/900", "missed: 898 of 900 frames", "other programs used 20", "5 s longer"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, b.String())
		}
	}
	o.Limits = limits{Ratio: 1.375}
	if o.judge(); o.Verdict != reached || len(o.Missed) > 0 {
		t.Errorf("at the limit it is %s: %q", o.Verdict, o.Missed)
	}
	o.Limits = limits{}
	if o.judge(); o.Verdict != noLimit {
		t.Errorf("without limits it is %s", o.Verdict)
	}
}

func TestVerdictOfEachLimit(t *testing.T) {
	good := pair{
		Crosspoint: usage{FirstFrameMS: 650, FirstByteMS: 900}, Ratio: 1, Speed: 1.2,
		Frames: frameCount{Distinct: 300}, BesideFrames: &frameCount{Distinct: 300}, Engine: engineStats{GCPer10s: 1},
	}
	for name, c := range map[string]struct {
		limits limits
		change func(p *pair)
	}{
		"speed":       {limits{Speed: 1}, func(p *pair) { p.Speed = 0.9 }},
		"as many":     {limits{AsMany: true}, func(p *pair) { p.Frames.Distinct = 299 }},
		"no late":     {limits{NoLate: true}, func(p *pair) { p.Engine.Late = 1 }},
		"first frame": {limits{FirstFrameMS: 700}, func(p *pair) { p.Crosspoint.FirstFrameMS = 701 }},
		"first byte":  {limits{FirstByteMS: 1000}, func(p *pair) { p.Crosspoint.FirstByteMS = 1001 }},
		"collector":   {limits{GCPer10s: 1}, func(p *pair) { p.Engine.GCPer10s = 2 }},
	} {
		o := outcome{Seconds: 10, Expected: 300, Limits: c.limits, Pairs: []pair{good}}
		if o.judge(); o.Verdict != reached {
			t.Errorf("%s kept: %s %q", name, o.Verdict, o.Missed)
		}
		c.change(&o.Pairs[0])
		if o.judge(); o.Verdict != missed || len(o.Missed) != 1 {
			t.Errorf("%s broken: %s %q", name, o.Verdict, o.Missed)
		}
	}
}

func TestNewDelay(t *testing.T) {
	ms := make([]float64, 100)
	for i := range ms {
		ms[i] = float64(i + 1)
	}
	d := newDelay("x", ms, 50*time.Millisecond)
	if d.P50Ticks != 1 || d.P99Ticks != 1.98 || d.Count != 100 || d.Verdict != reached {
		t.Errorf("got %+v", d)
	}
	if d := newDelay("x", ms, 40*time.Millisecond); d.Verdict != missed {
		t.Errorf("a median of 1.25 ticks is %s", d.Verdict)
	}
	if d := newDelay("x", nil, 40*time.Millisecond); d.Verdict != missed {
		t.Errorf("what was never measured is %s", d.Verdict)
	}
}

func TestReadCuts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	log := `{"at":139,"do":"cut"}` + "\n" + `{"at":150,"do":"preview","scene":"cam1"}` + "\n" + `{"at":154,"do":"cut"}` + "\n"
	if err := os.WriteFile(path, []byte(log), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readCuts(path)
	if err != nil || !slices.Equal(got, []int64{139, 154}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSoakCompares(t *testing.T) {
	rss := make([]float64, 600)
	for i := range rss {
		rss[i] = 400
		if i < 8 {
			rss[i] = 100 // while pools fill
		}
	}
	var s soak
	if s.compare(rss); s.Growth != 0 || s.Verdict != reached {
		t.Errorf("steady memory: %+v", s)
	}
	for i := 540; i < 600; i++ {
		rss[i] = 424
	}
	if s.compare(rss); s.FirstMB != 400 || s.LastMB != 424 || s.Verdict != missed {
		t.Errorf("6 %% more: %+v", s)
	}
	if s.compare(nil); s.Verdict != missed {
		t.Errorf("nothing measured: %+v", s)
	}
}
