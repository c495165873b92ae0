package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

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

func abs(v float64) float64 { return max(v, -v) }

func TestPeakRSS(t *testing.T) {
	if got := peakRSS("Name:\tx\nVmPeak:\t 9000 kB\nVmHWM:\t  204800 kB\nVmRSS:\t 100 kB\n"); got != 200 {
		t.Errorf("got %v MB, want 200", got)
	}
	if got := peakRSS("Name:\tx\n"); got != 0 {
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

const twoSeconds = `{"Tick":30,"Counters":{"Ticks":30,"Late":0,"Repeated":0,"TickMS":2,"TickMaxMS":9,"ComposeMS":1.5},"Renditions":[{"Frames":28,"Dropped":0,"EncodeMS":20}],"Destinations":[{"ID":"srt","Report":{"State":"connecting"}}]}
{"Tick":60,"Counters":{"Ticks":60,"Late":1,"Repeated":1,"Rects":60,"TickMS":3,"TickMaxMS":40,"ComposeMS":1.7},"Renditions":[{"Frames":57,"Dropped":2,"EncodeMS":21}],"Destinations":[{"ID":"srt","Report":{"State":"live"},"Dropped":3}],"Warnings":[{"Text":"Late."}]}
`

func TestParseStats(t *testing.T) {
	got, err := parseStats([]byte(twoSeconds), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Ticks != 60 || got.Late != 1 || got.Repeated != 1 || got.Dropped != 2 || got.Path != [3]int64{0, 60, 0} {
		t.Errorf("counters: %+v", got)
	}
	if got.TickP50MS != 2 || got.TickP99MS != 40 || got.ComposeMS != 1.5 || got.EncodeMS != 21 {
		t.Errorf("times: %+v", got)
	}
	if want := []string{"Late.", "srt dropped 3 packets"}; !slices.Equal(got.Problems, want) {
		t.Errorf("problems %q, want %q", got.Problems, want)
	}
	if got, err = parseStats([]byte(twoSeconds), 2); err != nil || !slices.Contains(got.Problems, "1 of 2 destinations were live") {
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

// Every case's show is one that the product opens, and says what the floor is told.
func TestShowsAreValid(t *testing.T) {
	files := []string{"1.mp4", "2.mp4", "3.mp4", "4.mp4"}
	urls := map[string]string{"rtmp": "rtmp://127.0.0.1:1935/live", "srt": "srt://127.0.0.1:9000", "whip": "http://127.0.0.1:8080/whip/x"}
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			show := c.show(files[:c.cameras], urls)
			raw, err := json.Marshal(show)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := scenes.Parse(raw); err != nil {
				t.Fatal(err)
			}
			if c.live != (len(show.Destinations) > 0) {
				t.Errorf("live %v with %d destinations", c.live, len(show.Destinations))
			}
			args, err := floorArgs(show, files[:c.cameras], 7, c.offline, "floor.mkv")
			if err != nil {
				t.Fatal(err)
			}
			line := strings.Join(args, " ")
			if got := strings.Count(line, "-i "); got != c.cameras {
				t.Errorf("the floor reads %d cameras, want %d: %s", got, c.cameras, line)
			}
			if got := strings.Contains(line, "-re -i"); got == c.offline {
				t.Errorf("the floor runs in real time: %v, and the case offline: %v: %s", got, c.offline, line)
			}
			if got := strings.Contains(line, "-threads 1"); got != c.offline {
				t.Errorf("the floor encodes with one thread: %v, and the case offline: %v: %s", got, c.offline, line)
			}
			if got, want := strings.Contains(line, "-bf 0"), c.live; got != want {
				t.Errorf("the floor goes without B-frames: %v, want %v: %s", got, want, line)
			}
			if got, want := strings.Contains(line, "scale="), show.Canvas.Height != cameraHeight; got != want {
				t.Errorf("the floor scales: %v, want %v: %s", got, want, line)
			}
		})
	}
}

func TestCommandsX(t *testing.T) {
	got := commandsX(180)
	if want := []string{`{"at": 60, "do": "auto"}`, `{"at": 120, "do": "auto"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTable(t *testing.T) {
	o := outcome{Case: "A", Seconds: 30, Expected: 900, Limit: 1.25, Pairs: []pair{
		{Crosspoint: usage{CPUSeconds: 50}, Floor: usage{CPUSeconds: 40, WallSecond: 30}, Ratio: 1.25, Frames: frameCount{Frames: 900, Distinct: 900}},
		{Crosspoint: usage{CPUSeconds: 60, WallSecond: 30, OtherCPUSeconds: 20}, Floor: usage{CPUSeconds: 40, WallSecond: 40}, Ratio: 1.5, Frames: frameCount{Frames: 900, Distinct: 898}},
	}}
	m := o.medians()
	if m.cpu != 110 || m.floor != 80 || m.ratio != 1.375 || m.distinct != 899 {
		t.Errorf("medians: %+v", m)
	}
	var b bytes.Buffer
	if err := printTable(&b, []outcome{o}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"110.0", "1.375", "899/900", "over the limit", "1 of 900 pictures are missing", "other programs used 20", "5 s longer"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, b.String())
		}
	}
}
