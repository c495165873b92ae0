package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

const fps = 30

// studio makes believe: a real switcher, invented sources, sound and destinations.
type studio struct {
	trouble bool
	state   atomic.Pointer[engine.State]

	mu        sync.Mutex // guards what follows
	show      scenes.Show
	switcher  engine.Switcher
	tick      int64
	liveAt    int64 // tick of going live; -1: not live
	recordAt  int64
	master    engine.MasterState
	strips    map[string]scenes.Strip
	clipped   bool
	listeners []*view
}

func newStudio(items int, trouble bool) *studio {
	s := &studio{trouble: trouble, liveAt: -1, recordAt: -1, strips: map[string]scenes.Strip{}}
	s.show = *scenes.Default()
	s.show.Name = "Preview"
	for i := range 4 {
		id := fmt.Sprintf("cam%d", i+1)
		s.show.Sources = append(s.show.Sources, scenes.Source{ID: id, Name: fmt.Sprintf("Camera %d", i+1), Kind: "synthetic"})
	}
	s.show.Sources = append(s.show.Sources, scenes.Source{ID: "title", Name: "Title", Kind: "text"}, scenes.Source{ID: "clip", Name: "Opening film with a rather long name", Kind: "file"})
	names := []string{"Camera 1", "Camera 2", "Camera 3", "Camera 4", "Quad", "Interview, two shot with inset"}
	for i := range items {
		name := fmt.Sprintf("Scene %d", i+1)
		if i < len(names) {
			name = names[i]
		}
		layer := scenes.NewLayer(fmt.Sprintf("cam%d", i%4+1))
		layer.Width, layer.Height = 1920, 1080
		s.show.Scenes = append(s.show.Scenes, scenes.Scene{ID: fmt.Sprintf("scene%d", i+1), Name: name, Layers: []scenes.Layer{layer}})
	}
	s.show.Overlays = []scenes.Overlay{{ID: "lower", Name: "Lower third", On: true}, {ID: "clock", Name: "Clock"}}
	s.show.Destinations = []scenes.Destination{
		{ID: "rtmp", Name: "Rehearsal RTMP", Kind: "rtmp", Rendition: "main", Enabled: true},
		{ID: "srt", Name: "Rehearsal SRT", Kind: "srt", Rendition: "main", Enabled: true},
		{ID: "whip", Name: "Rehearsal WHIP", Kind: "whip", Rendition: "main", Enabled: true},
	}
	s.show.Recordings = []scenes.Recording{{ID: "rec", Name: "Recording", Rendition: "main"}}
	s.switcher = engine.NewSwitcher("scene1", "scene2")
	s.publish()
	return s
}

func (s *studio) run(ctx context.Context) {
	t := time.NewTicker(time.Second / fps)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		s.tick++
		s.switcher.Step()
		for _, v := range s.listeners {
			v.paint(s)
		}
		s.publish()
		s.mu.Unlock()
	}
}

// State implements ui.Studio.
func (s *studio) State() *engine.State { return s.state.Load() }

// Do implements ui.Studio.
func (s *studio) Do(cmd engine.Command) error {
	time.Sleep(time.Second / fps)
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.show
	switch c := cmd.(type) {
	case *engine.Preview:
		s.switcher.SetPreview(c.Scene)
	case *engine.Cut:
		if c.Scene == "" {
			s.switcher.Cut()
		} else {
			s.switcher.CutTo(c.Scene)
		}
	case *engine.AutoTake:
		s.switcher.Auto(show.Transition.Frames)
	case *engine.TBar:
		s.switcher.SetLever(c.Position)
	case *engine.FadeToBlack:
		s.switcher.FadeToBlack(!s.switcher.FadedOut, show.FadeToBlack.Frames)
	case *engine.SetTransition:
		if c.Kind != "" {
			show.Transition.Kind = scenes.TransitionKind(c.Kind)
		}
		if c.Frames != 0 {
			show.Transition.Frames = c.Frames
		}
	case *engine.SetOverlay:
		show.Overlays = append([]scenes.Overlay(nil), show.Overlays...)
		for i := range show.Overlays {
			if show.Overlays[i].ID == c.ID {
				show.Overlays[i].On = !show.Overlays[i].On
			}
		}
	case *engine.SetStrip:
		v := s.strips[c.Source]
		set(&v.GainDB, c.GainDB)
		set(&v.Muted, c.Muted)
		set(&v.Pan, c.Pan)
		s.strips[c.Source] = v
	case *engine.SetMaster:
		set(&s.master.GainDB, c.GainDB)
		set(&s.master.Muted, c.Muted)
	case *engine.GoLive:
		s.liveAt = s.tick
	case *engine.StopLive:
		s.liveAt = -1
	case *engine.StartRecording:
		s.recordAt = s.tick
	case *engine.StopRecording:
		s.recordAt = -1
	case *engine.ResetClip:
		s.clipped = false
	default:
		return fmt.Errorf("the preview cannot do %T", cmd)
	}
	s.show = show
	return nil
}

