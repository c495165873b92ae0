package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// smallShow has two paced cameras, a still title, a live-less microphone, scenes
// that nest, an overlay, two equal renditions and one other.
const smallShow = `{
 "format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
 "sources": [
  {"id": "a", "kind": "paced", "settings": {"y": 60, "tone": 440}},
  {"id": "b", "kind": "paced", "settings": {"y": 120, "tone": 1000}},
  {"id": "c", "kind": "paced", "settings": {"y": 200}},
  {"id": "title", "kind": "still", "settings": {"alpha": true}}
 ],
 "scenes": [
  {"id": "one", "layers": [{"source": "a"}]},
  {"id": "two", "layers": [{"source": "b"}, {"source": "one", "x": 8, "y": 8, "width": 32, "height": 18}]},
  {"id": "three", "layers": [{"source": "two", "width": 64, "height": 36}, {"source": "c", "x": 64, "width": 64, "height": 36, "hidden": true}]}
 ],
 "overlays": [{"id": "lower", "layers": [{"source": "title", "x": 10, "y": 50, "width": 100, "height": 20}]}],
 "transition": {"kind": "mix", "frames": 6}, "fade_to_black": {"frames": 4},
 "renditions": [
  {"id": "main", "video": {"width": 128, "height": 72, "bitrate_kbps": 300, "keyframe_seconds": 1}, "audio": {"bitrate_kbps": 96}},
  {"id": "same", "video": {"width": 128, "height": 72, "bitrate_kbps": 300, "keyframe_seconds": 1}, "audio": {"bitrate_kbps": 96}},
  {"id": "small", "video": {"width": 64, "height": 36, "bitrate_kbps": 100, "keyframe_seconds": 1}, "audio": {"bitrate_kbps": 96}}
 ],
 "destinations": [
  {"id": "d1", "kind": "fake", "rendition": "main", "settings": {"to": "d1"}},
  {"id": "d2", "kind": "fake", "rendition": "same", "settings": {"to": "d2"}},
  {"id": "d3", "kind": "fake", "rendition": "small", "settings": {"to": "d3"}, "enabled": false}
 ],
 "recordings": [{"id": "rec", "rendition": "main", "settings": {"to": "rec"}}],
 "start": {"program": "one", "preview": "two"}
}`

// hashes is a Tap that keeps a hash of every tick's picture and sound.
type hashes struct{ pictures, sound []uint64 }

func (h *hashes) tap(_ int64, f *media.Frame, samples []float32) {
	p := fnv.New64a()
	for i := range f.Planes {
		rowBytes, rows := media.PlaneSize(f.Format, f.Width, f.Height, i)
		for y := range rows {
			p.Write(f.Planes[i].Data[y*f.Planes[i].Stride:][:rowBytes])
		}
	}
	h.pictures = append(h.pictures, p.Sum64())
	s := fnv.New64a()
	var b [4]byte
	for _, v := range samples {
		u := math.Float32bits(v)
		b[0], b[1], b[2], b[3] = byte(u), byte(u>>8), byte(u>>16), byte(u>>24)
		s.Write(b[:])
	}
	h.sound = append(h.sound, s.Sum64())
}

