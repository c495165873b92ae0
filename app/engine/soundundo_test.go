package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

func num(v float64) *float64 { return &v }
func flag(v bool) *bool      { return &v }

// deskEdits has every command that edits the sound of a show, with every field of it that
// can be left out; a later one may need an earlier.
func deskEdits() []Command {
	whole := func(v int) *int { return &v }
	polarity, channels, onAir := scenes.PolarityLeft, scenes.ChannelsSwap, scenes.OnAirOff
	return []Command{
		SetStrip{Source: "mic", TrimDB: num(3)}, SetStrip{Source: "mic", Polarity: &polarity}, SetStrip{Source: "mic", Channels: &channels},
		SetStrip{Source: "mic", DelayMS: whole(-120)}, SetStrip{Source: "mic", OnAir: &onAir}, SetStrip{Source: "mic", GainDB: num(-6)},
		SetStrip{Source: "mic", Muted: flag(true)}, SetStrip{Source: "mic", Pan: num(-0.5)},
		PutBus{scenes.Bus{ID: "x", Name: "Extra", MixMinus: []string{"a"}}},
		SetSend{Source: "b", Bus: "x"}, SetSend{Source: "b", Bus: "x", GainDB: num(-9), Pre: flag(true), On: flag(false)}, SetSend{Source: "b", Bus: "x", Remove: true},
		SetBus{ID: "x", GainDB: num(-2)}, SetBus{ID: "x", Muted: flag(true)}, SetBus{ID: "x", Mono: flag(true)}, SetBus{ID: "x", FollowBlack: flag(true)},
		SetBus{ID: "x", MixMinus: &[]string{"a", "mic"}}, SetBus{ID: "x", Limiter: &scenes.Limiter{On: true, CeilingDB: -3, ReleaseMS: 80}},
		SetMaster{GainDB: num(-1)}, SetMaster{Muted: flag(true)},
		AddInsert{Source: "mic", Insert: scenes.Insert{Kind: "eq"}}, AddInsert{Source: "mic", Insert: scenes.Insert{Kind: "gate"}, To: whole(0)},
		AddInsert{Bus: "x", Insert: scenes.Insert{Kind: "loudness", Settings: json.RawMessage(`{"target_lufs":-23}`)}},
		SetInsert{Source: "mic", ID: "eq", Settings: json.RawMessage(`{"low_db":4}`)}, SetInsert{Source: "mic", ID: "eq", Bypassed: flag(true)},
		SetInsert{Bus: "x", ID: "loudness", Settings: json.RawMessage(`{"max_gain_db":3}`)},
		MoveInsert{Source: "mic", ID: "gate", To: 1}, RemoveInsert{Source: "mic", ID: "gate"}, RemoveInsert{Bus: "x", ID: "loudness"},
		Duck{Source: "a", Key: "mic"}, Duck{Source: "a", Key: "mic", DepthDB: num(9), ThresholdDB: num(-30)}, Duck{Source: "a"},
		RemoveBus{ID: "x", Cascade: true},
	}
}

// TestUndoCoversTheDesk: in a studio that runs, every command of the desk changes the show,
// undo gives it back byte for byte, redo makes the change again, and what it made survives
// saving and loading.
func TestUndoCoversTheDesk(t *testing.T) {
	edits := deskEdits()
	var list []Timed
	for i, c := range edits {
		at := int64(4 * i)
		// The new name keeps edits of one control apart, which otherwise are one.
		list = append(list, Timed{at, RenameShow{fmt.Sprint("show ", i)}}, Timed{at + 1, c}, Timed{at + 2, Undo{}}, Timed{at + 3, Redo{}})
	}
	var shows [][]byte
	var s *studio
	s = newStudio(t, parse(t, soundShowText), media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = int64(4*len(edits)), list
		o.Tap = func(int64, *media.Frame, []float32) {
			raw, err := s.show.Encode()
			if err != nil {
				t.Error(err)
			}
			shows = append(shows, raw)
		}
	})
	s.run(t, t.Context(), time.Minute)
	if len(shows) != 4*len(edits) {
		t.Fatalf("%d shows were seen, want %d", len(shows), 4*len(edits))
	}
	for i, c := range edits {
		before, after, undone, redone := shows[4*i], shows[4*i+1], shows[4*i+2], shows[4*i+3]
		what := fmt.Sprintf("%s %+v", nameOf(c), c)
		if bytes.Equal(before, after) {
			t.Errorf("%s changed nothing", what)
		}
		if !bytes.Equal(undone, before) {
			t.Errorf("%s: undo left\n%s\nwant\n%s", what, undone, before)
		}
		if !bytes.Equal(redone, after) {
			t.Errorf("%s: redo made\n%s\nwant\n%s", what, redone, after)
		}
		if again, err := parse(t, string(after)).Encode(); err != nil || !bytes.Equal(again, after) {
			t.Errorf("%s: saved and loaded it is another show (%v)", what, err)
		}
	}
}

