package ui

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// manyState has three buses, four renditions, and destinations that can send several.
func manyState() (*engine.State, Services) {
	s := aState()
	s.Show.Buses = []scenes.Bus{{ID: "pgm", Name: "Programme"}, {ID: "comm", Name: "Commentary"}, {ID: "clean", Name: "Clean"}}
	s.Show.Renditions = nil
	for _, height := range []int{1080, 540, 270, 720} {
		r := scenes.Rendition{ID: fmt.Sprintf("%dp", height)}
		r.Video.Width, r.Video.Height = height*16/9, height
		s.Show.Renditions = append(s.Show.Renditions, r)
	}
	s.Show.Destinations = []scenes.Destination{
		{ID: "a", Name: "Stage", Kind: "rtmp", Rendition: "1080p", Settings: []byte(`{"url":"rtmp://one/live"}`), BackAfterSeconds: 10, Standby: scenes.Cold,
			Tracks: []scenes.Track{{Bus: "comm", Name: "English"}}},
		{ID: "w", Name: "SFU", Kind: "whip", Rendition: "1080p", Settings: []byte(`{"url":"https://sfu/whip"}`), BackAfterSeconds: 10, Standby: scenes.Cold,
			Simulcast: []string{"540p"}},
	}
	s.Destinations = append(s.Destinations, engine.DestinationState{ID: "w", Name: "SFU", Kind: "whip", Rendition: "1080p", Report: outputs.Report{State: outputs.Idle}})
	kinds := map[string]outputs.Kind{}
	for _, name := range protocols {
		kinds[name] = outputs.Kind{Name: name}
	}
	kinds["rtmp"] = outputs.Kind{Name: "rtmp", SoundTracks: 32}
	kinds["whip"] = outputs.Kind{Name: "whip", Layers: 2}
	return s, Services{OutputKinds: kinds}
}

func TestSoundTracksOfADestination(t *testing.T) {
	s, services := manyState()
	b := newBenchWith(t, s, services)
	p := b.keys.outputs
	f := p.form
	p.edit("a", false)
	if !f.tracks.Visible() || f.layers.Visible() {
		t.Fatalf("RTMP is offered tracks: %v, simulcast: %v", f.tracks.Visible(), f.layers.Visible())
	}
	press := func(list *pickList, i int) { list.buttons.items[i].(*button).press() }
	wantLabel(t, "the chosen bus", f.tracks.buttons.items[1].(*button).caption, "1  Commentary")
	f.doSave()
	if got := sentOne(t, b).(*engine.PutDestination).Destination; !reflect.DeepEqual(got, s.Show.Destinations[0]) {
		t.Errorf("unchanged, it became %+v", got)
	}
	p.edit("a", false)
	press(f.tracks, 0)
	press(f.tracks, 2)
	b.golden(t, "tracks", f.tracks)
	press(f.tracks, 0)
	press(f.tracks, 0)
	f.doSave()
	want := []scenes.Track{{Bus: "comm", Name: "English"}, {Bus: "clean", Name: "Clean"}, {Bus: "pgm", Name: "Programme"}}
	if got := sentOne(t, b).(*engine.PutDestination).Destination; !reflect.DeepEqual(got.Tracks, want) {
		t.Errorf("the tracks are %+v, want %+v", got.Tracks, want)
	}
	// A kind that can do neither; a recording.
	p.edit("", false)
	f.setKind("udp")
	if f.tracks.Visible() || f.layers.Visible() {
		t.Error("UDP is offered what it cannot do")
	}
	p.edit("", true)
	if f.tracks.Visible() || f.layers.Visible() {
		t.Error("a recording is offered what its kind cannot do")
	}
}