func firstDifference(a, b []uint64) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// randomCommands are n commands in order of their ticks; some will be refused.
func randomCommands(r *rand.Rand, n, ticks int, restarts bool) []Timed {
	on, off, half := true, false, 0.5
	afv, always := scenes.OnAirAFV, scenes.OnAirOn
	var at []int64
	for range n {
		at = append(at, r.Int64N(int64(ticks)))
	}
	slices.Sort(at)
	var out []Timed
	for _, t := range at {
		choice := []Command{
			&Preview{Scene: []string{"one", "two", "three", "a", "c", "", "nothing"}[r.IntN(7)]},
			&Cut{}, &Cut{Scene: []string{"one", "two", "three", "b"}[r.IntN(4)]}, &AutoTake{}, &AutoTake{},
			&TBar{Position: float64(r.IntN(5)) / 4}, &TBar{Position: 7}, &FadeToBlack{}, &FadeToBlack{On: &off},
			&SetTransition{Kind: []string{"mix", "dip", "wipe"}[r.IntN(3)], Frames: 1 + r.IntN(10)},
			&SetTransition{Softness: &half, Direction: "up", Color: "#ff8000"},
			&SetOverlay{ID: "lower"}, &SetOverlay{ID: "lower", On: &on},
			&SetStrip{Source: "a", Muted: []*bool{&on, &off}[r.IntN(2)]}, &SetStrip{Source: "b", Pan: &half},
			&SetMaster{Muted: &off}, &ResetClip{},
			&SetStrip{Source: "a", OnAir: []*scenes.OnAir{&afv, &always}[r.IntN(2)]}, &PutBus{scenes.Bus{ID: "aux"}}, &RemoveBus{ID: "aux", Cascade: true},
			&SetSend{Source: "a", Bus: "aux", GainDB: &half}, &Duck{Source: "a", Key: "b"}, &Duck{Source: "a"},
			&AddInsert{Source: "b", Insert: scenes.Insert{Kind: "eq", ID: "eq"}}, &RemoveInsert{Source: "b", ID: "eq"},
			&SetInsert{Source: "b", ID: "eq", Settings: json.RawMessage(`{"low_db":6}`)}, &SetBus{ID: "pgm", Limiter: &scenes.Limiter{On: r.IntN(2) == 0, CeilingDB: -3, ReleaseMS: 50}},
		}
		if restarts {
			choice = append(choice, &RestartSource{Source: []string{"a", "b"}[r.IntN(2)]})
		}
		out = append(out, Timed{t, choice[r.IntN(len(choice))]})
	}
	return out
}

// TestCommandLogReplays: the log of a random show on the virtual clock, read back as
// a command list, gives the same pictures, the same sound and the same state.
func TestCommandLogReplays(t *testing.T) {
	const ticks = 150
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 1))
		var log bytes.Buffer
		var first hashes
		s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
			o.Commands, o.CommandLog, o.Tap, o.Ticks = randomCommands(r, 50, ticks, false), &log, first.tap, ticks
		})
		s.run(t, t.Context(), time.Minute)
		var list []Timed
		for line := range strings.Lines(log.String()) {
			c, err := ParseTimed([]byte(line), s.fps)
			if err != nil {
				t.Fatalf("the log's line %q: %v", line, err)
			}
			list = append(list, c)
		}
		if len(list) < 10 {
			t.Fatalf("only %d commands were logged", len(list))
		}
		var again bytes.Buffer
		var second hashes
		s2 := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
			o.Commands, o.CommandLog, o.Tap, o.Ticks = list, &again, second.tap, ticks
		})
		s2.run(t, t.Context(), time.Minute)
		if i := firstDifference(first.pictures, second.pictures); i >= 0 {
			t.Errorf("seed %d: picture %d differs in the replay", seed, i)
		}
		if i := firstDifference(first.sound, second.sound); i >= 0 {
			t.Errorf("seed %d: sound of tick %d differs in the replay", seed, i)
		}
		if log.String() != again.String() {
			t.Errorf("seed %d: the replay's log differs", seed)
		}
		if a, b := stateText(t, s.State()), stateText(t, s2.State()); a != b {
			t.Errorf("seed %d: states differ:\n%s\n%s", seed, a, b)
		}
	}
}

// TestTogglesAreLoggedAsDone: the log says what came of a toggle, so that a part of it means
// the same.
func TestTogglesAreLoggedAsDone(t *testing.T) {
	var log bytes.Buffer
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.CommandLog, o.Ticks = &log, 5
		o.Commands = []Timed{{0, &FadeToBlack{}}, {1, &FadeToBlack{}}, {2, &SetOverlay{ID: "lower"}}, {3, &SetOverlay{ID: "lower"}}}
	})
	s.run(t, t.Context(), time.Minute)
	want := `{"at":0,"do":"ftb","on":true}
{"at":1,"do":"ftb","on":false}
{"at":2,"do":"overlay","id":"lower","on":true}
{"at":3,"do":"overlay","id":"lower","on":false}
`
	if log.String() != want {
		t.Errorf("the log is\n%s", log.String())
	}
}