// TestUndoNamesTheSound: what would be taken back says what it was and of which source or bus.
func TestUndoNamesTheSound(t *testing.T) {
	on, off := scenes.OnAirOn, scenes.OnAirOff
	list := []struct {
		edit Command
		want string
	}{
		{&SetStrip{Source: "mic", Pan: num(1)}, "change strip of Guest"},
		{&SetStrip{Source: "mic", GainDB: num(-3), Muted: flag(false)}, "change strip of Guest"},
		{&SetStrip{Source: "mic", GainDB: num(-6)}, "fader of Guest"},
		{&SetStrip{Source: "mic", Muted: flag(true)}, "mute Guest"},
		{&SetStrip{Source: "mic", Muted: flag(false)}, "unmute Guest"},
		{&SetStrip{Source: "mic", OnAir: &off}, "take Guest off air"},
		{&SetStrip{Source: "mic", OnAir: &on}, "put Guest on air"},
		{SetSend{Source: "mic", Bus: "aux", GainDB: num(-9)}, "change send of Guest to Foldback"},
		{AddInsert{Source: "mic", Insert: scenes.Insert{Kind: "eq"}}, "add eq to Guest"},
		{SetInsert{Source: "mic", ID: "eq", Bypassed: flag(true)}, "change eq of Guest"},
		{Duck{Source: "a", Key: "mic"}, "change ducking of a"},
		{SetBus{ID: "aux", Mono: flag(true)}, "change bus Foldback"},
		{SetBus{ID: "aux", GainDB: num(-1)}, "fader of Foldback"},
		{SetBus{ID: "aux", Muted: flag(true)}, "mute Foldback"},
		{AddInsert{Bus: "aux", Insert: scenes.Insert{Kind: "gate"}}, "add gate to Foldback"},
		{RemoveInsert{Bus: "aux", ID: "gate"}, "remove gate of Foldback"},
		{RemoveBus{ID: "aux", Cascade: true}, "remove bus Foldback"},
		{&SetMaster{Muted: flag(true)}, "mute Programme"},
	}
	var edits []Command
	for _, c := range list {
		edits = append(edits, c.edit)
	}
	for i, s := range guestStates(t, edits) {
		if s.Undo != list[i].want {
			t.Errorf("%s: undo is %q, want %q", nameOf(edits[i]), s.Undo, list[i].want)
		}
	}
}

// TestUndoSaysWhatItMakesHeard: the state names what Undo and Redo would make heard that is
// silent; both do it all the same.
func TestUndoSaysWhatItMakesHeard(t *testing.T) {
	on, off := scenes.OnAirOn, scenes.OnAirOff
	for _, c := range []struct {
		name       string
		edits      []Command
		undo, redo string // what is heard by Undo, and by Redo after it
	}{
		{"mute", []Command{SetStrip{Source: "mic", Muted: flag(true)}}, "Guest", ""},
		{"unmute", []Command{SetStrip{Source: "mic", Muted: flag(true)}, SetStrip{Source: "mic", Muted: flag(false)}}, "", "Guest"},
		{"on air", []Command{SetStrip{Source: "mic", OnAir: &off}, SetStrip{Source: "mic", OnAir: &on}}, "", "Guest"},
		{"off air", []Command{SetStrip{Source: "mic", OnAir: &off}}, "Guest", ""},
		{"fader down", []Command{SetStrip{Source: "mic", GainDB: num(-96)}}, "Guest", ""},
		{"fader", []Command{SetStrip{Source: "mic", GainDB: num(-6)}}, "", ""},
		{"muted, fader", []Command{SetStrip{Source: "mic", Muted: flag(true)}, SetStrip{Source: "mic", GainDB: num(-6)}}, "", ""},
		{"bus", []Command{SetBus{ID: "aux", Muted: flag(true)}}, "Foldback", ""},
		{"master", []Command{SetMaster{Muted: flag(true)}}, "Programme", ""},
		{"moves that are one edit", []Command{SetStrip{Source: "mic", GainDB: num(-6)}, SetStrip{Source: "mic", GainDB: num(-96)}}, "Guest", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := len(c.edits)
			states := guestStates(t, append(c.edits, Undo{}, Redo{}))
			if u, r := strings.Join(states[n-1].UndoHeard, ", "), strings.Join(states[n].RedoHeard, ", "); u != c.undo || r != c.redo {
				t.Errorf("undo makes heard %q, redo %q; want %q, %q", u, r, c.undo, c.redo)
			}
			if states[n+1].Undo != states[n-1].Undo {
				t.Errorf("after undo and redo the next undo is %q, want %q", states[n+1].Undo, states[n-1].Undo)
			}
		})
	}
}

// guestStates are the states after each of some commands, one a tick, of a studio that has a
// microphone called Guest and a mix called Foldback.
func guestStates(t *testing.T, list []Command) (states []State) {
	t.Helper()
	show := parse(t, soundShowText)
	for i := range show.Sources {
		if v := &show.Sources[i]; v.ID == "mic" {
			v.Name, v.Audio.OnAir = "Guest", scenes.OnAirOn
		}
	}
	timed := []Timed{{0, PutBus{scenes.Bus{ID: "aux", Name: "Foldback"}}}}
	for i, c := range list {
		timed = append(timed, Timed{int64(i + 1), c})
	}
	var s *studio
	s = newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = int64(len(timed)), timed
		o.Tap = func(int64, *media.Frame, []float32) {
			undo, redo := s.history.next()
			states = append(states, State{Undo: undo.label, UndoHeard: undo.heard, RedoHeard: redo.heard})
		}
	})
	s.run(t, t.Context(), time.Minute)
	if len(states) != len(timed) || s.State().RefusedCommands != 0 {
		t.Fatalf("%d states of %d were seen, %d commands refused", len(states), len(timed), s.State().RefusedCommands)
	}
	return states[1:]
}