func TestSoundTracksOfARecording(t *testing.T) {
	s, services := manyState()
	services.OutputKinds["record"] = outputs.Kind{Name: "record", SoundTracks: 32}
	had := []scenes.Track{{Bus: "comm", Name: "English"}}
	s.Show.Recordings = []scenes.Recording{{ID: "r", Name: "Disk", Rendition: "1080p", Tracks: had, Settings: []byte(`{}`)}}
	b := newBenchWith(t, s, services)
	p := b.keys.outputs
	f := p.form
	p.edit("r", true)
	if !f.tracks.Visible() || f.layers.Visible() {
		t.Fatalf("a recording is offered tracks: %v, simulcast: %v", f.tracks.Visible(), f.layers.Visible())
	}
	f.doSave()
	if got := sentOne(t, b).(*engine.PutRecording).Recording; !reflect.DeepEqual(got.Tracks, had) {
		t.Errorf("unchanged, the tracks became %+v", got.Tracks)
	}
	p.edit("r", true)
	f.tracks.press("clean")
	f.doSave()
	want := append(had[:1:1], scenes.Track{Bus: "clean", Name: "Clean"})
	if got := sentOne(t, b).(*engine.PutRecording).Recording; !reflect.DeepEqual(got.Tracks, want) {
		t.Errorf("the tracks are %+v, want %+v", got.Tracks, want)
	}
	p.edit("", true)
	if len(f.tracks.chosen) != 0 {
		t.Errorf("a new one begins with %v", f.tracks.chosen)
	}
}

func TestSimulcastOfADestination(t *testing.T) {
	s, services := manyState()
	b := newBenchWith(t, s, services)
	p := b.keys.outputs
	f := p.form
	p.edit("w", false)
	if f.tracks.Visible() || !f.layers.Visible() {
		t.Fatalf("WHIP is offered tracks: %v, simulcast: %v", f.tracks.Visible(), f.layers.Visible())
	}
	find := func(id string) func() {
		for i, v := range f.layers.items {
			if v.id == id {
				return f.layers.buttons.items[i].(*button).press
			}
		}
		t.Fatalf("%s is not offered", id)
		return nil
	}
	find("720p")()
	b.golden(t, "simulcast", f.layers)
	find("270p")() // one too many
	if text, _ := b.takeNotice(); text != "At most 2 can be chosen here." {
		t.Errorf("the window says %q", text)
	}
	f.doSave()
	if got := sentOne(t, b).(*engine.PutDestination).Destination.Simulcast; !reflect.DeepEqual(got, []string{"720p", "540p"}) {
		t.Errorf("sent along are %v, want the larger one first", got)
	}
	// What is sent in the first place is not sent along.
	p.edit("w", false)
	f.rendition.SetSelected("540p")
	f.doSave()
	if got := sentOne(t, b).(*engine.PutDestination).Destination; got.Rendition != "540p" || len(got.Simulcast) != 0 {
		t.Errorf("of 540p it sends along %v", got.Simulcast)
	}
}

// TestWhatGoingLiveRefusesIsNotSaved: the form keeps to the rules of going live, and shows
// what has to be taken away for them.
func TestWhatGoingLiveRefusesIsNotSaved(t *testing.T) {
	s, _ := manyState()
	s.Show.Destinations[0].Simulcast = []string{"540p"}
	for i := range s.Show.Renditions {
		v := &s.Show.Renditions[i].Video
		v.Codec, v.BitrateKbps = "h264", v.Height
	}
	kinds := strictKinds()
	whip := kinds["whip"]
	whip.Layers = 2
	whip.New = func(json.RawMessage, outputs.Options) (outputs.Output, error) { return nil, nil }
	kinds["whip"] = whip
	b := newBenchWith(t, s, Services{OutputKinds: kinds})
	p := b.keys.outputs
	f := p.form
	p.edit("w", false)
	if got := f.fault(); got != "" {
		t.Errorf("simulcast as it should be: %q", got)
	}
	f.plan.values["delay_seconds"] = json.RawMessage("5")
	if got := f.fault(); !strings.Contains(got, "A delayed destination cannot send further renditions") {
		t.Errorf("with a delay: %q", got)
	}
	p.edit("a", false)
	f.secret.SetText("key")
	if got := f.fault(); !strings.Contains(got, "RTMP cannot send further renditions along") || !f.layers.Visible() {
		t.Errorf("of a kind that cannot: %q, shown %v", got, f.layers.Visible())
	}
	f.layers.buttons.items[0].(*button).press()
	if got := f.fault(); got != "" {
		t.Errorf("taken out: %q", got)
	}
}

