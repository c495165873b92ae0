package ui

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/outputs"
)

// All is not well while those outside see black, and other trouble does not hide it.
func TestBannerSaysThatTheProgrammeIsBlack(t *testing.T) {
	const black = "The programme is faded to black; FTB (B) brings it back."
	s := aState()
	b := newBench(t, s)
	p := newBannerPanel(b.desk, noDocument)
	s.FadedOut, s.Black = true, 1
	p.update(s)
	wantLabel(t, "black", p.message, black)
	b.show(s)
	wantLabel(t, "what comes back", b.monitors[1].name, "FTB, under it: Wide")
	s.Warnings = []engine.Warning{{Key: "source cam3", Text: "camera 3 is silent"}}
	p.update(s)
	wantLabel(t, "black, off the air", p.message, "Camera 3 is silent.")
	s.Live = true
	p.update(s)
	wantLabel(t, "black on the air", p.message, black)
	wantLabel(t, "the camera, black on the air", p.more.caption, "1 more")
	press(p.more)
	wantLabel(t, "the camera, in the list", p.rows[0], "Camera 3 is silent.")
	b.desk.openTab = func(id string) { t.Errorf("the sentence about black leads to %s", id) }
	press(p)
	s.FadedOut, s.Black = false, 0
	p.update(s)
	wantLabel(t, "back", p.message, "Camera 3 is silent.")
	if p.more.Visible() {
		t.Error("it is counted besides itself")
	}
}

// The engine lists its own warnings before those about sources and those before outputs', so
// which is the newest is told by when they came.
func TestBannerSaysWhatCameLast(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := newBannerPanel(b.desk, noDocument)
	engines, source, output := engine.Warning{Key: "encoder main", Text: "no encoder"}, engine.Warning{Key: "source cam3", Text: "camera 3 is silent"}, engine.Warning{Key: "destination a", Text: "stage is not live"}
	show := func(want, next string, warnings ...engine.Warning) {
		t.Helper()
		s.Warnings = warnings
		p.update(s)
		wantLabel(t, "newest", p.message, want)
		if !p.open && p.more.Visible() {
			p.toggle()
		}
		if next != "" {
			wantLabel(t, "second newest", p.rows[0], next)
		}
	}
	show("Stage is not live.", "", output)
	show("Camera 3 is silent.", "Stage is not live.", source, output)
	show("No encoder.", "Camera 3 is silent.", engines, source, output)
	source.Text = "camera 3 is lost" // of the same trouble
	show("No encoder.", "Camera 3 is lost.", engines, source, output)
	show("No encoder.", "Stage is not live.", engines, output)
	show("Camera 3 is lost.", "No encoder.", engines, source, output) // once more
}

// A muted programme is seen: in the line, unless trouble off the air is more urgent, and at the
// programme monitor.
func TestMutedProgrammeIsSeen(t *testing.T) {
	const muted = "The programme's sound is muted; MUTE of Programme in the mixer brings it back."
	s := aState()
	b := newBench(t, s)
	s.Master.Muted = true
	b.show(s)
	wantLabel(t, "muted", b.banner.message, muted)
	wantLabel(t, "monitor", b.monitors[1].name, "MUTED  Wide")
	s.Warnings = []engine.Warning{{Key: "source cam3", Text: "camera 3 is silent"}}
	b.show(s)
	wantLabel(t, "muted, off the air", b.banner.message, "Camera 3 is silent.")
	s.Live = true
	b.show(s)
	wantLabel(t, "muted, on the air", b.banner.message, muted)
	s.Master.Muted = false
	b.show(s)
	wantLabel(t, "back", b.banner.message, "Camera 3 is silent.")
	wantLabel(t, "monitor", b.monitors[1].name, "Wide")
}

// M follows the state while the mixer is hidden: it does not mute what is muted.
func TestTheKeyUnmutesBehindAHiddenMixer(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	b.place.show(regionAudio, false)
	b.show(s)
	next := *s
	next.Master.Muted = true
	b.show(&next)
	b.keys.down(fyne.KeyM, 0)
	wantSent(t, b, &engine.SetMaster{Muted: ptr(false)})
}

