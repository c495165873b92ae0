package ui

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

func liveState() *engine.State {
	s := aState()
	s.Live = true
	d := &s.Destinations[0]
	d.Started, d.Report.State = true, outputs.Confirmed
	d.BitrateBPS, d.Dropped, d.Uptime, d.Report.RTT = 6_160_000, 12, 65*time.Second, 18*time.Millisecond
	return s
}

func TestOutputCards(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := b.keys.outputs
	if len(p.cards) != 2 {
		t.Fatalf("%d cards, want the destination and the recording", len(p.cards))
	}
	wantLabel(t, "destination", p.cards[0].name, "Stage")
	wantLabel(t, "its word", p.cards[0].word, "OFF")
	wantLabel(t, "its facts", p.cards[0].facts, "RTMP  ·  rendition main")
	wantLabel(t, "its button", p.cards[0].act.main.caption, "Start")

	s = liveState()
	s.Recording, s.Recordings[0].Started = true, true
	b.show(s)
	s.Time += 83 * time.Second
	b.show(s)
	wantLabel(t, "its numbers", p.cards[0].facts, "6.2 Mb/s · 1:05 · dropped 12 · RTT 18 ms")
	wantLabel(t, "GO LIVE", p.live.main.caption, "STOP")
	wantColor(t, "GO LIVE", p.live.main.back.FillColor, colProgram)
	wantLabel(t, "REC", p.rec.main.caption, "REC 1:23")

	before := p.cards[0].height()
	s.Destinations[0].Problem = "the server refused the stream key, which has to be corrected before this destination can be started again"
	b.show(s)
	if p.cards[0].height() <= before {
		t.Error("the card did not grow for its problem")
	}
	var said []string
	for _, l := range p.cards[0].problem {
		said = append(said, l.full)
	}
	if got, want := strings.TrimSpace(strings.Join(said, " ")), sentence(s.Destinations[0].Problem); got != want {
		t.Errorf("the problem reads %q, want %q", got, want)
	}
}

func TestRecordingCard(t *testing.T) {
	s := aState()
	r := &s.Recordings[0]
	r.Started, r.Uptime = true, 754*time.Second
	r.Report = outputs.Report{State: outputs.Confirmed, SentBytes: 612_000_000, Path: "/video/2026-01-02 10-00-00.mkv", Room: 200 * time.Minute}
	b := newBench(t, s)
	c := b.keys.outputs.cards[1]
	wantLabel(t, "its word", c.word, "RECORDING")
	wantLabel(t, "its numbers", c.facts, "12:34  ·  612 MB  ·  room for 3 h 20 min")
	wantLabel(t, "where to", c.detail, "2026-01-02 10-00-00.mkv")
	if !c.file.Visible() {
		t.Error("the file cannot be opened")
	}
	behind := *s
	behind.Recordings = slices.Clone(s.Recordings)
	behind.Recordings[0].Report.State, behind.Recordings[0].Report.Detail = outputs.Degraded, "the disk is slow; nothing is lost yet (a.mkv)"
	b.show(&behind)
	wantLabel(t, "why it is degraded", c.detail, "the disk is slow; nothing is lost yet (a.mkv)")
	slow := *s
	slow.Recordings = slices.Clone(s.Recordings)
	slow.Recordings[0].Started, slow.Recordings[0].Finishing, slow.Recordings[0].Queue = false, true, 12*time.Second
	b.show(&slow)
	wantLabel(t, "its word behind the stop", c.word, "FINISHING")
	wantLabel(t, "what is behind", c.facts, "12 s still to be written")
	next := *s
	next.Recordings = []engine.DestinationState{{ID: "r", Name: "Disk", Kind: "record", Rendition: "main", Report: outputs.Report{State: outputs.Idle}}}
	b.show(&next)
	if !c.file.Visible() || c.path != r.Report.Path {
		t.Errorf("after the end the file is %q, want the last one still to be opened", c.path)
	}
	if got, want := fileURL(c.path).String(), "file:///video/2026-01-02%2010-00-00.mkv"; got != want {
		t.Errorf("opened as %s, want %s", got, want)
	}
}

