package scenes

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const soundShow = `{"format":2,
	"sources":[
		{"id":"mic","kind":"k","audio":{"trim_db":6,"polarity":"left","channels":"mono","on_air":"afv",
			"inserts":[{"kind":"highpass"},{"kind":"eq","settings":{"high_db":3}},{"kind":"eq","bypassed":true}],
			"sends":[{"bus":"aux","gain_db":-6,"pre":true},{"bus":"pgm","on":false}]}},
		{"id":"music","kind":"k","audio":{"inserts":[{"id":"duck","kind":"ducker","settings":{"key":"mic"}}]}},
		{"id":"guest","kind":"k"}],
	"buses":[{"id":"aux","mono":true,"limiter":{"on":true}},{"id":"n-1","mix_minus":["guest"],"follow_black":true}],
	"renditions":[{"id":"main"},{"id":"clean","audio":{"bus":"aux"}}],
	"destinations":[{"id":"d","kind":"k","bus":"n-1"},{"id":"e","kind":"k","tracks":[{},{"bus":"aux","name":"Foldback"}]}],
	"recordings":[{"id":"r","tracks":[{"bus":"pgm","name":"Programme"},{"bus":"aux"}]}]}`

func TestSoundDefaults(t *testing.T) {
	s := mustParse(t, soundShow)
	mic, _ := s.Source("mic")
	var ids []string
	for _, in := range mic.Audio.Inserts {
		ids = append(ids, in.ID)
	}
	if got := strings.Join(ids, " "); got != "highpass eq eq-2" {
		t.Errorf("ids of inserts: %s", got)
	}
	if got := string(mic.Audio.Inserts[0].Settings); got != `{"frequency_hz":80,"slope_db":24}` {
		t.Errorf("settings of the high-pass: %s", got)
	}
	if got := string(mic.Audio.Inserts[1].Settings); !strings.Contains(got, `"high_db":3`) || !strings.Contains(got, `"low_hz":100`) {
		t.Errorf("settings of the equaliser: %s", got)
	}
	if diff := cmp.Diff(mic.Audio.Sends, []Send{{"aux", -6, true, true}, {"pgm", 0, false, false}}); diff != "" {
		t.Errorf("sends: %s", diff)
	}
	if len(s.Buses) != 3 || s.Buses[0].ID != ProgrammeBus || s.Buses[0].Limiter.On || s.Buses[0].Limiter.CeilingDB != -1 {
		t.Errorf("buses: %+v", s.Buses)
	}
	aux, _ := s.Bus("aux")
	if aux.Limiter != (Limiter{On: true, CeilingDB: -1, ReleaseMS: 60}) || aux.Name != "aux" {
		t.Errorf("aux: %+v", aux)
	}
	if s.Renditions[0].Audio.Bus != ProgrammeBus || s.Recordings[0].Tracks[1].Name != "aux" {
		t.Errorf("rendition %+v, track %+v", s.Renditions[0].Audio, s.Recordings[0].Tracks[1])
	}
	guest, _ := s.Source("guest")
	want := Strip{Polarity: PolarityNormal, Channels: ChannelsStereo, OnAir: OnAirOn, Inserts: []Insert{}, Sends: []Send{}}
	if diff := cmp.Diff(guest.Audio, want); diff != "" {
		t.Errorf("a strip of which the file says nothing: %s", diff)
	}
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mustParse(t, string(raw)), s); diff != "" {
		t.Errorf("saved and read again: %s", diff)
	}
}