func TestBannerSaysTheNewestAndCountsTheRest(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := newBannerPanel(b.desk, noDocument)
	p.Resize(fyne.NewSize(1000, bannerHeight))
	p.update(s)
	wantLabel(t, "all well", p.message, "All is well.")

	var opened []string
	b.desk.openTab = func(id string) { opened = append(opened, id) }
	s.Warnings = []engine.Warning{{Key: "encoder main", Text: "an older one"}, {Key: "destination a", Text: "stage is not live"}, {Key: "source cam3", Text: "camera 3 is silent"}}
	p.update(s)
	wantLabel(t, "warning", p.message, "Camera 3 is silent.")
	wantColor(t, "its ground", p.ground.FillColor, colAmber)
	wantLabel(t, "the rest", p.more.caption, "2 more")
	press(p)
	press(p.more)
	if p.Size().Height < 3*bannerHeight {
		t.Errorf("open, the banner is %v high", p.Size().Height)
	}
	wantLabel(t, "second newest", p.rows[0], "Stage is not live.")
	pressAt(p, fyne.NewPos(50, bannerHeight*1.5))
	pressAt(p, fyne.NewPos(50, bannerHeight*2.5))
	if got, want := fmt.Sprint(opened), "[show outputs stats]"; got != want {
		t.Errorf("presses led to %s, want %s", got, want)
	}

	p.tellNotice("There is no such scene.", false)
	p.update(s)
	wantLabel(t, "refusal", p.message, "There is no such scene.")
	b.clock = b.clock.Add(noticeFor + time.Second)
	s.Tick++
	s.Warnings = nil
	p.update(s)
	wantLabel(t, "after its cause went", p.message, "All is well.")
	if p.more.Visible() || p.Size().Height != bannerHeight {
		t.Error("the list is still open")
	}
	b.clock = b.clock.Add(7 * time.Second)
	p.update(s)
	if !strings.HasPrefix(p.message.full, "The studio has not moved for 0:07") {
		t.Errorf("a studio that stands still: %q", p.message.full)
	}
}

func noDocument() DocumentInfo { return DocumentInfo{} }

// TestBannerOfWorkThatIsNotKept: what is on air comes before it.
func TestBannerOfWorkThatIsNotKept(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	var info DocumentInfo
	p := newBannerPanel(b.desk, func() DocumentInfo { return info })
	p.Resize(fyne.NewSize(1000, bannerHeight))
	info.Unkept = errors.New("no space left on device")
	p.update(s)
	wantLabel(t, "alone", p.message, "The changes of the show would not survive a crash: they cannot be kept (no space left on device). What is on air is not touched; save the show (Ctrl+S).")
	s.Warnings = []engine.Warning{{Key: "source cam3", Text: "camera 3 is silent"}}
	p.update(s)
	wantLabel(t, "beside a camera", p.message, "Camera 3 is silent.")
	wantLabel(t, "the rest", p.more.caption, "1 more")
	if len(s.Warnings) != 1 {
		t.Errorf("the engine's own warnings became %v", s.Warnings)
	}
	s.Warnings, info.Unkept = nil, nil
	p.update(s)
	wantLabel(t, "kept again", p.message, "All is well.")
}

// All is not well while pictures are shown again for want of time.
func TestBannerOfASlowMachine(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := newBannerPanel(b.desk, noDocument)
	p.Resize(fyne.NewSize(300, bannerHeight))
	p.update(s)
	wantLabel(t, "at first", p.message, "All is well.")
	s.Tick, s.Time = s.Tick+30, s.Time+time.Second
	s.Counters.Ticks, s.Counters.Repeated = s.Counters.Ticks+30, s.Counters.Repeated+3
	p.update(s)
	wantLabel(t, "three of thirty", p.message, "This machine is too slow at present: up to 10 % of the pictures were shown twice. Everything runs on; close other programs.")
	opened := ""
	b.desk.openTab = func(id string) { opened = id }
	press(p)
	if opened != "stats" {
		t.Errorf("a press leads to %q", opened)
	}
	p.MouseIn(nil)
	if b.desk.tips.owner != p {
		t.Error("a sentence that does not fit is not told whole")
	}
	p.MouseOut()
	s.Tick, s.Time = s.Tick+180, s.Time+slowFor+time.Second
	s.Counters.Ticks += 180
	b.clock = b.clock.Add(slowFor + time.Second)
	p.update(s)
	wantLabel(t, "later", p.message, "All is well.")
}