func TestGraphKeepsAMinuteBySecond(t *testing.T) {
	g := newGraph()
	g.Resize(fyne.NewSize(124, 24))
	for n := range 150 { // two points a second; only the first of each counts
		g.push(time.Duration(n)*time.Second/2, graphPoint{value: float64(n)})
	}
	if got := g.points[graphSeconds-1].value; got != 148 {
		t.Errorf("newest %v, want 148", got)
	}
	if got := g.points[0].value; got != 30 {
		t.Errorf("oldest %v, want 30: a minute before the newest", got)
	}
	g.push(80*time.Second, graphPoint{value: 7, bad: true})
	if g.points[graphSeconds-2] != (graphPoint{}) || g.points[graphSeconds-1] != (graphPoint{value: 7, bad: true}) {
		t.Errorf("after a hole: %v, want seconds left out to be empty", g.points[graphSeconds-6:])
	}
	w, h := g.pix.Rect.Dx(), g.pix.Rect.Dy()
	if !same(g.pix.At(w-1, h-1), colAmber) {
		t.Errorf("the second with drops is %v, want amber", g.pix.At(w-1, h-1))
	}
	g.reset()
	if g.points[graphSeconds-1] != (graphPoint{}) || g.pix.RGBAAt(w-1, h-1).A != 0 {
		t.Error("reset left something")
	}
}

func TestStopAsksAndTheQuestionGoesAway(t *testing.T) {
	s := aState()
	s.Live = true
	b := newBench(t, s)
	live := b.keys.outputs.live
	press(live.main)
	if live.question.full != "Really stop?" || !live.yes.Visible() || live.main.Visible() {
		t.Errorf("after one press: %q, yes visible %v", live.question.full, live.yes.Visible())
	}
	press(live.yes) // the second half of a double click
	wantSent(t, b)
	b.clock = b.clock.Add(confirmFor + time.Millisecond)
	b.show(s)
	if live.yes.Visible() || !live.main.Visible() {
		t.Error("the question is still there")
	}
	press(live.main)
	b.clock = b.clock.Add(doubleClick)
	press(live.no)
	wantSent(t, b)
	press(live.main)
	b.clock = b.clock.Add(doubleClick)
	press(live.yes)
	wantSent(t, b, &engine.StopLive{})
}

func TestOneOutputStartsAndStops(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	press(p.cards[0].act.main)
	press(p.cards[1].act.main)
	wantSent(t, b, &engine.GoLive{Destinations: []string{"a"}}, &engine.StartRecording{Recordings: []string{"r"}})
	s := liveState()
	s.Recordings[0].Started = true
	b.show(s)
	for _, c := range p.cards {
		press(c.act.main)
		b.clock = b.clock.Add(doubleClick)
		press(c.act.yes)
	}
	wantSent(t, b, &engine.StopLive{Destinations: []string{"a"}}, &engine.StopRecording{Recordings: []string{"r"}})
}

// vault is a keyring, or a file.
type vault struct {
	kept   map[string]string
	told   map[string][]outputs.Recipient // who may be
	file   string
	refuse error
	room   int // when not 0, how many keys it takes before it refuses
}

func (v *vault) Set(name, secret string, to ...outputs.Recipient) error {
	if v.refuse != nil && (v.room == 0 || len(v.kept) >= v.room) {
		return v.refuse
	}
	v.kept[name] = secret
	delete(v.told, name)
	return v.Allow(name, to...)
}

func (v *vault) Allow(name string, to ...outputs.Recipient) error {
	if v.told == nil {
		v.told = map[string][]outputs.Recipient{}
	}
	v.told[name] = append(v.told[name], to...)
	return nil
}

func (v *vault) Where(name string) string {
	if _, ok := v.kept[name]; !ok {
		return ""
	}
	return cmp.Or(v.file, "the keyring")
}

func (v *vault) Delete(name string) error { delete(v.kept, name); return nil }

// strictKinds refuse an address that does not begin as it should, and RTMP without a key.
func strictKinds() map[string]outputs.Kind {
	kinds := map[string]outputs.Kind{}
	for _, name := range protocols {
		kinds[name] = outputs.Kind{Name: name, Title: strings.ToUpper(name), Video: []media.Codec{media.H264, media.HEVC}, New: func(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
			var v struct{ URL string }
			switch err := json.Unmarshal(raw, &v); {
			case err != nil:
				return nil, err
			case !strings.HasPrefix(v.URL, name):
				return nil, errors.New(name + ": the address must begin with " + name)
			case name == "rtmp" && opt.Secret == "":
				return nil, errors.New("rtmp: the stream key is missing")
			}
			return nil, nil
		}}
	}
	return kinds
}

