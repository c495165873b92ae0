package ui

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"go.uber.org/goleak"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

// within waits for something that other goroutines bring about.
func within(t *testing.T, what string, d time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(d)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, d)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestSenderKeepsOrderAndMergesMoves(t *testing.T) {
	s := newSender(nil, func(string) {})
	s.send("", &engine.Cut{}, nil)
	s.send("tbar", &engine.TBar{Position: 0.1}, nil)
	s.send("", &engine.AutoTake{}, nil)
	s.send("tbar", &engine.TBar{Position: 0.2}, nil)
	want := []engine.Command{&engine.Cut{}, &engine.TBar{Position: 0.2}, &engine.AutoTake{}}
	var got []engine.Command
	for {
		p, ok := s.take()
		if !ok {
			break
		}
		got = append(got, p.cmd)
	}
	if commandsText(got) != commandsText(want) {
		t.Errorf("got %s, want %s", commandsText(got), commandsText(want))
	}
}

func TestSenderTellsRefusals(t *testing.T) {
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	f := &fakeStudio{refuse: errRefused}
	var said atomic.Pointer[string]
	s := newSender(f.Do, func(text string) { said.Store(&text) })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.run(ctx) }()
	s.send("", &engine.Preview{Scene: "nowhere"}, nil)
	within(t, "a sentence about the refusal", 5*time.Second, func() bool { return said.Load() != nil })
	if got, want := *said.Load(), "There is no such scene."; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	stop()
	<-ended
}

// TestSenderLeavesOutWhatNeedsARefusedCommand, and nothing else.
func TestSenderLeavesOutWhatNeedsARefusedCommand(t *testing.T) {
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	cut, refused, needing := &engine.Cut{}, &engine.Preview{Scene: "nowhere"}, &engine.AutoTake{}
	for _, c := range []struct {
		name   string
		before []engine.Command
		needs  int
		want   bool
	}{
		{"the one before is carried out", []engine.Command{cut}, 1, true},
		{"it is refused", []engine.Command{refused}, 1, false},
		{"the first of two is refused", []engine.Command{refused, cut}, 2, false},
		{"the second of two is refused", []engine.Command{cut, refused}, 2, false},
		{"one further back is refused", []engine.Command{refused, cut, cut}, 2, true},
		{"one further back was left out", []engine.Command{refused, needing, cut}, 1, true},
	} {
		f := &fakeStudio{}
		s := newSender(func(cmd engine.Command) error {
			_ = f.Do(cmd) // keeps it
			if cmd == engine.Command(refused) {
				return errRefused
			}
			return nil
		}, func(string) {})
		ctx, stop := context.WithCancel(t.Context())
		for _, cmd := range c.before {
			if cmd == engine.Command(needing) {
				s.sendAfter(1, cmd, nil)
			} else {
				s.send("", cmd, nil)
			}
		}
		answer, ended := make(chan error, 1), make(chan struct{})
		s.sendAfter(c.needs, needing, func(err error) { answer <- err })
		go func() { defer close(ended); s.run(ctx) }()
		err := <-answer
		stop()
		<-ended
		got := slices.Contains(f.done(), engine.Command(needing))
		if got != c.want || (err == nil) != c.want {
			t.Errorf("%s: carried out %v (%v), want %v", c.name, got, err, c.want)
		}
	}
}

