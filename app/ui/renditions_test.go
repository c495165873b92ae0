package ui

import (
	"reflect"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// renditionState has two renditions: one for a destination and a recording, one for nothing.
func renditionState(t *testing.T) *engine.State {
	t.Helper()
	s := aState()
	second := scenes.NewRendition("small")
	second.Video.Width, second.Video.Height, second.Video.FrameDivisor = 640, 360, 2
	show, err := scenes.Default().SetRendition(second)
	for _, step := range []func(*scenes.Show) (*scenes.Show, error){
		func(v *scenes.Show) (*scenes.Show, error) {
			return v.SetDestination(scenes.Destination{ID: "a", Name: "Stage", Kind: "rtmp", Rendition: "main"})
		},
		func(v *scenes.Show) (*scenes.Show, error) {
			return v.SetRecording(scenes.Recording{ID: "r", Name: "Disk", Rendition: "main"})
		},
	} {
		if err == nil {
			show, err = step(show)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Show = show
	return s
}

func (f *renditionForm) field(t *testing.T, key string) *formRow {
	t.Helper()
	for _, part := range []*form{f.picture, f.sound} {
		for _, r := range part.rows {
			if r.spec.key == key {
				return r
			}
		}
	}
	t.Fatalf("there is no field %s", key)
	return nil
}

func (f *renditionForm) give(t *testing.T, key, text string) {
	t.Helper()
	r := f.field(t, key)
	r.entry.SetText(text)
	r.done()
}

func TestRenditionsAreListed(t *testing.T) {
	s := renditionState(t)
	b := newBench(t, s)
	p := b.keys.outputs
	rows := p.encodings.rows
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	wantLabel(t, "its name", rows[0].name, "main")
	wantLabel(t, "what it is for", rows[0].users, "for Stage, Disk")
	wantLabel(t, "what it is", rows[0].facts, "1920x1080p30 H264 6000 + 160 kb/s veryfast")
	wantLabel(t, "what nothing uses", rows[1].users, "not used")
	wantLabel(t, "half the rate", rows[1].facts, "640x360p15 H264 1000 + 160 kb/s veryfast")
	b.golden(t, "renditions", p.encodings)

	for _, c := range []struct {
		name string
		edit func(*scenes.Rendition)
		want string
	}{
		{"an encoder", func(r *scenes.Rendition) { r.Video.Encoder = "h264_nvenc" }, "1920x1080p30 H264 h264_nvenc 6000 + 160 kb/s veryfast"},
		{"ProRes", func(r *scenes.Rendition) { r.Video.Codec, r.Video.Preset = "prores", "hq" }, "1920x1080p30 PRORES hq + 160 kb/s"},
		{"another bus", func(r *scenes.Rendition) { r.Audio.Bus = "clean" }, "1920x1080p30 H264 6000 + 160 kb/s veryfast, sound of Clean feed"},
	} {
		show := *s.Show
		show.Buses = append([]scenes.Bus{{ID: "clean", Name: "Clean feed"}}, show.Buses...)
		r := show.Renditions[0]
		c.edit(&r)
		if got := renditionText(&show, r); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	show := *s.Show
	show.ISO.Sources, show.Replay.Rendition = []string{"cam1"}, "small"
	if got := strings.Join(renditionUsers(&show, "main"), ", "); got != "Stage, Disk, ISO" {
		t.Errorf("the first is for %s", got)
	}
	if got := strings.Join(renditionUsers(&show, "small"), ", "); got != "replay" {
		t.Errorf("the second is for %s", got)
	}
}

func TestARenditionIsEdited(t *testing.T) {
	s := renditionState(t)
	b := newBench(t, s)
	p := b.keys.outputs
	f := p.rendition
	press(p.encodings.rows[0].edit)
	if !f.Visible() || p.scroll.Visible() {
		t.Fatal("the form does not take the list's place")
	}
	wantLabel(t, "its title", f.title, "Edit main")
	if got := f.field(t, "bitrate_kbps").entry.Text; got != "6000" {
		t.Errorf("the bitrate reads %q", got)
	}
	b.golden(t, "rendition-form", p)
	f.doSave()
	if got := sentOne(t, b).(*engine.PutRendition).Rendition; !reflect.DeepEqual(got, s.Show.Renditions[0]) {
		t.Errorf("unchanged, it became %+v", got)
	}
	if f.Visible() || !p.scroll.Visible() {
		t.Error("saved, the form still stands")
	}

	press(p.encodings.rows[0].edit)
	f.give(t, "bitrate_kbps", "20")
	if f.fault.text == "" || f.save.ground == colFocus {
		t.Errorf("20 kb/s: %q", f.fault.text)
	}
	f.doSave()
	wantSent(t, b)
	f.give(t, "bitrate_kbps", "4500")
	f.give(t, "width", "1280")
	f.give(t, "height", "720")
	f.give(t, "bus", "nowhere")
	if !strings.Contains(f.fault.text, "nowhere") {
		t.Errorf("a bus that is not there: %q", f.fault.text)
	}
	f.give(t, "bus", "pgm")
	f.doSave()
	want := s.Show.Renditions[0]
	want.Video.Width, want.Video.Height, want.Video.BitrateKbps = 1280, 720, 4500
	wantSent(t, b, &engine.PutRendition{Rendition: want})

	// What was typed is gone with Cancel.
	press(p.encodings.rows[1].edit)
	f.give(t, "bitrate_kbps", "4500")
	press(f.cancel)
	wantSent(t, b)
}

// TestCodecAndEncoderAgree: of the two the one that was chosen last counts.
func TestCodecAndEncoderAgree(t *testing.T) {
	b := newBench(t, renditionState(t))
	p := b.keys.outputs
	f := p.rendition
	press(p.encodings.rows[0].edit)
	f.give(t, "encoder", "libx265")
	if v := f.rendition().Video; v.Codec != "hevc" || v.Encoder != "libx265" || f.fault.text != "" {
		t.Errorf("x265: %+v, %q", v, f.fault.text)
	}
	f.field(t, "codec").choice.pick(0)
	if v := f.rendition().Video; v.Codec != "h264" || v.Encoder != "auto" || f.fault.text != "" {
		t.Errorf("then H264: %+v, %q", v, f.fault.text)
	}
	f.give(t, "encoder", "x264")
	if !strings.Contains(f.fault.text, `no encoder "x264"`) {
		t.Errorf("an encoder that is not there: %q", f.fault.text)
	}
	f.give(t, "encoder", "")
	f.field(t, "codec").choice.pick(3)
	if list := f.presets(); len(list) != 4 || list[3].Value != "hq" {
		t.Errorf("ProRes has the presets %v", list)
	}
	if !strings.Contains(f.note.text, "no preset veryfast") {
		t.Errorf("the note reads %q", f.note.text)
	}
}

func TestANewRendition(t *testing.T) {
	s := renditionState(t)
	b := newBench(t, s)
	p := b.keys.outputs
	f := p.rendition
	b.menuItem(t, "Output/Add a rendition…").Action()
	if !f.Visible() {
		t.Fatal("the form does not open")
	}
	if b.canvas.Focused() != f.starts.items[0].(*button) {
		t.Errorf("the keyboard is in %T, want the first control", b.canvas.Focused())
	}
	var begin []string
	for _, o := range f.starts.items {
		begin = append(begin, o.(*button).caption.full)
	}
	if got := strings.Join(begin, ", "); got != "1080p  6000 kb/s, 720p  3000 kb/s, 540p  2000 kb/s" {
		t.Errorf("it begins with %s", got)
	}
	press(f.starts.items[1].(*button))
	bitrate := f.field(t, "bitrate_kbps").entry
	if f.name.entry.Text != "720p" || bitrate.Text != "" || bitrate.PlaceHolder != "3000" {
		t.Errorf("720p: %q, %q, %q", f.name.entry.Text, bitrate.Text, bitrate.PlaceHolder)
	}
	b.golden(t, "rendition-new", p)
	f.field(t, "codec").choice.pick(1)
	if bitrate.PlaceHolder != "1800" {
		t.Errorf("in HEVC it has %q kb/s", bitrate.PlaceHolder)
	}
	f.field(t, "codec").choice.pick(0)
	f.name.entry.SetText(" ")
	if f.fault.text != "Give it a name." {
		t.Errorf("without a name: %q", f.fault.text)
	}
	f.name.entry.SetText("For the hall")
	press(f.starts.items[0].(*button))
	press(f.starts.items[1].(*button))
	if f.name.entry.Text != "For the hall" {
		t.Errorf("what was typed became %q", f.name.entry.Text)
	}
	f.doSave()
	got := sentOne(t, b).(*engine.PutRendition)
	next, err := engine.EditOf(got)(s.Show)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := next.Rendition("for-the-hall")
	if r.Video.Width != 1280 || r.Video.Height != 720 || r.Video.BitrateKbps != 3000 || r.Program != "pgm" {
		t.Errorf("the show has %+v", r)
	}
}

// TestStartingRenditions: sizes of the canvas's shape, no larger than it.
func TestStartingRenditions(t *testing.T) {
	for _, c := range []struct {
		width, height int
		fps           int64
		want          string
	}{
		{1920, 1080, 60, "1080p 1920x1080 9000, 720p 1280x720 4500, 540p 960x540 3000"},
		{1280, 720, 30, "720p 1280x720 3000, 540p 960x540 2000"},
		{3840, 2160, 25, "1080p 1920x1080 6000, 720p 1280x720 3000, 540p 960x540 2000"},
		{1080, 1920, 30, "vertical-1080 1080x1920 6000, vertical-720 720x1280 3000, vertical-540 540x960 2000"},
		{1080, 1080, 30, "1080p 1080x1080 6000, 720p 720x720 2000, 540p 540x540 2000"},
		{640, 360, 30, "360p 640x360 1000"},
	} {
		show := scenes.DefaultOn(scenes.Canvas{Width: c.width, Height: c.height, FPS: media.NewRational(c.fps, 1), Color: scenes.BT709})
		var got []string
		for _, r := range startingRenditions(show) {
			got = append(got, strings.Join([]string{r.ID, canvasSize{r.Video.Width, r.Video.Height}.String(), numberText(float64(r.Video.BitrateKbps))}, " "))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%dx%d at %d: %s, want %s", c.width, c.height, c.fps, text, c.want)
		}
	}
}

// TestARenditionThatRuns: the form says before a change what becomes of it, and what could
// not be started any more.
func TestARenditionThatRuns(t *testing.T) {
	s := renditionState(t)
	s.Live, s.Destinations[0].Started = true, true
	b := newBenchWith(t, s, Services{OutputKinds: map[string]outputs.Kind{"rtmp": {Name: "rtmp", Video: []media.Codec{media.H264}}}})
	p := b.keys.outputs
	f := p.rendition
	press(p.encodings.rows[0].edit)
	if want := "Runs with it now: Stage. That goes on as it was started;"; !strings.HasPrefix(f.note.text, want) {
		t.Errorf("the note reads %q", f.note.text)
	}
	next := *s
	next.Recordings = []engine.DestinationState{{ID: "r", Name: "Disk", Kind: "record", Rendition: "main", Started: true}}
	b.show(&next)
	if want := "Runs with it now: Stage and Disk."; !strings.HasPrefix(f.note.text, want) {
		t.Errorf("with the recording the note reads %q", f.note.text)
	}
	f.field(t, "codec").choice.pick(2)
	if want := "Stage does not take AV1, so it could not be started with this."; !strings.HasPrefix(f.note.text, want) || f.note.color != colWarn {
		t.Errorf("in AV1 the note reads %q", f.note.text)
	}
	if f.fault.text != "" {
		t.Errorf("a show may have it, but %q", f.fault.text)
	}
}

func TestARenditionIsRemoved(t *testing.T) {
	s := renditionState(t)
	b := newBench(t, s)
	p := b.keys.outputs
	f := p.rendition
	press(p.encodings.rows[0].edit)
	if got := f.remove.why.text; f.remove.button.Visible() || got != "It cannot be removed: it is there for Stage and Disk." {
		t.Errorf("one that is used: %q", got)
	}
	press(f.cancel)
	press(p.encodings.rows[1].edit)
	if !f.remove.button.Visible() {
		t.Fatal("one that is not used cannot be removed")
	}
	f.remove.button.press()
	b.clock = b.clock.Add(doubleClick)
	f.remove.button.confirmed()
	wantSent(t, b, &engine.RemoveRendition{ID: "small"})
	if f.Visible() {
		t.Error("the form of what was removed still stands")
	}
	only := aState()
	only.Show.Destinations, only.Show.Recordings = nil, nil
	b.show(only)
	press(p.encodings.rows[0].edit)
	if got := f.remove.why.text; f.remove.button.Visible() || !strings.Contains(got, "the only one") {
		t.Errorf("the only one: %q", got)
	}
}

// TestRenditionsFromTheFormOfADestination: what has been typed there is still there
// afterwards, and what was made is chosen.
func TestRenditionsFromTheFormOfADestination(t *testing.T) {
	s := renditionState(t)
	docs := &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/a"}}
	b := newBenchWith(t, s, Services{Documents: docs})
	b.files.choose = func(_ bool, _ string, done func(string)) { done("/shows/chosen") }
	p := b.keys.outputs
	press(p.adds[1])
	p.form.name.SetText("Archive")
	press(p.form.renditions[0])
	wantLabel(t, "the one that is chosen", p.rendition.title, "Edit main")
	press(p.rendition.cancel)
	press(p.form.renditions[1])
	if p.form.Visible() || !p.rendition.Visible() {
		t.Fatal("the form of the rendition does not open")
	}
	p.ready.press()
	b.menuItem(t, "Output/Add a destination…").Action()
	if p.preflight.Visible() || p.form.Visible() {
		t.Error("something took the form's place")
	}
	press(p.rendition.starts.items[2].(*button))
	p.rendition.doSave()
	if !p.form.Visible() || p.form.name.Text != "Archive" || p.form.rendition.Selected != "540p" {
		t.Errorf("back in the form: %q, %q", p.form.name.Text, p.form.rendition.Selected)
	}
	p.form.doSave()
	list := b.sent(t)
	if len(list) != 2 {
		t.Fatalf("%d commands", len(list))
	}
	if got := list[1].(*engine.PutRecording).Recording.Rendition; got != "540p" {
		t.Errorf("the recording has %q", got)
	}

	// Another show closes both.
	press(p.adds[0])
	press(p.form.renditions[1])
	b.keys.down(fyne.KeyO, ctrl)
	if p.rendition.Visible() || p.form.Visible() || !p.scroll.Visible() {
		t.Error("a form of the show before still stands")
	}
}