func TestDestinationFormAdds(t *testing.T) {
	v := &vault{kept: map[string]string{}}
	b := newBenchWith(t, aState(), Services{Credentials: v, OutputKinds: strictKinds()})
	p := b.keys.outputs
	press(p.adds[0])
	f := p.form
	if !f.Visible() || p.scroll.Visible() {
		t.Fatal("the form did not open in the place of the list")
	}
	for _, c := range []struct{ name, url, key, want string }{
		{"", "rtmp://host/app", "k", "Give it a name."},
		{"  ", "rtmp://host/app", "k", "Give it a name."},
		{"Hall", "http://host", "k", "The address must begin with rtmp."},
		{"Hall", "", "k", "The address must begin with rtmp."},
		{"Hall", "rtmp://host/app", "", "The stream key is missing."},
		{"Hall", "rehearsal:", "", ""},
		{"Hall", " rtmp://host/app ", " geheim ", ""},
	} {
		f.name.SetText(c.name)
		f.address.SetText(c.url)
		f.secret.SetText(c.key)
		var said []string
		for _, l := range f.faults {
			if l.full != "" {
				said = append(said, l.full)
			}
		}
		if got := strings.Join(said, " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c, got, c.want)
		}
		if c.want != "" {
			press(f.save)
			wantSent(t, b)
		}
	}
	if !f.secret.Password {
		t.Error("the key is shown as it is typed")
	}
	v.refuse = errors.New("the keyring is locked")
	press(f.save)
	wantSent(t, b)
	if f.faults[1].full != "The keyring is locked." || !f.Visible() {
		t.Errorf("the refusal of the keyring reads %q", f.faults[1].full)
	}
	v.refuse = nil
	press(f.save)
	got := b.sent(t)
	if len(got) != 1 {
		t.Fatalf("sent %s, want one destination", commandsText(got))
	}
	d := got[0].(*engine.PutDestination).Destination
	if d.ID != "rtmp" || d.Name != "Hall" || d.Rendition != "main" || !d.Enabled || string(d.Settings) != `{"url":"rtmp://host/app"}` {
		t.Errorf("sent %+v", d)
	}
	if v.kept[d.Credential] != "geheim" {
		t.Errorf("the keyring has %v under %q, want the key", v.kept, d.Credential)
	}
	if f.Visible() || f.secret.Text != "" {
		t.Error("the form is still open, or still holds the key")
	}
}

func TestDestinationFormEdits(t *testing.T) {
	v := &vault{kept: map[string]string{"stage": "old"}}
	s := aState()
	s.Show.Destinations = []scenes.Destination{{ID: "a", Name: "Stage", Kind: "rtmp", Rendition: "main", Credential: "stage", Enabled: true,
		Settings: json.RawMessage(`{"url":"rtmp://host/app","insecure":true}`)}}
	b := newBenchWith(t, s, Services{Credentials: v, OutputKinds: strictKinds()})
	p := b.keys.outputs
	press(p.cards[0].enabled)
	off := s.Show.Destinations[0]
	off.Enabled = false
	wantSent(t, b, &engine.PutDestination{Destination: off})

	press(p.cards[0].edit)
	f := p.form
	if f.secret.Text != "" || !strings.Contains(f.secret.PlaceHolder, "kept") {
		t.Errorf("the key field holds %q and says %q", f.secret.Text, f.secret.PlaceHolder)
	}
	f.name.SetText("Main stage")
	press(f.save)
	want := s.Show.Destinations[0]
	want.Name = "Main stage"
	want.Settings = json.RawMessage(`{"insecure":true,"url":"rtmp://host/app"}`) // what the form does not show is kept
	wantSent(t, b, &engine.PutDestination{Destination: want})
	if v.kept["stage"] != "old" {
		t.Error("the key was changed without being typed")
	}

	press(p.cards[0].edit)
	press(f.remove.main)
	wantSent(t, b)
	b.clock = b.clock.Add(doubleClick)
	press(f.remove.yes)
	wantSent(t, b, &engine.RemoveDestination{ID: "a"})
}