func TestSenderNeverBlocksAndSaysSoWhenTheStudioHangs(t *testing.T) {
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	f := &fakeStudio{block: make(chan struct{})}
	var said atomic.Int64
	s := newSender(f.Do, func(text string) {
		if strings.HasPrefix(text, "The studio does not answer") {
			said.Add(1)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.run(ctx) }()
	start := time.Now()
	for range senderDepth + 10 {
		s.send("", &engine.Cut{}, nil)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("sending to a studio that hangs took %v", d)
	}
	if n := said.Load(); n < 9 {
		t.Errorf("%d refusals were told, want at least 9 of the 10 above the queue's room", n)
	}
	stop()
	close(f.block)
	<-ended
}

// A panel that hangs holds up the window's goroutine and nobody else: commands of
// other surfaces and of this window are carried out, State is read, updates do not
// pile up, and the loop ends when told.
func TestWedgedPanelHoldsUpNobody(t *testing.T) {
	b := newBench(t, aState())
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	wedged, release := make(chan struct{}), make(chan struct{})
	p := &wedgedPanel{panel: b.panels[0], wedged: wedged, release: release}
	b.panels[0] = p

	queue := make(chan func(), 100) // Fyne's
	uiEnded := make(chan struct{})
	go func() {
		defer close(uiEnded)
		for f := range queue {
			f()
		}
	}()
	ctx, stop := context.WithCancel(t.Context())
	pollEnded, sendEnded := make(chan struct{}), make(chan struct{})
	go func() { defer close(sendEnded); b.desk.sender.run(ctx) }()
	go func() { defer close(pollEnded); b.poll(ctx, func(f func()) { queue <- f }) }()
	<-wedged

	before := b.studio.states.Load()
	b.desk.send(&engine.Cut{})
	within(t, "the window's own command", 20*time.Second, func() bool { return len(b.studio.done()) == 1 })
	start := time.Now()
	for range 50 { // another surface
		if b.studio.State() == nil || b.studio.Do(&engine.AutoTake{}) != nil {
			t.Fatal("the studio refused")
		}
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("50 commands of another surface took %v", d)
	}
	within(t, "the poll goroutine to go on", 20*time.Second, func() bool { return b.studio.states.Load() > before+60 })
	if n := len(queue); n > 0 {
		t.Errorf("%d updates piled up behind the panel", n)
	}
	stop()
	select {
	case <-pollEnded:
	case <-time.After(20 * time.Second):
		t.Error("the poll goroutine did not end")
	}
	<-sendEnded
	close(release)
	close(queue)
	<-uiEnded
}

// wedgedPanel hangs in its first update, for longer than the test lasts.
type wedgedPanel struct {
	panel
	wedged, release chan struct{}
}

func (p *wedgedPanel) update(*engine.State) { close(p.wedged); <-p.release }

func TestViewsAreOpenedAtTheirSizeAndReopenedOnceItStands(t *testing.T) {
	f := &fakeStudio{}
	views := newViewSet(anyStudio[*fakePicture]{f}.openView)
	v := views.add()
	start := time.Now()
	views.take(start)
	if n := len(f.opened()); n != 0 {
		t.Fatalf("%d views opened before anything was wanted", n)
	}
	v.aim(engine.ViewSpec{Bus: engine.ViewProgram, Width: 64, Height: 36, FPS: 15})
	views.take(time.Now())
	if n := len(f.opened()); n != 1 {
		t.Fatalf("%d views opened, want 1", n)
	}
	v.aim(engine.ViewSpec{Bus: engine.ViewProgram, Width: 128, Height: 72, FPS: 15})
	views.take(time.Now())
	if n := len(f.opened()); n != 1 {
		t.Errorf("the view was opened anew while its size was still changing")
	}
	views.take(time.Now().Add(2 * resizeSettle))
	opened := f.opened()
	if len(opened) != 2 || !opened[0].closed.Load() || opened[1].spec.Width != 128 {
		t.Errorf("after the size stood: %d views, first closed %v", len(opened), opened[0].closed.Load())
	}
	v.aim(engine.ViewSpec{Bus: engine.ViewSource, ID: "cam2", Width: 128, Height: 72, FPS: 15})
	views.take(time.Now())
	if n := len(f.opened()); n != 3 {
		t.Errorf("another source was not opened at once")
	}
	v.aim(engine.ViewSpec{})
	views.take(time.Now())
	if opened := f.opened(); !opened[2].closed.Load() {
		t.Error("a view that nobody wants stayed open")
	}
}

func TestPicturesArriveAndAreReleasedWithoutAllocating(t *testing.T) {
	b := newBench(t, aState())
	f := &fakeStudio{}
	views := newViewSet(anyStudio[*fakePicture]{f}.openView)
	b.desk.views = views
	v := views.add()
	v.aim(engine.ViewSpec{Bus: engine.ViewProgram, Width: 64, Height: 36, FPS: 15})
	views.take(time.Now())

	pool := media.NewFramePool(media.RGBA, 66, 36, 4) // not the size asked for, and padded rows
	put := func(value byte) {
		frame := pool.Get()
		for i := range frame.Planes[0].Data {
			frame.Planes[0].Data[i] = value
		}
		f.opened()[0].latest.Put(frame)
	}
	put(7)
	if !views.take(time.Now()) {
		t.Fatal("the picture was not noticed")
	}
	views.flip()
	img, ok := v.img.Image.(*image.RGBA)
	if !ok || img.Rect.Dx() != 66 || img.Stride != 66*4 || img.Pix[0] != 7 || img.Pix[len(img.Pix)-1] != 7 {
		t.Fatalf("the image shown is %T %v", v.img.Image, v.img.Image.Bounds())
	}
	if views.take(time.Now()) {
		t.Error("an old picture was taken for a new one")
	}
	put(8)
	views.take(time.Now())
	views.flip()
	n := testing.AllocsPerRun(50, func() {
		put(9)
		views.take(time.Now())
		views.flip()

	})
	// opened() clones its list: one allocation of the test's own.
	if n > 1 {
		t.Errorf("a picture costs %v allocations", n-1)
	}
	if got := pool.Get(); !got.Writable() {
		t.Error("a frame came back with another reference")
	}
}

// Where the processor draws OpenGL, pictures and meters come together, as often as suits the
// number of processors; what is urgent comes in between.
func TestSlowMachineIsDrawnWholeLessOften(t *testing.T) {
	for processors, every := range map[int]int{1: 3, 2: 3, 4: 2, 6: 2, 8: 1, 64: 1} {
		if got := wholeEvery(processors); got != every {
			t.Errorf("%d processors: every %dth look is drawn whole, want every %dth", processors, got, every)
		}
	}
	for _, every := range []int{1, 2, 3} {
		s := aState()
		s.GPU.Software = true
		b := newBench(t, s)
		b.every = every
		ctx, stop := context.WithCancel(t.Context())
		polls, calm := 0, 0
		b.poll(ctx, func(f func()) {
			f()
			polls++
			if b.desk.calm {
				calm++
			}
			if polls == 4*every {
				stop()
			}
		})
		stop()
		if calm != polls-4 {
			t.Errorf("every %dth: %d of %d polls spared the machine, want all but 4", every, calm, polls)
		}
	}
}

// The operator's choice comes before what suits the machine, with a graphics processor and
// without, and is remembered.
func TestDrawnAsOftenAsChosen(t *testing.T) {
	for _, c := range []struct {
		software bool
		chosen   int
		every    int
		fps      float64
	}{
		{true, 0, 3, softwareFPS}, {true, 10, 3, 10}, {true, 15, 2, 15}, {true, 30, 1, 30},
		{false, 0, 1, monitorFPS}, {false, 10, 3, 10}, {false, 15, 2, 15}, {false, 30, 1, 30},
	} {
		s := aState()
		s.GPU.Software = c.software
		b := newBench(t, s)
		b.every = 3
		name := "As often as suits this machine"
		if c.chosen > 0 {
			name = fmt.Sprintf("%d times a second", c.chosen)
		}
		for _, a := range b.keys.actions {
			if a.menu == "View/Pictures and meters" && a.name == name {
				a.run()
			} else if a.menu == "View/Pictures and meters" && a.checked() && c.chosen == 0 {
				t.Errorf("%q is chosen at first", a.name)
			}
		}
		if got := b.wholeEvery(s); got != c.every {
			t.Errorf("software %v, %d a second chosen: every %dth look is drawn whole, want every %dth", c.software, c.chosen, got, c.every)
		}
		b.apply(s, false, false)
		if got := b.monitors[0].view.want.FPS; got != c.fps {
			t.Errorf("software %v, %d a second chosen: the monitors ask for %v pictures a second, want %v", c.software, c.chosen, got, c.fps)
		}
		if got := b.looks.perSecond(); got != c.chosen {
			t.Errorf("%d a second chosen, remembered is %d", c.chosen, got)
		}
	}
}

// What a command did is looked for at once, not at the next regular look.
func TestWindowLooksAtOnceForWhatACommandDid(t *testing.T) {
	b := newBench(t, aState())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	go func() { b.poll(ctx, func(f func()) { f() }); ended <- struct{}{} }()
	go func() { b.desk.sender.run(ctx); ended <- struct{}{} }()
	before := b.studio.states.Load()
	within(t, "the first look", 20*time.Second, func() bool { return b.studio.states.Load() > before })
	// Without the command so many looks take this long at the least; with it one try in
	// twenty is quicker on any machine.
	regular, best := hurried*pollFast, time.Hour
	for try := 0; try < 20 && best > regular*3/4; try++ {
		before = b.studio.states.Load()
		began := time.Now()
		b.desk.send(&engine.Preview{Scene: "one"})
		within(t, "looks for what the command did", 10*time.Second, func() bool { return b.studio.states.Load() >= before+hurried })
		best = min(best, time.Since(began))
	}
	if best > regular*3/4 {
		t.Errorf("%d looks after a command took %v, as long as without one", hurried, best)
	}
	stop()
	<-ended
	<-ended
}

func TestWindowKeepsItsPartsApartAtUsualSizes(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 1024, Height: 640}, {Width: 1366, Height: 728}, {Width: 1920, Height: 1080}, {Width: 2560, Height: 1440}, {Width: 3840, Height: 1200}, {Width: 1080, Height: 1400}} {
		b := newBench(t, aState())
		b.content.Resize(size)
		type part struct {
			name string
			x, y float32
			w, h float32
		}
		var parts []part
		for _, p := range b.panels {
			parts = append(parts, part{strings.TrimPrefix(typeName(p), "*ui."), p.Position().X, p.Position().Y, p.Size().Width, p.Size().Height})
		}
		for i, p := range parts {
			if p.w <= 0 || p.h <= 0 || p.x < 0 || p.y < 0 || p.x+p.w > size.Width+0.5 || p.y+p.h > size.Height+0.5 {
				t.Errorf("%vx%v: %v is outside the window", size.Width, size.Height, p)
			}
			for _, q := range parts[:i] {
				if p.x < q.x+q.w && q.x < p.x+p.w && p.y < q.y+q.h && q.y < p.y+p.h {
					t.Errorf("%vx%v: %v lies over %v", size.Width, size.Height, p, q)
				}
			}
		}
	}
}
