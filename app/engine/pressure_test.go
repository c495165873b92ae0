package engine

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// TestPressureSettles: where only so much can be carried, the shortage that steps up bring
// back becomes rare; when there is room again, everything comes back.
func TestPressureSettles(t *testing.T) {
	p := newPressure()
	const minute = 1800
	short := func(ticks int, carried float64) (n int) {
		for range ticks {
			over := p.limit > carried
			if p.tick(over); over {
				n++
			}
			if p.limit < minViewFPS || p.limit > maxViewFPS {
				t.Fatalf("views at %v", p.limit)
			}
		}
		return n
	}
	if n := short(minute, 20); n < 2 || n > 8 {
		t.Errorf("short of time in %d ticks of the first minute", n)
	}
	short(2*minute, 20)
	if n := short(4*minute, 20); n > 4 {
		t.Errorf("short of time in %d ticks of four later minutes", n)
	}
	if p.limit < 10 {
		t.Errorf("views at %v, 20 could be carried", p.limit)
	}
	short(10*minute, 100)
	if p.limit != maxViewFPS || p.patience != leastPatience {
		t.Errorf("with room again: views at %v, patience %d", p.limit, p.patience)
	}
	if short(20, 0); p.limit != minViewFPS {
		t.Errorf("20 ticks of shortage leave views at %v", p.limit)
	}
}

// stopping holds up its first picture until it is let go.
type stopping struct {
	pictureEncoder
	letGo chan struct{}
}

func (s *stopping) Encode(p *media.Frame, pts int64, key bool) ([]*media.Packet, error) {
	<-s.letGo
	return s.pictureEncoder.Encode(p, pts, key)
}