func TestPresets(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	press(p.adds[0])
	f := p.form
	f.service.SetSelected("Twitch")
	if f.name.Text != "Twitch" || presetFor("rtmp", f.address.Text).name != "Twitch" {
		t.Errorf("Twitch gives %q, %q", f.name.Text, f.address.Text)
	}
	if f.hint.text != "" {
		t.Errorf("6000 kb/s is within what Twitch takes, but: %q", f.hint.text)
	}
	big := aState()
	big.Show.Renditions[0].Video.BitrateKbps = 9000
	b.show(big)
	f.check()
	if !strings.Contains(f.hint.text, "at most 6000") {
		t.Errorf("9000 kb/s to Twitch: %q", f.hint.text)
	}
	f.address.SetText("rtmp://192.0.2.7/live")
	if f.service.Selected != "Other address" {
		t.Errorf("with an address of nobody's the service is %q", f.service.Selected)
	}
	press(f.kinds[1])
	if f.address.Text != "" || f.service.Selected != "Other address" {
		t.Errorf("another protocol begins with %q, %q", f.service.Selected, f.address.Text)
	}
	for _, kind := range []string{"udp", "rist", "pipe", "camera"} {
		if list := presetsOf(kind); len(list) != 1 || list[0].url != "" {
			t.Errorf("%s offers %v, which nobody here receives", kind, presetNames(kind))
		}
	}
	for _, kind := range []string{"rtmp", "srt", "whip"} {
		list := presetsOf(kind)
		if len(list) < 2 || list[0].url != "" || list[len(list)-1].url != rehearsalURL {
			t.Errorf("%s offers %v, want an address of one's own first and the rehearsal last", kind, presetNames(kind))
		}
	}
}

func TestRecordingForm(t *testing.T) {
	s := aState()
	s.Show.Recordings = []scenes.Recording{{ID: "r", Name: "Disk", Rendition: "main", Settings: json.RawMessage(`{"path":"","container":"mkv"}`)}}
	b := newBench(t, s)
	p := b.keys.outputs
	press(p.cards[1].edit)
	p.form.container.SetSelected("mp4")
	p.form.address.SetText("/video/")
	press(p.form.save)
	wantSent(t, b, &engine.PutRecording{Recording: scenes.Recording{ID: "r", Name: "Disk", Rendition: "main", Settings: json.RawMessage(`{"container":"mp4","path":"/video/"}`)}})
	press(p.adds[1])
	if p.form.name.Text != "Recording" {
		t.Errorf("a new recording is called %q", p.form.name.Text)
	}
	press(p.form.cancel)
	wantSent(t, b)
}

func TestDestinationFormDrawsTheKindsOtherSettings(t *testing.T) {
	kinds := strictKinds()
	k := kinds["srt"]
	k.Schema = json.RawMessage(`{"type":"object","required":["url"],"properties":{
		"url":{"type":"string","title":"Address"},
		"latency_ms":{"type":"integer","title":"Latency","minimum":20,"maximum":8000,"default":120}}}`)
	kinds["srt"] = k
	b := newBenchWith(t, aState(), Services{OutputKinds: kinds})
	p := b.keys.outputs
	press(p.adds[0])
	f := p.form
	if f.more != nil {
		t.Error("rtmp has other settings, out of nowhere")
	}
	press(f.kinds[1])
	if f.more == nil || len(f.more.rows) != 1 {
		t.Fatal("srt's latency is not there, or its address twice")
	}
	f.name.SetText("Hall")
	f.address.SetText("srt://host:9000")
	b.enter(f.more.row("latency_ms").entry, "5") // too little: not taken
	b.enter(f.more.row("latency_ms").entry, "250")
	press(f.save)
	got := b.sent(t)
	if len(got) != 1 || string(got[0].(*engine.PutDestination).Destination.Settings) != `{"latency_ms":250,"url":"srt://host:9000"}` {
		t.Errorf("sent %s", commandsText(got))
	}
}

func TestRecordingCardSaysTheRoomThereIs(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Machine: &fakeMachine{MachineStats{Cores: 2, DiskFree: 30e9}, 0}})
	c := b.keys.outputs.cards[1]
	if r, ok := aShow().Rendition("main"); !ok || r.Video.BitrateKbps+r.Audio.BitrateKbps != 6160 {
		t.Fatalf("the rendition is %+v", r)
	}
	wantLabel(t, "30 GB at 6160 kb/s", c.rest, "room for 10 h 49 min")
}