func TestStatusLine(t *testing.T) {
	s := aState()
	s.GPU = gpu.Info{Renderer: "llvmpipe (LLVM 15.0.6, 256 bits)", Software: true}
	s.Counters = engine.Counters{Ticks: 300, New: 300, TickMS: 5, BudgetMS: 33.3}
	m := &fakeMachine{MachineStats{CPU: 1.25, Cores: 2, RSS: 312e6, DiskFree: 3e9}, 0}
	b := newBenchWith(t, s, Services{Machine: m})
	f := b.status.fields
	wantLabel(t, "renderer", f[statusGPU], "llvmpipe, on the processor")
	wantLabel(t, "processor", f[statusCPU], "CPU 1.2 of 2 cores")
	wantLabel(t, "disk", f[statusDisk], "disk 3.0 GB left")
	wantColor(t, "3 GB left", f[statusDisk].Color, colWarn)
	next := *s
	next.Tick, next.Time = 324, s.Time+time.Second
	next.Counters.Ticks, next.Counters.New, next.Counters.TickMS, next.Counters.Late = 323, 323, 30, 2
	next.Renditions = []engine.RenditionState{{Encoder: "libx264"}}
	b.clock = b.clock.Add(time.Second)
	m.stats.DiskFree = 5e8
	b.show(&next)
	wantLabel(t, "rate", f[statusRate], "23.0 of 30 fps")
	wantColor(t, "23 of 30 fps", f[statusRate].Color, colBad)
	wantColor(t, "a tick of 30 ms", f[statusTick].Color, colWarn)
	wantColor(t, "2 of 23 late", f[statusLate].Color, colBad)
	wantColor(t, "0.5 GB left", f[statusDisk].Color, colBad)
	wantLabel(t, "encoder", f[statusEncoder], "libx264")
	if m.samples != 2 {
		t.Errorf("sampled %d times, want once a second for all panels", m.samples)
	}
	silent := next
	silent.Tick, silent.Time = 354, next.Time+time.Second
	b.clock = b.clock.Add(time.Second)
	m.stats.DiskFree = -1
	b.show(&silent)
	wantLabel(t, "a disk that does not answer", f[statusDisk], "disk not known")
	wantColor(t, "a disk that does not answer", f[statusDisk].Color, colWarn)
}

type fakeMachine struct {
	stats   MachineStats
	samples int
}

func (m *fakeMachine) Sample() MachineStats { m.samples++; return m.stats }

type fakeLogs struct {
	records []LogRecord
	least   slog.Level
}

func (l *fakeLogs) Since(seq int64) []LogRecord { return l.records[seq:] }

func (l *fakeLogs) Keep(least slog.Level) { l.least = least }

func (l *fakeLogs) add(level slog.Level, text string) {
	if level >= l.least {
		l.records = append(l.records, LogRecord{Seq: int64(len(l.records) + 1), Level: level, Text: text, Time: time.Unix(1e9, 0)})
	}
}

func TestLogPanelByLevelAndText(t *testing.T) {
	logs := &fakeLogs{}
	b := newBenchWith(t, aState(), Services{Logs: logs})
	p := newLogPanel(b.desk)
	p.Resize(fyne.NewSize(300, 400))
	logs.add(slog.LevelDebug, "probing")
	logs.add(slog.LevelInfo, "source opened id=cam1")
	logs.add(slog.LevelWarn, "output lost id=stage")
	p.update(aState())
	texts := func() (out []string) {
		for _, v := range p.list.lines {
			out = append(out, v.text)
		}
		return out
	}
	want := func(what string, lines ...string) {
		t.Helper()
		if got := texts(); strings.Join(got, "|") != strings.Join(lines, "|") {
			t.Errorf("%s: %q, want %q", what, got, lines)
		}
	}
	want("at first", "source opened id=cam1", "output lost id=stage")
	press(p.levels[0])
	logs.add(slog.LevelDebug, "probing again")
	b.clock = b.clock.Add(logEvery)
	p.update(aState())
	want("all", "source opened id=cam1", "output lost id=stage", "probing again")
	press(p.levels[2])
	want("warnings", "output lost id=stage")
	if logs.least != slog.LevelInfo { // INFO is to find them again
		t.Errorf("with WARN the log keeps from %v on", logs.least)
	}
	press(p.levels[0])
	p.filter.SetText(" CAM1 ")
	want("filtered", "source opened id=cam1")
	logs.add(slog.LevelError, "cam1 broke")
	p.update(aState())
	want("too soon to ask again", "source opened id=cam1")
	b.clock = b.clock.Add(logEvery)
	p.update(aState())
	want("a new one", "source opened id=cam1", "cam1 broke")
	pressAt(p.list, fyne.NewPos(20, 2+1.5*lineHeight))
	wantLabel(t, "picked", p.detail[0], "cam1 broke")
	for range 3 * logKept {
		logs.add(slog.LevelInfo, "cam1 again")
	}
	b.clock = b.clock.Add(logEvery)
	p.update(aState())
	if n := len(p.records); n != logKept {
		t.Errorf("%d records kept, want %d", n, logKept)
	}
}

func TestLineListDrawsOnlyWhatIsSeen(t *testing.T) {
	b := newBench(t, aState())
	l := newLineList(b.desk, 40, true, nil)
	l.Resize(fyne.NewSize(200, 10*lineHeight+4))
	lines := make([]textLine, 5000)
	for i := range lines {
		lines[i].text = fmt.Sprint(i)
	}
	l.set(lines)
	if n := len(l.rows); n != 10 {
		t.Errorf("%d rows for 10 lines in view", n)
	}
	wantLabel(t, "the end is in view", l.rows[9].text, "4999")
	l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageUp})
	wantLabel(t, "a page up", l.rows[9].text, "4989")
	l.set(append(lines, textLine{text: "new"}))
	wantLabel(t, "it stays where it was put", l.rows[9].text, "4989")
	l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	l.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 1)})
	l.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -1)})
	wantLabel(t, "back at the end", l.rows[9].text, "new")
	l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	wantLabel(t, "home", l.rows[0].text, "0")
	l.set(lines[:3])
	wantLabel(t, "fewer lines than room", l.rows[2].text, "2")
	wantLabel(t, "below them", l.rows[3].text, "")
	l.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(5, 500)}}) // below everything
}