// TestFormat1SoundsAsBefore: a file of the format before has the same strips, one bus
// and one track.
func TestFormat1SoundsAsBefore(t *testing.T) {
	s := mustParse(t, `{"format":1,"sources":[{"id":"a","kind":"k","audio":{"gain_db":-3,"muted":true,"pan":0.5,"delay_ms":40}}],"recordings":[{"id":"r"}]}`)
	want := Strip{Polarity: PolarityNormal, Channels: ChannelsStereo, OnAir: OnAirOn, Inserts: []Insert{}, Sends: []Send{}, GainDB: -3, Muted: true, Pan: 0.5, DelayMS: 40}
	if diff := cmp.Diff(s.Sources[0].Audio, want); diff != "" {
		t.Error(diff)
	}
	if s.Format != Format || len(s.Buses) != 1 || len(s.Recordings[0].Tracks) != 0 || s.Renditions[0].Audio.Bus != ProgrammeBus {
		t.Errorf("format %d, buses %+v, tracks %+v", s.Format, s.Buses, s.Recordings[0].Tracks)
	}
}

func TestSoundMistakes(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"send to nothing", `"sources":[{"id":"a","kind":"k","audio":{"sends":[{"bus":"axu"}]}}],"buses":[{"id":"aux"}]`, `$.sources[0].audio.sends[0].bus: there is no bus "axu"; did you mean "aux"?`},
		{"send twice", `"sources":[{"id":"a","kind":"k","audio":{"sends":[{"bus":"pgm"},{"bus":"pgm","pre":true}]}}]`, `$.sources[0].audio.sends[1].bus: there is a send to "pgm" already; keep one`},
		{"bus twice", `"buses":[{"id":"aux"},{"id":"aux"}]`, `$.buses[1].id: the id "aux" is taken by another bus; ids must differ`},
		{"minus nothing", `"buses":[{"id":"aux","mix_minus":["gest"]}],"sources":[{"id":"guest","kind":"k"}]`, `$.buses[0].mix_minus[0]: there is no source "gest"; did you mean "guest"?`},
		{"programme minus", `"buses":[{"id":"pgm","mix_minus":["a"]}],"sources":[{"id":"a","kind":"k"}]`, `$.buses[0].mix_minus: the programme is no mix-minus: it is what a mix-minus is taken from`},
		{"insert kind", `"buses":[{"id":"aux","inserts":[{"kind":"compresor"}]}]`, `$.buses[0].inserts[0].kind: there is no kind of insert "compresor"; did you mean "compressor"?`},
		{"insert range", `"buses":[{"id":"aux","inserts":[{"kind":"compressor","settings":{"ratio":40}}]}]`, `$.buses[0].inserts[0].settings.ratio: must be at most 20, but is 40`},
		{"insert setting", `"buses":[{"id":"aux","inserts":[{"kind":"eq","settings":{"lowdb":4}}]}]`, `$.buses[0].inserts[0].settings.lowdb: there is no such setting here; did you mean "low_db"?`},
		{"insert twice", `"buses":[{"id":"aux","inserts":[{"kind":"eq","id":"x"},{"kind":"gate","id":"x"}]}]`, `$.buses[0].inserts[1].id: the id "x" is taken by another insert here; ids must differ`},
		{"key", `"buses":[{"id":"aux","inserts":[{"kind":"ducker","settings":{"key":"mic"}}]}]`, `$.buses[0].inserts[0].settings.key: there is no source "mic"`},
		{"rendition", `"renditions":[{"id":"r","audio":{"bus":"x"}}]`, `$.renditions[0].audio.bus: there is no bus "x"`},
		{"destination", `"destinations":[{"id":"d","kind":"k","bus":"x"}]`, `$.destinations[0].bus: there is no bus "x"`},
		{"destination's track", `"destinations":[{"id":"d","kind":"k","tracks":[{"bus":"x"}]}]`, `$.destinations[0].tracks[0].bus: there is no bus "x"`},
		{"track", `"recordings":[{"id":"r","tracks":[{"bus":"x"}]}]`, `$.recordings[0].tracks[0].bus: there is no bus "x"`},
		{"on air", `"sources":[{"id":"a","kind":"k","audio":{"on_air":"avf"}}]`, `$.sources[0].audio.on_air: must be one of on, off, afv, but is "avf"; did you mean "afv"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Validate([]byte(`{"format":2,`+c.doc+`}`), nil)
			if len(got) != 1 || got[0].String() != c.want {
				t.Errorf("got %v\nwant %s", got, c.want)
			}
		})
	}
}

func TestEditBuses(t *testing.T) {
	s := mustParse(t, soundShow)
	var used *InUseError
	if _, err := s.RemoveBus("aux", false); !errors.As(err, &used) || len(used.Users) != 4 {
		t.Errorf("a bus in use was removed: %v", err)
	}
	n, err := s.RemoveBus("aux", true)
	if err != nil {
		t.Fatal(err)
	}
	mic, _ := n.Source("mic")
	if len(mic.Audio.Sends) != 1 || n.Renditions[1].Audio.Bus != ProgrammeBus || len(n.Recordings[0].Tracks) != 1 || len(n.Destinations[1].Tracks) != 1 {
		t.Errorf("what referred to it: %+v, %+v, %+v", mic.Audio.Sends, n.Renditions[1].Audio, n.Recordings[0].Tracks)
	}
	if _, err := n.RemoveBus("aux", true); err == nil {
		t.Error("removed twice")
	}
	if n, err = s.RemoveBus("n-1", true); err != nil || n.Destinations[0].Bus != "" {
		t.Errorf("the destination's bus: %v", err)
	}
	if n, err = s.RemoveBus(ProgrammeBus, true); err == nil {
		t.Errorf("the programme was removed: %+v", n.Buses)
	}
	n, err = s.SetBus(Bus{ID: "ifb", Inserts: []Insert{{Kind: "limiter"}}})
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := n.Bus("ifb"); !ok || b.Inserts[0].ID != "limiter" || b.Limiter.ReleaseMS != 60 {
		t.Errorf("the new bus: %+v", b)
	}
	if _, err := s.SetBus(Bus{ID: "aux", GainDB: 99}); err == nil {
		t.Error("a gain of 99 dB was taken")
	}
}

func TestSourcesThatSoundRefersTo(t *testing.T) {
	s := mustParse(t, soundShow)
	if _, err := s.RemoveSource("guest", false); err == nil || !strings.Contains(err.Error(), `bus "n-1"`) {
		t.Errorf("a source that a mix-minus leaves out was removed: %v", err)
	}
	n, err := s.RemoveSource("mic", true)
	if err != nil {
		t.Fatal(err)
	}
	music, _ := n.Source("music")
	if key := music.Audio.Inserts[0].Key(); key != "" {
		t.Errorf("the ducker still listens to %q", key)
	}
	guest, _ := s.Source("guest")
	guest.ID = "ada"
	if n, err = s.UpdateSource("guest", guest); err != nil {
		t.Fatal(err)
	}
	if b, _ := n.Bus("n-1"); b.MixMinus[0] != "ada" {
		t.Errorf("the mix-minus leaves out %v", b.MixMinus)
	}
	if b, _ := s.Bus("n-1"); b.MixMinus[0] != "guest" {
		t.Error("the show before was changed")
	}
}

func TestInsertKinds(t *testing.T) {
	if len(InsertKinds()) != 10 {
		t.Errorf("%d kinds", len(InsertKinds()))
	}
	for _, k := range InsertKinds() {
		var schema struct {
			Properties map[string]struct {
				Title, Description string
				Default            any
			}
		}
		if err := json.Unmarshal(k.Schema, &schema); err != nil {
			t.Fatal(err)
		}
		for name, p := range schema.Properties {
			if p.Title == "" || p.Description == "" || p.Default == nil {
				t.Errorf("%s.%s has no title, description or default", k.Name, name)
			}
		}
		in := NewInsert(k.Name)
		in.ID = "x"
		if _, err := Default().SetBus(Bus{ID: "aux", Inserts: []Insert{in}}); err != nil {
			t.Errorf("%s with its defaults: %v", k.Name, err)
		}
	}
}
