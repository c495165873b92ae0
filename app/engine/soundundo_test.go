package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// deskEdits has every command that edits the sound of a show, with every field of it that
// can be left out; a later one may need an earlier.
func deskEdits() []Command {
	num := func(v float64) *float64 { return &v }
	whole := func(v int) *int { return &v }
	flag := func(v bool) *bool { return &v }
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