// TestServicesWithoutAnAddress: services that give every stream an address of its own are
// offered too, say so, and hold what is sent against what they take.
func TestServicesWithoutAnAddress(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	press(p.adds[0])
	f := p.form
	if b.canvas.Focused() != f.service {
		t.Errorf("the keyboard is in %T, want the first field", b.canvas.Focused())
	}
	f.service.SetSelected("LinkedIn Live")
	if f.name.Text != "LinkedIn Live" || f.address.Text != "" || !strings.Contains(f.hint.text, "sound; this sends") {
		t.Errorf("LinkedIn gives %q, %q, %q", f.name.Text, f.address.Text, f.hint.text)
	}
	quiet := aState()
	quiet.Show.Renditions[0].Audio.BitrateKbps = 128
	b.show(quiet)
	f.check()
	if f.hint.text != "LinkedIn gives every event an address and a key of its own." {
		t.Errorf("the hint reads %q", f.hint.text)
	}
	f.address.SetText("rtmps://one.publish.linkedin.com/app") // its own, of a domain that is known
	if !strings.HasPrefix(f.hint.text, "LinkedIn gives") {
		t.Errorf("with an address of LinkedIn's the hint reads %q", f.hint.text)
	}
	f.service.SetSelected("TikTok")
	if f.name.Text != "TikTok" || !strings.HasPrefix(f.address.Text, "rtmps://one.") {
		t.Errorf("another service leaves %q, %q; a typed address stays", f.name.Text, f.address.Text)
	}
	f.service.SetSelected("Twitch")
	f.service.SetSelected("TikTok")
	if f.address.Text != "" {
		t.Errorf("Twitch's address stayed: %q", f.address.Text)
	}
}

// TestFormAsksForWhatTheKindHas: no secret where none is used, no list of one service, and
// what is wrong in sight however far the form is scrolled.
func TestFormAsksForWhatTheKindHas(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	press(p.adds[0])
	f := p.form
	for i, kind := range protocols {
		press(f.kinds[i])
		if got, want := f.secret.Visible(), secretName(kind) != ""; got != want {
			t.Errorf("%s: a secret is asked for: %t", kind, got)
		}
		if got, want := f.service.Visible(), len(presetsOf(kind)) > 1; got != want {
			t.Errorf("%s: services are offered: %t", kind, got)
		}
		f.scroll.ScrollToBottom()
		if l := f.faults[0]; l.full == "" || !l.Text.Visible() || l.Text.Position().Y+l.Text.Size().Height > f.Size().Height {
			t.Errorf("%s: %q stands at %v of %v", kind, l.full, l.Text.Position(), f.Size())
		}
	}
	press(f.kinds[0])
	f.service.SetSelected("Vimeo")
	press(f.kinds[1])
	if f.name.Text != "" {
		t.Errorf("after another protocol was chosen it is still called %q", f.name.Text)
	}
}

// TestKeysHaveNamesThatShowsHold: the name that a key is kept under is one that the studio
// takes, whatever the destination is called, and its own.
func TestKeysHaveNamesThatShowsHold(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"Hall", "Hall", "Main stage", "  LinkedIn Live ", "Zürich/Übertragung № 7", "放送", "-", strings.Repeat("a long name ", 20)} {
		key := credentialName(name)
		raw, err := scenes.Default().Encode()
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		doc["destinations"] = []any{map[string]any{"id": "a", "kind": "rtmp", "rendition": "main", "credential": key}}
		if raw, err = json.Marshal(doc); err == nil {
			_, err = scenes.Parse(raw)
		}
		if err != nil || seen[key] || key == "" {
			t.Errorf("%q is kept as %q: %v", name, key, err)
		}
		seen[key] = true
	}
}