func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

// publish makes the next State; s.mu is held, or nobody else knows s yet.
func (s *studio) publish() {
	show := s.show
	st := &engine.State{
		Tick: s.tick, Time: time.Duration(s.tick) * time.Second / fps, Show: &show,
		Program: s.switcher.Program, Preview: s.switcher.Preview,
		Transition: engine.TransitionState{Mode: s.switcher.Mode, Lever: s.switcher.Lever, Progress: s.switcher.Progress(), FramesLeft: s.switcher.AutoLeft},
		Black:      s.switcher.Black, FadedOut: s.switcher.FadedOut,
		Tally: map[string]engine.Tally{}, Master: s.master,
		GPU: gpu.Info{Renderer: "llvmpipe (LLVM 15.0.6, 256 bits)", Software: true},
	}
	if prev := s.state.Load(); prev != nil && sameShow(prev.Show, &show) {
		st.Show = prev.Show
	}
	s.lamps(st)
	for i, v := range show.Sources {
		st.Sources = append(st.Sources, s.source(i, v))
	}
	st.Master.Meter = meterAt(float64(s.tick)/fps, 7, s.clipped)
	st.Live, st.Recording = s.liveAt >= 0, s.recordAt >= 0
	for i, d := range show.Destinations {
		st.Destinations = append(st.Destinations, s.destination(i, d.ID, d.Name, d.Kind, s.liveAt))
	}
	st.Recordings = []engine.DestinationState{s.destination(3, "rec", "Recording", "record", s.recordAt)}
	st.Renditions = []engine.RenditionState{{ID: "main", Encoder: "libx264"}}
	st.Counters = engine.Counters{
		Ticks: s.tick, New: s.tick, Rects: s.tick * 98 / 100, Full: s.tick / 50,
		TickMS: 6.3, TickMaxMS: 14.8, BudgetMS: 1000.0 / fps,
	}
	if s.trouble {
		st.Counters.TickMS, st.Counters.Late = 28.4, s.tick/20
		st.Warnings = []engine.Warning{
			{Key: "encoder", Text: "No hardware encoder opened; libx264 is used instead"},
			{Key: "cam3", Text: "Camera 3 has been silent for 5 s; the slate shows. Check its cable, everything else runs on"},
		}
	}
	s.state.Store(st)
}

func sameShow(a, b *scenes.Show) bool {
	return a.Transition == b.Transition && &a.Overlays[0] == &b.Overlays[0]
}

func (s *studio) lamps(st *engine.State) {
	mark := func(id string, t engine.Tally) {
		st.Tally[id] = max(st.Tally[id], t)
		ids, _ := st.Show.SourcesOf(id) // an unknown id has no lamps
		for _, id := range ids {
			st.Tally[id] = max(st.Tally[id], t)
		}
	}
	mark(st.Preview, engine.OnPreview)
	if st.Black < 1 {
		mark(st.Program, engine.OnProgram)
		if s.switcher.InTransition() {
			mark(st.Preview, engine.OnProgram)
		}
	}
}

func (s *studio) source(i int, v scenes.Source) engine.SourceState {
	st := engine.SourceState{
		ID: v.ID, Name: v.Name, Kind: v.Kind, Status: engine.SourceRunning,
		HasVideo: true, HasAudio: v.Kind != "text", Strip: s.strips[v.ID],
		Meter: meterAt(float64(s.tick)/fps, i, s.clipped && i == 1),
	}
	if s.trouble {
		st.Status = [...]engine.SourceStatus{engine.SourceRunning, engine.SourceHeld, engine.SourceLost, engine.SourceFailed, engine.SourceRunning, engine.SourceEnded}[i]
	}
	return st
}