// stateText is what of a state a replay has to give again.
func stateText(t *testing.T, s *State) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"tick": s.Tick, "program": s.Program, "preview": s.Preview, "transition": s.Transition,
		"black": s.Black, "show": s.Show, "tally": s.Tally, "gain": s.Master.GainDB})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryPictureOnItsTick: on the virtual clock tick n shows picture n of a paced
// source, from the first.
func TestEveryPictureOnItsTick(t *testing.T) {
	var got []int64
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 90
		o.Tap = func(_ int64, f *media.Frame, _ []float32) { got = append(got, number(f)) }
	})
	s.run(t, t.Context(), time.Minute)
	for i, n := range got {
		if n != int64(i) {
			t.Fatalf("tick %d shows picture %d", i, n)
		}
	}
	if len(got) != 90 {
		t.Errorf("%d ticks, want 90", len(got))
	}
}

// TestStopSendsUpToItsTick: a destination that is stopped at tick 45, one that starts
// at 20, and the recording that goes to the end.
func TestStopSendsUpToItsTick(t *testing.T) {
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 100
		o.Commands = []Timed{
			{0, &StartRecording{}}, {0, &GoLive{Destinations: []string{"d1"}}},
			{20, &GoLive{Destinations: []string{"d3"}}}, {45, &StopLive{Destinations: []string{"d1"}}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	for _, c := range []struct {
		name     string
		from, to int64
		over     int // pictures later than to that others before to refer to
	}{{"rec", 0, 99, 0}, {"d1", 0, 44, 4}, {"d3", 20, 99, 0}} {
		r := s.outs.of(c.name)
		ticks, keys := r.video()
		slices.Sort(ticks)
		if !r.eof {
			t.Errorf("%s: the feed did not end in order", c.name)
		}
		if len(ticks) == 0 || ticks[0] != c.from {
			t.Fatalf("%s: begins at %v, want %d", c.name, ticks, c.from)
		}
		// A destination's queue drops pictures where the machine stops it for a second, and says
		// so; a recording's does not.
		dropped := int64(0)
		for _, d := range s.State().Destinations {
			if d.ID == c.name {
				dropped = d.Dropped
			}
		}
		var missing []int64
		for n := c.from; n <= c.to; n++ {
			if !slices.Contains(ticks, n) {
				missing = append(missing, n)
			}
		}
		if int64(len(missing)) > dropped || len(slices.Compact(slices.Clone(ticks))) != len(ticks) || ticks[len(ticks)-1] > c.to+int64(c.over) {
			t.Errorf("%s: got pictures %v, want %d to %d; %d dropped", c.name, ticks, c.from, c.to, dropped)
		}
		for _, k := range keys {
			if k%30 != 0 && k != c.from {
				t.Errorf("%s: a keyframe at %d, which is no multiple of 30", c.name, k)
			}
		}
		for n := (c.from + 29) / 30 * 30; n <= c.to; n += 30 {
			if !slices.Contains(keys, n) {
				t.Errorf("%s: no keyframe at %d; there are %v", c.name, n, keys)
			}
		}
	}
}

// TestEqualRenditionsShareOneEncoder counts encodes.
func TestEqualRenditionsShareOneEncoder(t *testing.T) {
	var most, atThree int
	var s *studio
	s = newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 60
		o.Commands = []Timed{{0, &GoLive{}}, {0, &StartRecording{}}, {30, &GoLive{Destinations: []string{"d3"}}}}
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			n := len(s.Engine.outs.active.Load().video)
			most = max(most, n)
			if tick == 20 {
				atThree = n
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	if atThree != 1 {
		t.Errorf("%d video encodes for three outputs of two equal renditions, want 1", atThree)
	}
	if most != 2 {
		t.Errorf("%d video encodes at most, want 2", most)
	}
	a, _ := s.outs.of("d1").video()
	b, _ := s.outs.of("d2").video()
	if len(a) != 60 || !slices.Equal(a, b) {
		t.Errorf("the two got %d and %d pictures", len(a), len(b))
	}
	for i, p := range s.outs.of("d1").packets {
		if q := s.outs.of("d2").packets[i]; len(p.Data) > 0 && &p.Data[0] != &q.Data[0] {
			t.Fatal("the packets are not the same memory")
		}
	}
}

// TestTally: what is red and green.
func TestTally(t *testing.T) {
	on := true
	for _, c := range []struct {
		what     string
		commands []Command
		at       int64 // ticks after the commands
		red      string
		green    string
	}{
		{"at rest", nil, 1, "a one", "b two"},
		{"a nested scene counts", []Command{&Cut{Scene: "three"}}, 1, "a b one three two", ""},
		{"in a transition both are red", []Command{&AutoTake{}}, 2, "a b one two", ""},
		{"the hand's transition too", []Command{&TBar{Position: 0.5}}, 9, "a b one two", ""},
		{"after it the buses have swapped", []Command{&AutoTake{}}, 9, "a b one two", ""},
		{"a key counts", []Command{&SetOverlay{ID: "lower", On: &on}}, 1, "a lower one title", "b two"},
		{"a key that comes with the next transition is next", []Command{&SetNext{Overlays: &[]string{"lower"}}}, 1, "a one", "b lower title two"},
		{"a key that goes with it is not", []Command{&SetOverlay{ID: "lower", On: &on}, &SetNext{Overlays: &[]string{"lower"}}}, 1, "a lower one title", "b two"},
		{"fading is still on air", []Command{&FadeToBlack{}}, 1, "a one", "b two"},
		{"black is not", []Command{&FadeToBlack{}, &SetOverlay{ID: "lower", On: &on}}, 9, "", "a b one two"},
		{"a hidden layer is dark", []Command{&Preview{Scene: "three"}}, 1, "a one", "b three two"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var timed []Timed
			for _, cmd := range c.commands {
				timed = append(timed, Timed{5, cmd})
			}
			var got map[string]Tally
			var s *studio
			s = newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
				o.Ticks, o.Commands = 20, timed
				o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
					if tick == 4+c.at {
						got = s.tally()
					}
				}
			})
			s.run(t, t.Context(), time.Minute)
			var red, green []string
			for id, v := range got {
				if v == OnProgram {
					red = append(red, id)
				} else {
					green = append(green, id)
				}
			}
			slices.Sort(red)
			slices.Sort(green)
			if strings.Join(red, " ") != c.red || strings.Join(green, " ") != c.green {
				t.Errorf("red %v green %v, want red %s green %s", red, green, c.red, c.green)
			}
		})
	}
}

