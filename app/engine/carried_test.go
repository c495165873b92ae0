package engine

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestMixThatIsCarriedStays: a mix whose sound a running destination or recording carries, as
// it was started, goes neither by hand nor by Undo or Redo; once that is stopped it does.
func TestMixThatIsCarriedStays(t *testing.T) {
	mix := scenes.Bus{ID: "mix", Name: "Mix 1"}
	dest := func(s *studio, change func(*scenes.Destination)) Command {
		d, _ := s.show.Destination("d")
		change(&d)
		return PutDestination{d}
	}
	plain := `"bus":""`
	remove := RemoveBus{ID: "mix", Cascade: true}
	for _, c := range []struct {
		name                        string
		buses, rendition, d, tracks string
		before                      func(s *studio) []Command
		command                     Command
		by                          string // what carries it; empty: nothing does
	}{
		{"of a destination", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, "Stage"},
		{"that was edited since", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(s *studio) []Command {
			return []Command{GoLive{}, dest(s, func(d *scenes.Destination) { d.Bus = "" })}
		}, remove, "Stage"},
		{"of its rendition", `{"id":"mix","name":"Mix 1"}`, "mix", plain, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, "Stage"},
		{"of a track of a recording", `{"id":"mix","name":"Mix 1"}`, "pgm", plain, `{},{"bus":"mix"}`, func(*studio) []Command { return []Command{GoLive{}, StartRecording{}} }, remove, "Disk"},
		{"of a track that is not sent", `{"id":"mix","name":"Mix 1"}`, "pgm", `"tracks":[{},{"bus":"mix"}]`, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, ""},
		{"of a destination that does not run", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command { return []Command{StartRecording{}} }, remove, ""},
		{"undo of the mix", "", "pgm", plain, "", func(s *studio) []Command {
			return []Command{PutBus{mix}, dest(s, func(d *scenes.Destination) { d.Bus = "mix" }), GoLive{}, Undo{}}
		}, Undo{}, "Stage"},
		{"redo of its removal", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command {
			return []Command{remove, Undo{}, GoLive{}}
		}, Redo{}, "Stage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},"buses":[`+c.buses+`],
				"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"},"audio":{"bus":"`+c.rendition+`"}}],
				"destinations":[{"id":"d","name":"Stage","kind":"fake","settings":{"to":"d"},`+c.d+`}],
				"recordings":[{"id":"r","name":"Disk","settings":{"to":"r"},"tracks":[`+c.tracks+`]}]}`), media.NewRealClock(), nil)
			// The tick does not run here: nothing is encoded, and what is started goes on until the end.
			s.ctx = t.Context()
			defer s.comp.Close()
			defer s.Engine.outs.close()
			for _, command := range c.before(s) {
				must(t, s.Engine, command)
			}
			err := s.apply(c.command)
			if c.by != "" {
				want := "the mix Mix 1 is the sound of " + c.by + " and would go with this: stop that first"
				if err == nil || err.Error() != want {
					t.Fatalf("%v, want %s", err, want)
				}
				s.publish()
				for _, b := range s.State().Buses {
					if b.ID == "mix" && strings.Join(b.Carried, ", ") != c.by {
						t.Errorf("it is carried by %q, want %s", b.Carried, c.by)
					}
				}
				must(t, s.Engine, StopLive{}, StopRecording{})
				err = s.apply(c.command)
			}
			if _, stays := s.show.Bus("mix"); err != nil || stays {
				t.Errorf("%v; it is still there: %v", err, stays)
			}
		})
	}
}

// TestUndoLeavesWhatIsHeardAlone: neither Undo nor Redo takes away a source that is heard in
// what runs; the state says which are heard at all.
func TestUndoLeavesWhatIsHeardAlone(t *testing.T) {
	source := func(kind, settings string, strip scenes.Strip) AddSource {
		return AddSource{scenes.Source{ID: "new", Name: "New", Kind: kind, Settings: json.RawMessage(settings), Audio: strip}}
	}
	mic := func(strip scenes.Strip) AddSource { return source("paced", `{"tone":500,"audio_only":true}`, strip) }
	early := scenes.Strip{OnAir: scenes.OnAirOff, Sends: []scenes.Send{{Bus: "aux", Pre: true, On: true}}}
	camera := source("paced", `{"tone":500}`, scenes.Strip{OnAir: scenes.OnAirAFV})
	layers := []scenes.Layer{scenes.NewLayer("new")}
	live := GoLive{Destinations: []string{"d"}}
	for _, c := range []struct {
		name    string
		before  []Command
		travel  Command
		heard   bool // somewhere
		refused bool
	}{
		{"a microphone", []Command{live, mic(scenes.Strip{})}, Undo{}, true, true},
		{"where nothing runs", []Command{mic(scenes.Strip{})}, Undo{}, true, false},
		{"where what ran was stopped", []Command{live, mic(scenes.Strip{}), StopLive{}}, Undo{}, true, false},
		{"while it is recorded", []Command{StartRecording{}, mic(scenes.Strip{})}, Undo{}, true, true},
		{"muted", []Command{live, mic(scenes.Strip{Muted: true})}, Undo{}, false, false},
		{"with its fader down", []Command{live, mic(scenes.Strip{GainDB: -90})}, Undo{}, false, false},
		{"off air", []Command{live, mic(scenes.Strip{OnAir: scenes.OnAirOff})}, Undo{}, false, false},
		{"off air, sent from before its fader to a mix that nothing has", []Command{live, mic(early)}, Undo{}, true, false},
		{"and to one that something has", []Command{GoLive{Destinations: []string{"aux-d"}}, mic(early)}, Undo{}, true, true},
		{"in the programme, which nothing has", []Command{GoLive{Destinations: []string{"aux-d"}}, mic(scenes.Strip{})}, Undo{}, true, false},
		{"a still, which has no sound", []Command{live, source("still", "{}", scenes.Strip{})}, Undo{}, false, false},
		{"a camera that is not shown", []Command{live, camera}, Undo{}, false, false},
		{"one that was cut to in a scene", []Command{live, camera, AddScene{scenes.Scene{ID: "two", Layers: layers}},
			RemoveSource{ID: "new", Cascade: true}, Undo{}, Cut{Scene: "two"}}, Redo{}, true, true},
		{"one that is keyed in", []Command{live, camera, PutOverlay{scenes.Overlay{ID: "key", Layers: layers}},
			RemoveSource{ID: "new", Cascade: true}, Undo{}, SetOverlay{ID: "key"}}, Redo{}, true, true},
		{"a microphone, removed again", []Command{live, mic(scenes.Strip{}), RemoveSource{ID: "new"}, Undo{}}, Redo{}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			try := &attempt{command: c.travel}
			list := []Timed{}
			for _, command := range c.before {
				list = append(list, Timed{2, command})
			}
			s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":64,"height":48,"fps":"30"},"buses":[{"id":"aux"}],"scenes":[{"id":"one","layers":[]}],
				"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}}],
				"destinations":[{"id":"d","kind":"fake","settings":{"to":"d"}},{"id":"aux-d","kind":"fake","settings":{"to":"aux-d"},"bus":"aux"}],
				"recordings":[{"id":"r","settings":{"to":"r"}}],"start":{"program":"one"}}`), media.NewVirtualClock(), func(o *Options) {
				o.Ticks, o.Commands = 4, append(list, Timed{2, try})
			})
			s.run(t, t.Context(), time.Minute)
			if try.heard != c.heard {
				t.Errorf("it is heard: %v, want %v", try.heard, c.heard)
			}
			if got := try.err != nil; got != c.refused || got && !strings.Contains(try.err.Error(), "New is heard and would go with this") {
				t.Errorf("%v; want a refusal: %v", try.err, c.refused)
			}
			if n := s.State().RefusedCommands; n != 0 {
				t.Errorf("%d commands before it were refused", n)
			}
		})
	}
}

// attempt notes whether the source "new" is heard, and what becomes of a command.
type attempt struct {
	command Command
	heard   bool
	err     error
}

func (c *attempt) apply(e *Engine) error {
	in := e.inputs["new"]
	c.err = e.apply(c.command)
	var v SourceState
	e.desk.sound(in, &v)
	c.heard = v.Heard
	return nil
}