func TestStatsSayWhatIsMeasured(t *testing.T) {
	s := aState()
	s.Counters = engine.Counters{Ticks: 300, New: 290, Repeated: 10, TickMS: 20, TickP99MS: 40, TickMaxMS: 44, BudgetMS: 33.3}
	s.Sources[0].Frames, s.Sources[0].Dropped, s.Sources[0].QueueMS = 100_000, 0, 33
	s.Sources[1].Frames, s.Sources[1].Dropped = 1000, 60
	var r rates
	r.read(s)
	s.Time += time.Second
	s.Sources[0].Frames, s.Sources[0].Dropped = 100_030, 3
	s.Sources[1].Frames += 30
	s.Renditions = []engine.RenditionState{{ID: "main", Encoder: "libx264", Frames: 98_000, Dropped: 20, EncodeMS: 12.5, Dropping: 0.02}}
	r.read(s)
	lines := statsLines(s, r, MachineStats{CPU: 0.5, Cores: 2, DiskFree: -1})
	find := func(part string) textLine {
		t.Helper()
		for _, l := range lines {
			if strings.Contains(l.front+" "+l.text, part) {
				return l
			}
		}
		t.Fatalf("nothing about %q", part)
		return textLine{}
	}
	wantColor(t, "ticks at 60 %", find("20.0 ms of 33.3").ink, colText)
	wantColor(t, "p99 over the budget", find("p99 40.0").ink, colBad)
	wantColor(t, "10 % lost now, after a long good time", find("dropped 3, skipped 0  (10.0 % now)").ink, colBad)
	wantColor(t, "6 % lost once, and none now", find("dropped 60").ink, colText)
	wantColor(t, "2 % before encoding now, of few in all", find("dropped 20  (2.0 % now)").ink, colWarn)
	find("12.5 ms a picture")
	find("0.50 of 2 cores")
	for _, l := range lines {
		if strings.Contains(l.text, "disk") {
			t.Errorf("%q, but the disk is not known", l.text)
		}
	}
}

type fakeRehearsal []RehearsalStream

func (r fakeRehearsal) Streams() []RehearsalStream { return r }

func TestRehearsalPanel(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Rehearsal: fakeRehearsal{
		{ID: 1, Title: "rtmp live", State: "ended", Facts: []Fact{{"video", "h264 1280x720"}}},
		{ID: 2, Title: "srt", State: "receiving", Problems: []string{"keyframes are up to 8.0 s apart"}},
	}})
	p := newRehearsalPanel(b.desk)
	p.Resize(fyne.NewSize(300, 300))
	p.update(aState())
	var got []string
	for _, l := range p.list.lines {
		got = append(got, l.front+": "+l.text)
	}
	want := "receiving: srt|problem: Keyframes are up to 8.0 s|: apart.|: |ended: rtmp live|video: h264 1280x720"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("%q, want %q", text, want)
	}
	wantColor(t, "title", p.title.Color, colWarn)

	b = newBench(t, aState()) // without a receiver: it could not be opened
	p = newRehearsalPanel(b.desk)
	p.update(aState())
	wantLabel(t, "without a receiver", p.title, "The receiver could not be opened; Log says why. Everything else runs.")
}

// What a transport knows of its path is in the statistics; what it does not know is not.
func TestPathLines(t *testing.T) {
	for _, c := range []struct {
		report outputs.Report
		want   string
	}{
		{outputs.Report{State: outputs.Confirmed}, ""},
		{outputs.Report{State: outputs.Waiting, Detail: "refused"}, ""},
		{outputs.Report{State: outputs.Handshaking, Detail: "gate: for 4 s waiting for it to answer"}, "gate: for 4 s waiting for it to answer"},
		{
			outputs.Report{State: outputs.Confirmed, Detail: "10.0.0.1:9000", RTT: 18 * time.Millisecond, LostPercent: 0.5, Retransmitted: 12, SendBuffer: 90 * time.Millisecond, BandwidthBPS: 12_300_000},
			"10.0.0.1:9000|RTT 18 ms, lost 0.5 %, sent again 12|buffer 90 ms, path 12.3 Mb/s",
		},
	} {
		if got := strings.Join(pathLines(c.report), "|"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