// meterAt is a level that moves as speech might.
func meterAt(t float64, i int, clipped bool) engine.Meter {
	var m engine.Meter
	for c := range 2 {
		swing := math.Abs(math.Sin(t*(1.3+0.2*float64(i))+float64(c)*0.2)) * math.Abs(math.Sin(t*5.1+float64(i)))
		m.PeakDB[c] = -42 + swing*(34+float64(i))
		m.HoldDB[c] = -8 + float64(i) - float64(c)*2
	}
	m.Clipped = clipped
	return m
}

func (s *studio) destination(i int, id, name, kind string, since int64) engine.DestinationState {
	d := engine.DestinationState{ID: id, Name: name, Kind: kind, Rendition: "main", Started: since >= 0}
	d.Report.State = outputs.Idle
	if since < 0 {
		return d
	}
	age := time.Duration(s.tick-since) * time.Second / fps
	switch {
	case age < time.Second:
		d.Report.State = outputs.Connecting
		return d
	case age < 2*time.Second:
		d.Report.State = outputs.Sending
	default:
		d.Report.State, d.Uptime = outputs.Confirmed, age-2*time.Second
	}
	d.BitrateBPS = 6_160_000 + int64(40_000*math.Sin(float64(s.tick)/20+float64(i)))
	if !s.trouble {
		return d
	}
	switch i {
	case 0:
		d.Report.State, d.BitrateBPS, d.Uptime = outputs.Failed, 0, 0
		d.Problem = "The server refused the stream key. Correct the key of this destination and start it again; the others are not affected."
	case 1:
		d.Report.State, d.Dropped = outputs.Degraded, 212
		d.Report.Detail = "the network takes less than the stream needs"
	case 2:
		d.Report.State, d.Reconnects, d.Uptime, d.BitrateBPS = outputs.Waiting, 4, 0, 0
		d.Problem = "The connection was lost; next try in 6 s."
	}
	return d
}

// view is a made-up live picture; it implements ui.Picture.
type view struct {
	spec   engine.ViewSpec
	pool   *media.FramePool
	latest *media.Latest
	hidden atomic.Bool
	closed atomic.Bool
	every  int64
}

// OpenView implements ui.Studio.
func (s *studio) OpenView(spec engine.ViewSpec) *view {
	v := &view{spec: spec, latest: media.NewLatest(), pool: media.NewFramePool(media.RGBA, spec.Width, spec.Height, 4)}
	v.every = max(int64(fps/spec.FPS), 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, v)
	return v
}

// Latest implements ui.Picture.
func (v *view) Latest() *media.Frame { return v.latest.TryGet() }

// SetHidden implements ui.Picture.
func (v *view) SetHidden(hidden bool) { v.hidden.Store(hidden) }

// Close implements ui.Picture.
func (v *view) Close() {
	v.closed.Store(true)
	v.latest.Close()
}

// paint draws a picture; s.mu is held.
func (v *view) paint(s *studio) {
	if v.closed.Load() || v.hidden.Load() || s.tick%v.every != 0 {
		return
	}
	id := v.spec.ID
	mix, other := 0.0, s.switcher.Preview
	switch v.spec.Bus {
	case engine.ViewProgram:
		id, mix = s.switcher.Program, s.switcher.Progress()
	case engine.ViewPreview:
		id = s.switcher.Preview
	}
	a, b := colorOf(id), colorOf(other)
	light := 1.0
	if v.spec.Bus == engine.ViewProgram {
		light = 1 - s.switcher.Black
	}
	f := v.pool.Get()
	w, h := f.Width, f.Height
	ball := int(s.tick*int64(w)/200) % w
	for y := range h {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:][:w*4]
		shade := 0.55 + 0.45*float64(y)/float64(h)
		var px [4]byte
		for c := range 3 {
			px[c] = byte(light * shade * (float64(a[c])*(1-mix) + float64(b[c])*mix))
		}
		px[3] = 255
		for x := 0; x < len(row); x += 4 {
			copy(row[x:x+4], px[:])
		}
		if d := y - h/2; d > -h/8 && d < h/8 {
			for x := max(ball-h/8, 0); x < min(ball+h/8, w); x++ {
				row[x*4], row[x*4+1], row[x*4+2] = byte(230*light), byte(230*light), byte(230*light)
			}
		}
	}
	v.latest.Put(f)
}

func colorOf(id string) [3]byte {
	h := uint32(2166136261)
	for _, c := range []byte(id) {
		h = (h ^ uint32(c)) * 16777619
	}
	return [3]byte{byte(40 + h%160), byte(40 + h>>8%160), byte(40 + h>>16%160)}
}