// TestFilesFallBehind: a file on programme is short of pictures when none is ahead, or less than
// half of what may be for a while; one that has ended, waits, or is off programme is not.
func TestFilesFallBehind(t *testing.T) {
	pool := media.NewFramePool(media.I420, 16, 16, 4)
	in := &input{kind: sources.Kind{Pacing: sources.Paced}, shownAt: 7, anchored: true, ahead: 4, frame: time.Second / 30, clock: media.NewRealClock(), sync: media.NewFrameSync(4)}
	defer in.sync.Close()
	push := func(at time.Duration) {
		t.Helper()
		f := pool.Get()
		f.PTS = at
		if err := in.sync.Push(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	take := func(at time.Duration) {
		f, _ := in.sync.Take(at)
		f.Release()
	}
	want := func(what string, want ...bool) {
		t.Helper()
		for i, w := range want {
			if got := in.short(7); got != w {
				t.Errorf("%s, tick %d: %v", what, i, got)
			}
		}
	}
	push(0)
	want("not ahead yet", false, false, false, false)
	push(1)
	take(0)
	push(2)
	want("two ahead", false, false, false, false)
	take(1)
	want("one ahead", false, false, true, true)
	take(2)
	want("none ahead", true)
	in.shownAt = 6
	want("off programme", false)
	in.shownAt, in.parked = 7, true
	want("waiting", false)
	in.parked = false
	push(3)
	want("one ahead, of a new beginning", false, false, false)
	push(4)
	want("two ahead again", false)
	take(4)
	want("none ahead again", true)
	in.restart.Store(true)
	want("sought", false)
	in.restart.Store(false)
	push(5)
	push(6)
	want("two ahead once more", false)
	in.favour(7, true)
	if in.ahead != viewedTimes*leastAhead {
		t.Fatalf("while there are views it may be %d ahead", in.ahead)
	}
	want("two ahead, and may be further ahead from now on", false, false, false, false)
	for at := range time.Duration(3) {
		push(7 + at)
	}
	want("further ahead", false)
	take(8)
	want("two ahead, of eight", false, false, true)
	push(time.Second)
	take(9)
	want("one ahead, which is a second later", false, false, false, false)
	in.sync.Hold()
	take(time.Second)
	want("ended", false, false)
}

// TestFurtherAheadWhileThereAreViews: a file on programme may be twice as far ahead while pictures
// are painted for views, which then give way when half of it is used up, and at once.
func TestFurtherAheadWhileThereAreViews(t *testing.T) {
	doc := `{"format":2,"canvas":{"width":320,"height":180,"fps":"30"},
		"sources":[{"id":"one","kind":"paced"},{"id":"two","kind":"paced"}],
		"scenes":[{"id":"a","layers":[{"source":"one"}]},{"id":"b","layers":[{"source":"two"}]}],"start":{"program":"a","preview":"b"}}`
	s := newStudio(t, parse(t, doc), media.NewRealClock(), nil)
	stop := s.live(t)
	far := func(st *State, source int) bool { return st.Sources[source].Frames >= st.Tick+viewedTimes*leastAhead-1 }
	st := s.until(t, "ten ticks", func(st *State) bool { return st.Tick > 0 && (st.Tick > 10 || far(st, 0)) })
	if far(st, 0) {
		t.Fatalf("tick %d: it has made %d pictures, with nobody looking", st.Tick, st.Sources[0].Frames)
	}
	v := s.OpenView(ViewSpec{Bus: ViewProgram, Width: 160, Height: 90, FPS: 10})
	defer v.Close()
	if st := s.until(t, "it is further ahead", func(st *State) bool { return far(st, 0) }); far(st, 1) {
		t.Error("so is the one on preview")
	}
	s.must(t, &Cut{Scene: "b"})
	s.until(t, "the other one is, when it is on programme", func(st *State) bool { return far(st, 1) })
	v.SetHidden(true)
	s.until(t, "it is not while nothing is painted", func(st *State) bool { return !far(st, 1) })
	stop()

	p := newPressure()
	if p.begins() {
		t.Error("something is to give way from the first")
	}
	if p.tick(true); !p.begins() {
		t.Error("sources are not told at once")
	}
	if p.reduced = true; p.begins() {
		t.Error("they are told at each tick")
	}
}

// TestViewsGiveWay: when an encoder falls behind, views and what only they show give way.
func TestViewsGiveWay(t *testing.T) {
	dir := t.TempDir()
	doc := `{"format":2,"canvas":{"width":320,"height":180,"fps":"30"},"sources":[`
	for i := range 4 {
		doc += fmt.Sprintf(`{"id":"cam%d","kind":"paced","settings":{"y":%d}},`, i+1, 60+i)
	}
	doc = doc[:len(doc)-1] + fmt.Sprintf(`],"scenes":[{"id":"one","layers":[{"source":"cam1"}]},{"id":"two","layers":[{"source":"cam2"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":800,"preset":"ultrafast"}}],
		"recordings":[{"id":"rec","settings":{"path":%s}}],
		"iso":{"codec":"encode","sources":["cam3"],"settings":{"path":%s}},
		"start":{"program":"one","preview":"two"}}`, strconv.Quote(filepath.Join(dir, "show.mkv")), strconv.Quote(filepath.Join(dir, "iso")))
	s := newStudio(t, parse(t, doc), media.NewRealClock(), realRecords)
	for k, v := range fakeKinds(s.held) {
		s.opt.SourceKinds[k] = v
	}
	letGo := make(chan struct{})
	var once sync.Once
	s.openEncoder = func(opt av.VideoEncoderOptions) (pictureEncoder, error) {
		e, err := openEncoder(opt)
		held := false
		once.Do(func() { held = true })
		if err != nil || !held {
			return e, err
		}
		return &stopping{e, letGo}, nil
	}
	stop := s.live(t)
	s.until(t, "pictures", func(st *State) bool { return st.Tick > 5 })
	s.must(t, &StartISO{Sources: []string{"cam3"}})
	s.until(t, "the ISO's encoder holds it up", func(st *State) bool { return st.Counters.ViewFPS > 0 && st.Counters.ViewFPS < maxViewFPS })
	s.until(t, "its camera is wanted in full, and the unseen one is not", func(*State) bool { return s.demands() == [4]sources.Demand{1, 1, 1, 2} })
	close(letGo)
	stop()
	s.pressure = newPressure() // this goroutine is the only one by now; a busy machine would take its time
	s.pressure.reduced = true
	if s.setDemand(); s.demands() != [4]sources.Demand{1, 1, 1, 1} {
		t.Errorf("without pressure the cameras' demands are %v", s.demands())
	}
}

// demands are those of the four cameras.
func (s *studio) demands() (d [4]sources.Demand) {
	for i, in := range s.order {
		d[i] = in.Demand()
	}
	return d
}

// TestOfferedAgain: behind a stall the last picture is offered in a row. It does not fill the
// encoder's queue, in which what is new is to find room.
func TestOfferedAgain(t *testing.T) {
	pool := media.NewFramePool(media.I420, 16, 16, 8)
	old, fresh := pool.Get(), pool.Get()
	defer old.Release()
	defer fresh.Release()
	v := &videoRunner{divisor: 1, jobs: make(chan pictureJob, PictureDepth)}
	tick := int64(0)
	offer := func(f *media.Frame) {
		v.offer(f, tick, -1, false)
		tick++
	}
	for range PictureDepth {
		offer(old)
	}
	if len(v.jobs) != shortBacklog || v.dropped.Load() != PictureDepth-shortBacklog {
		t.Errorf("of one picture %d wait and %d were dropped", len(v.jobs), v.dropped.Load())
	}
	offer(fresh)
	v.forceNext.Store(true) // a recording begins
	offer(fresh)
	if len(v.jobs) != shortBacklog+2 {
		t.Errorf("%d wait, want the new one and the keyframe as well", len(v.jobs))
	}
	for len(v.jobs) > 0 {
		(<-v.jobs).frame.Release()
	}
}

// TestCatchUp: a tick that is behind waits for what the programme shows, no longer than is left of
// its time, and once for what has no picture for it.
func TestCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := media.NewFramePool(media.I420, 16, 16, 8)
		clock := media.NewRealClock()
		file := func(shownAt int64) *input {
			in := &input{kind: sources.Kind{Pacing: sources.Paced, HasVideo: true}, shownAt: shownAt, anchored: true, src: &fake{}, frame: time.Second / 25,
				clock: clock, copier: &copier{}, sync: media.NewFrameSync(4), strip: audio.NewStrip(audio.Paced, clock, audio.StripOptions{})}
			in.video.Store(true)
			return in
		}
		give := func(in *input, at time.Duration) {
			f := pool.Get()
			f.PTS = at
			in.sync.PushLive(f)
		}
		const frame = time.Second / 25
		shown, hidden := file(7), file(6)
		defer shown.sync.Close()
		defer hidden.sync.Close()
		e := &Engine{order: []*input{hidden, shown}, planned: 7, frameTime: frame}
		waits := func(what string, at, want time.Duration) {
			t.Helper()
			began := time.Now()
			e.catchUp(t.Context(), at)
			if took := time.Since(began); took != want {
				t.Errorf("%s: it waited %v, want %v", what, took, want)
			}
		}
		give(shown, 0)
		waits("what is due is there", 0, 0)
		waits("nothing is there for the next", frame, catchUpWait)
		waits("nor for the one after", 2*frame, 0)
		give(shown, 2*frame)
		if f := shown.taken; f != nil {
			t.Error("taken before it was due")
		}
		shown.take(2 * frame)
		time.AfterFunc(3*time.Millisecond, func() { give(shown, 3*frame) })
		waits("it comes in time", 3*frame, 3*time.Millisecond)
		shown.taken.Release()
	})
}