// TestRefusedCommands: each has its sentence, and a refused command changes nothing.
func TestRefusedCommands(t *testing.T) {
	loud, far := 99.0, 2.0
	delay := 99999
	other := parse(t, strings.Replace(smallShow, `"width": 128, "height": 72, "fps"`, `"width": 64, "height": 36, "fps"`, 1))
	on := true
	never := scenes.OnAir("never")
	cases := []struct {
		command Command
		says    string
	}{
		{Preview{Scene: "x"}, `there is no scene or source "x"`},
		{Preview{Program: "x", Scene: "one"}, `there is no programme "x"`},
		{Cut{Scene: "x"}, `there is no scene or source "x"`},
		{Cut{Program: "x"}, `there is no programme "x"`},
		{AutoTake{Program: "x"}, `there is no programme "x"`},
		{TBar{Position: 1.5}, "0 to 1"},
		{TBar{Position: math.NaN()}, "0 to 1"},
		{TBar{Program: "x"}, `there is no programme "x"`},
		{FadeToBlack{Program: "x"}, `there is no programme "x"`},
		{SetTransition{Kind: "spin"}, `there is no transition "spin"`},
		{SetTransition{Frames: -1}, "at least 1"},
		{SetTransition{Frames: 300, Kind: "wipe"}, "250"},
		{SetTransition{Color: "red"}, "#"},
		{SetTransition{Softness: &far}, "1"},
		{SetTransition{Direction: "sideways"}, "left"},
		{SetOverlay{ID: "x", On: &on}, `there is no overlay "x"`},
		{SetStrip{Source: "x"}, `there is no source "x"`},
		{SetStrip{Source: "a", GainDB: &loud}, "24"},
		{SetStrip{Source: "a", Pan: &far}, "1"},
		{SetStrip{Source: "a", DelayMS: &delay}, "20000"},
		{SetMaster{GainDB: &loud, Muted: &on}, "24"},
		{SetStrip{Source: "a", OnAir: &never}, "afv"},
		{SetSend{Source: "a", Bus: "x"}, `there is no bus "x"`},
		{SetSend{Source: "x", Bus: "pgm"}, `there is no source "x"`},
		{SetSend{Source: "a", Bus: "pgm", Remove: true}, "no send"},
		{SetBus{ID: "x"}, `there is no bus "x"`},
		{PutBus{}, "id"},
		{RemoveBus{ID: "pgm"}, "stays"},
		{AddInsert{Insert: scenes.Insert{Kind: "eq"}}, "a source or to a bus"},
		{AddInsert{Source: "a", Insert: scenes.Insert{Kind: "reverb"}}, `no kind of insert "reverb"`},
		{AddInsert{Source: "a", Insert: scenes.Insert{Kind: "eq"}, To: &delay}, "places here are 0 to 0"},
		{AddInsert{Source: "a", Insert: scenes.Insert{Kind: "ducker", Settings: json.RawMessage(`{"key":"a"}`)}}, "itself"},
		{SetInsert{Source: "a", ID: "eq"}, `no insert "eq"`},
		{RemoveInsert{Bus: "pgm", ID: "eq"}, `no insert "eq"`},
		{MoveInsert{Bus: "x", ID: "eq"}, `no bus "x"`},
		{Duck{Source: "a", Key: "x"}, `no source "x"`},
		{Duck{Source: "a", Key: "a"}, "itself"},
		{Duck{Source: "a"}, "nothing ducks"},
		{SoloSource{Source: "x"}, `no source "x"`},
		{SoloSource{Source: "a", Mode: "loud"}, "afl, pfl or off"},
		{MonitorBus{Bus: "x"}, `no bus "x"`},
		{GoLive{Destinations: []string{"d1", "x"}}, `there is no destination "x"`},
		{StopLive{Destinations: []string{"d1"}}, `"d1" has not been started`},
		{StartRecording{Recordings: []string{"d1"}}, `there is no recording "d1"`},
		{StopRecording{Recordings: []string{"rec"}}, `"rec" has not been started`},
		{Seek{Source: "x"}, `there is no source "x"`},
		{Seek{Source: "a", Position: -1}, "from the in point"},
		{Pause{Source: "x"}, `there is no source "x"`},
		{RestartSource{Source: "x"}, `there is no source "x"`},
		{AddSource{}, "id"},
		{AddSource{scenes.Source{ID: "a", Kind: "paced"}}, `a`},
		{UpdateSource{scenes.Source{ID: "x", Kind: "paced"}}, `"x"`},
		{RemoveSource{ID: "x"}, `"x"`},
		{RemoveSource{ID: "a"}, `one`},
		{ReplaceShow{}, "there is no show"},
		{ReplaceShow{other}, "canvas"},
	}
	var log bytes.Buffer
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.CommandLog, o.Ticks = &log, 5
	})
	// Before Run there is no tick goroutine but this one.
	s.ctx = t.Context()
	s.reconcile(nil)
	before, show, switcher := stateText(t, s.State()), s.show, s.switcher
	for _, c := range cases {
		name := fmt.Sprintf("%T %+v", c.command, c.command)
		err := s.apply(c.command)
		if err == nil {
			t.Errorf("%s was not refused", name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: refused with %q, want one sentence with %q", name, err, c.says)
		}
		if s.show != show || s.switcher != switcher || len(s.Engine.outs.dest) != 0 {
			t.Fatalf("%s was refused and changed something", name)
		}
	}
	s.publish()
	if after := stateText(t, s.State()); after != before {
		t.Errorf("the state changed:\n%s\n%s", before, after)
	}
	if log.Len() > 0 {
		t.Errorf("refused commands were logged:\n%s", log.String())
	}
	s.run(t, t.Context(), time.Minute)
}