// TestRoomIsOfTheDiskThatIsMeasured: of a folder elsewhere, which may be on another disk, none is
// promised.
func TestRoomIsOfTheDiskThatIsMeasured(t *testing.T) {
	for _, c := range []struct {
		path string
		want string
	}{
		{"", "room for 10 h 49 min"},
		{"sunday.mkv", "room for 10 h 49 min"},
		{"sundays/", "room for 10 h 49 min"},
		{"/videos", "room for 10 h 49 min"},
		{"/videos/sundays/one.mkv", "room for 10 h 49 min"},
		{"/videos-2/one.mkv", ""},
		{"../elsewhere/", ""},
		{"/media/stick/", ""},
	} {
		s := aState()
		s.Show.Recordings = []scenes.Recording{{ID: "r", Name: "Disk", Rendition: "main", Settings: settingsOf("path", c.path)}}
		b := newBenchWith(t, s, Services{RecordDir: "/videos", Machine: &fakeMachine{MachineStats{Cores: 2, DiskFree: 30e9}, 0}})
		wantLabel(t, "a recording to "+c.path, b.keys.outputs.cards[1].rest, c.want)
		moved := *s
		moved.Show = aShow()
		moved.Show.Recordings = []scenes.Recording{{ID: "r", Name: "Disk", Rendition: "main", Settings: settingsOf("path", "/media/other.mkv")}}
		b.show(&moved)
		wantLabel(t, "then to another disk", b.keys.outputs.cards[1].rest, "")
	}
}

func TestRecordingRow(t *testing.T) {
	s := aState()
	r := &s.Recordings[0]
	b := newBench(t, s)
	c := b.keys.outputs.cards[1]
	if c.deeds.Visible() {
		t.Error("a recording that does not run can be paused")
	}
	low := c.height()
	s.Recording, r.Started, r.Uptime = true, true, time.Hour
	r.Report = outputs.Report{State: outputs.Confirmed, SentBytes: 2_000_000_000, Path: "/video/a part 3.mkv", Part: 3, Length: 50 * time.Minute}
	r.Recording = engine.RecordingState{GoodTo: 40 * time.Minute, Checked: 2, Files: 2}
	b.show(s)
	wantLabel(t, "its numbers", c.facts, "50:00  ·  2.0 GB  ·  part 3")
	wantLabel(t, "up to when it is good", c.deeds.good, "good up to 40:00")
	if !c.deeds.Visible() || c.height() <= low {
		t.Error("there is no room for what can be done")
	}
	rec := b.keys.outputs.rec.main
	wantColor(t, "REC", rec.back.FillColor, colProgram)
	press(c.deeds.pause)
	press(c.deeds.part)
	press(c.deeds.mark)
	yes, no := true, false
	wantSent(t, b, &engine.PauseRecording{Recordings: []string{"r"}, Paused: &yes}, &engine.SplitRecording{Recordings: []string{"r"}}, &engine.SetMark{})

	next := *s
	next.Recordings = slices.Clone(s.Recordings)
	next.Recordings[0].Paused = true // and the file has not come to it: its disk is slow
	next.Recordings[0].Recording.Problem = "a part 2.mkv: it cannot be read beyond 30m0s"
	b.show(&next)
	wantLabel(t, "its word", c.word, "PAUSED")
	wantLabel(t, "its button", c.deeds.pause.caption, "Resume")
	wantLabel(t, "REC", rec.caption, "REC PAUSED")
	wantColor(t, "REC", rec.back.FillColor, colAmber)
	if rec.caption.Text.Text != rec.caption.full {
		t.Errorf("%q is cut to %q", rec.caption.full, rec.caption.Text.Text)
	}
	wantLabel(t, "up to when it is good", c.deeds.good, "GOOD UP TO 40:00 ONLY")
	press(c.deeds.pause)
	b.keys.down(fyne.KeyP, 0)
	b.keys.down(fyne.KeyN, 0)
	b.keys.down(fyne.KeyC, 0)
	wantSent(t, b, &engine.PauseRecording{Recordings: []string{"r"}, Paused: &no}, &engine.PauseRecording{Paused: &no}, &engine.SplitRecording{}, &engine.SetMark{})

	// It goes on, whatever the file still says.
	next.Recordings = slices.Clone(next.Recordings)
	next.Recordings[0].Paused, next.Recordings[0].Report.Paused = false, true
	b.show(&next)
	wantLabel(t, "its word", c.word, "RECORDING")
	wantLabel(t, "its button", c.deeds.pause.caption, "Pause")
	wantColor(t, "REC", rec.back.FillColor, colProgram)
	b.keys.down(fyne.KeyP, 0)
	wantSent(t, b, &engine.PauseRecording{Paused: &yes})

	ended := *s
	ended.Recordings = slices.Clone(s.Recordings)
	ended.Recordings[0].Started = false
	b.show(&ended)
	wantLabel(t, "ended", c.facts, "good up to 40:00  ·  a part 3.mkv")
	wantLabel(t, "beside the button", c.rest, "")
}
