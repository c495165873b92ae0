package ui

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

func TestCardTellsItsIngests(t *testing.T) {
	s := liveState()
	b := newBench(t, s)
	c := b.keys.outputs.cards[0]
	before := c.height()
	if c.chain.full != "" {
		t.Errorf("a destination with one ingest says %q", c.chain.full)
	}
	d := &s.Destinations[0]
	d.Chain = &engine.IngestChain{Active: 1, Ingests: []engine.IngestState{
		{Name: "primary", State: outputs.Waiting}, {Name: "Oslo", State: outputs.Confirmed}, {Name: "backup 2", State: outputs.Idle},
	}, Switches: []engine.IngestSwitch{{At: time.Date(2026, 5, 1, 20, 1, 2, 0, time.Local), From: "primary", To: "Oslo", Cause: "nothing was acknowledged for 1.8 s"}}}
	d.TargetBPS, d.EncoderBPS = 6_160_000, 2_160_000
	b.show(s)
	wantLabel(t, "its ingests", c.chain, "primary retrying   ▸ Oslo LIVE   backup 2 ready")
	wantLabel(t, "its last change", c.change, "20:01:02 to Oslo: nothing was acknowledged for 1.8 s")
	if !strings.Contains(c.facts.full, "encoder 2.2 Mb/s of 6.2 Mb/s") {
		t.Errorf("its numbers %q do not tell the encoder's", c.facts.full)
	}
	if got := c.height() - before; got != 2*cardProblem {
		t.Errorf("the card grew by %v for two lines", got)
	}
	// The graph has the encoder's aim and the queue.
	d.Queue = 450 * time.Millisecond
	s.Time += time.Second
	b.show(s)
	if p := c.graph.points[graphSeconds-1]; p.aim != 2_160_000 || p.full != 0.5 {
		t.Errorf("the newest second is %+v", p)
	}
}

func TestGroupButtons(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := b.keys.outputs
	if len(p.groups) != 0 {
		t.Fatal("there are buttons for no groups")
	}
	s.Destinations[0].Group = "east"
	b.show(s)
	if len(p.groups) != 1 {
		t.Fatalf("%d buttons, want one", len(p.groups))
	}
	g := p.groups[0]
	wantLabel(t, "the button", g.main.caption, "GO east")
	press(g.main)
	wantSent(t, b, &engine.GoLive{Group: "east"})
	s.Destinations[0].Started = true
	b.show(s)
	wantLabel(t, "the button", g.main.caption, "STOP east")
	press(g.main) // the second half of a double click
	wantSent(t, b)
	wantLabel(t, "what it asks", g.question, "Stop?")
	press(g.yes) // as the third
	wantSent(t, b)
	b.clock = b.clock.Add(doubleClick)
	press(g.yes)
	wantSent(t, b, &engine.StopLive{Group: "east"})
}

func TestPlanKeepsWhatItDoesNotShow(t *testing.T) {
	key := "other"
	d := scenes.Destination{ID: "a", Kind: "srt", Bus: "clean", Credential: "key", Enabled: true, Settings: []byte(`{"url":"srt://one:1","latency_ms":300}`),
		Backups: []scenes.Ingest{{Name: "Oslo", Kind: "srt", Settings: []byte(`{"url":"srt://two:2","stream_id":"x"}`), Credential: &key}},
		Standby: scenes.Hot, BackAfterSeconds: 30, Group: "east"}
	b := newBench(t, aState())
	f := b.keys.outputs.form
	f.plan.set(planOf(d))
	f.plan.values["delay_seconds"] = []byte(`20`)
	if got := withPlan(d, f.plan.values); got.Group != "east" || got.Bus != "clean" || got.Standby != scenes.Hot || got.BackAfterSeconds != 30 || !got.Enabled ||
		got.DelaySeconds != 20 || len(got.Backups) != 1 || got.Backups[0].Name != "Oslo" || *got.Backups[0].Credential != "other" {
		t.Errorf("unchanged, it became %+v", got)
	}
}

// An empty field means the default, also where there was another value before.
func TestPlanFieldsThatAreClearedGoBackToTheirDefaults(t *testing.T) {
	s := backedUp()
	d := &s.Show.Destinations[0]
	d.DelaySeconds, d.StallMS, d.BackAfterSeconds, d.Group = 30, 500, 60, "east"
	b := newBench(t, s)
	press(b.keys.outputs.cards[0].edit)
	f := b.keys.outputs.form
	f.plan.toggleAdvanced()
	for _, key := range []string{"delay_seconds", "stall_ms", "back_after_seconds"} {
		b.enter(f.plan.row(key).entry, "")
	}
	f.doSave()
	put, ok := sentOne(t, b).(*engine.PutDestination)
	if !ok {
		t.Fatal("nothing was saved")
	}
	put.Destination.Backups = nil // whose keys have names that no show takes
	show, err := scenes.Default().SetDestination(put.Destination)
	if err != nil {
		t.Fatal(err)
	}
	if got := show.Destinations[0]; got.DelaySeconds != 0 || got.StallMS != 0 || got.BackAfterSeconds != 10 || got.Group != "east" || got.Standby != scenes.Cold {
		t.Errorf("it became %+v", got)
	}
}

// The plan of one destination is not shown as the next one's, however soon that is opened.
func TestThePlanIsTheOneOfTheDestination(t *testing.T) {
	s := backedUp()
	other := s.Show.Destinations[0]
	other.ID, other.Name, other.DelaySeconds = "b", "Other", 7
	s.Show.Destinations = append(s.Show.Destinations, other)
	b := newBench(t, s)
	p := b.keys.outputs
	delay := p.form.plan.row("delay_seconds")
	typed := func(text string) {
		b.canvas.Focus(delay.entry)
		delay.entry.SetText(text)
		press(p.form.cancel)
	}
	p.edit("a", false)
	typed("20")
	p.edit("b", false)
	if got := delay.entry.Text; got != "7" {
		t.Errorf("the delay is %q, want that of the destination, 7", got)
	}
	press(p.form.cancel)
	p.edit("a", false)
	typed("soon")
	p.edit("a", false)
	if got := delay.entry.Text; got != "" || delay.wrong() {
		t.Errorf("after Cancel the delay is %q, wrong: %v", got, delay.wrong())
	}
}

// backedUp is a destination with a backup that has a key of its own and one that has the
// destination's.
func backedUp() *engine.State {
	s, own, same := aState(), "oslo key", "stage"
	s.Show.Destinations = []scenes.Destination{{ID: "a", Name: "Stage", Kind: "srt", Rendition: "main", Credential: "stage", Enabled: true, Settings: []byte(`{"latency_ms":300,"url":"srt://one:1"}`),
		Standby: scenes.Cold, BackAfterSeconds: 10,
		Backups: []scenes.Ingest{
			{Name: "Oslo", Kind: "srt", Settings: []byte(`{"url":"srt://two:2","stream_id":"x"}`), Credential: &own},
			{Name: "backup 2", Kind: "srt", Settings: []byte(`{"url":"srt://three:3"}`), Credential: &same},
		}}}
	return s
}

func TestBackupsHaveNamesAddressesAndKeys(t *testing.T) {
	v := &vault{kept: map[string]string{"stage": "old", "oslo key": "older"}}
	s := backedUp()
	b := newBenchWith(t, s, Services{Credentials: v})
	press(b.keys.outputs.cards[0].edit)
	f := b.keys.outputs.form
	rows := func() []*backupRow { return f.backups.rows }
	if len(rows()) != 2 || rows()[0].same || !rows()[1].same || rows()[0].secret.PlaceHolder != "kept in the keyring" || rows()[1].secret.PlaceHolder != "the destination's key" {
		t.Fatalf("the form opens with %d backups", len(rows()))
	}
	put := func(what string) scenes.Destination {
		t.Helper()
		f.doSave()
		c, ok := sentOne(t, b).(*engine.PutDestination)
		if !ok || f.Visible() {
			t.Fatalf("%s: %+v was sent, the form is open: %v", what, c, f.Visible())
		}
		return c.Destination
	}
	if got, want := put("unchanged"), s.Show.Destinations[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("unchanged, it became %+v, want %+v", got, want)
	}

	// A new one of another protocol with a key, in the first place; another key for Oslo; a
	// new address for the third, whose settings are then the destination's.
	press(b.keys.outputs.cards[0].edit)
	f.backups.add.press()
	if len(rows()) != 3 || !rows()[2].same {
		t.Fatalf("%d backups after one was added", len(rows()))
	}
	rows()[2].name.SetText(" CDN ")
	rows()[2].address.SetText("rtmp://four/app")
	rows()[2].secret.SetText("four's key")
	if rows()[2].same {
		t.Error("with a key typed it still has the destination's")
	}
	rows()[2].up.press()
	rows()[1].up.press()
	rows()[1].secret.SetText("newer")
	rows()[2].name.SetText("")
	rows()[2].address.SetText("srt://five:5")
	got := put("changed")
	if len(got.Backups) != 3 || got.Backups[0].Name != "CDN" || got.Backups[1].Name != "Oslo" || got.Backups[2].Name != "backup 3" {
		t.Fatalf("it became %+v", got.Backups)
	}
	if in := got.Backups[0]; in.Kind != "rtmp" || string(in.Settings) != `{"url":"rtmp://four/app"}` || v.kept[*in.Credential] != "four's key" || !strings.HasPrefix(*in.Credential, "Stage-CDN-") {
		t.Errorf("the new one is %+v, its key is kept as %q", in, *in.Credential)
	}
	if in := got.Backups[1]; string(in.Settings) != `{"url":"srt://two:2","stream_id":"x"}` || *in.Credential != "oslo key" || v.kept["oslo key"] != "newer" {
		t.Errorf("Oslo became %+v with the key %q", in, v.kept["oslo key"])
	}
	if in := got.Backups[2]; string(in.Settings) != `{"latency_ms":300,"url":"srt://five:5"}` || *in.Credential != "stage" {
		t.Errorf("the third became %+v", in)
	}
	if v.kept["stage"] != "old" {
		t.Error("the destination's own key was changed")
	}
	for _, r := range rows() {
		if r.secret.Text != "" {
			t.Error("a field still holds a key")
		}
	}

	// The same key again, none at all, and one backup less.
	press(b.keys.outputs.cards[0].edit)
	rows()[0].shared.press()
	rows()[1].shared.press()
	got = put("keys changed")
	if *got.Backups[0].Credential != "stage" || *got.Backups[1].Credential != "" {
		t.Errorf("the keys are %q and %q", *got.Backups[0].Credential, *got.Backups[1].Credential)
	}
	press(b.keys.outputs.cards[0].edit)
	rows()[0].remove.press()
	if got = put("one less"); len(got.Backups) != 1 || got.Backups[0].Name != "backup 2" {
		t.Errorf("it became %+v", got.Backups)
	}
}

func TestBackupFormSaysWhatIsWrong(t *testing.T) {
	v := &vault{kept: map[string]string{}}
	b := newBenchWith(t, backedUp(), Services{Credentials: v, OutputKinds: strictKinds()})
	press(b.keys.outputs.cards[0].edit)
	f := b.keys.outputs.form
	r := f.backups.rows[0]
	r.address.SetText("rtmp://host/app")
	r.shared.press() // another protocol has no use for the destination's key
	if got := f.fault(); got != "Oslo: the stream key is missing." || r.secret.PlaceHolder != "no key: another protocol" {
		t.Errorf("without a key it says %q, the field %q", got, r.secret.PlaceHolder)
	}
	f.doSave()
	if list := b.sent(t); len(list) != 0 || !f.Visible() {
		t.Errorf("it was saved: %s", commandsText(list))
	}
	r.secret.SetText("k")
	if got := f.fault(); got != "" {
		t.Errorf("with one it says %q", got)
	}
	v.refuse = errors.New("the keyring is locked")
	f.doSave()
	if list := b.sent(t); len(list) != 0 || f.faults[1].full != "The keyring is locked." {
		t.Errorf("the keyring refuses: %s, %q", commandsText(list), f.faults[1].full)
	}
	for range 9 {
		f.backups.add.press()
	}
	if len(f.backups.rows) != mostBackups {
		t.Errorf("%d backups", len(f.backups.rows))
	}
}

// The beginning of a backup's address says its protocol.
func TestKindOfABackupsAddress(t *testing.T) {
	for scheme, want := range map[string]string{"rtmp": "rtmp", "rtmps": "rtmp", "SRT": "srt", "https": "whip", "udp": "udp", "rist": "rist"} {
		if got := kindOfURL(scheme+"://host:5000", "other"); got != want {
			t.Errorf("%s is %s, want %s", scheme, got, want)
		}
	}
	if got := kindOfURL("host:5000", "udp"); got != "udp" {
		t.Errorf("an address without a protocol is %s, not the destination's", got)
	}
}

// TestWhereKeysAreKept: nobody is told that a key is in the keyring that lies in a file, or nowhere.
func TestWhereKeysAreKept(t *testing.T) {
	for _, c := range []struct {
		kept      map[string]string
		file      string
		own, oslo string
	}{
		{map[string]string{"stage": "k", "oslo key": "k"}, "", "kept in the keyring; type to replace it", "kept in the keyring"},
		{map[string]string{"stage": "k", "oslo key": "k"}, filepath.Join(t.TempDir(), "credentials.json"),
			"kept in credentials.json, not encrypted; type to replace it", "kept in credentials.json, not encrypted"},
		{nil, "", "none is kept yet", "none is kept yet"},
	} {
		b := newBenchWith(t, backedUp(), Services{Credentials: &vault{kept: c.kept, file: c.file}})
		press(b.keys.outputs.cards[0].edit)
		f := b.keys.outputs.form
		if own, oslo := f.secret.PlaceHolder, f.backups.rows[0].secret.PlaceHolder; own != c.own || oslo != c.oslo {
			t.Errorf("with %v in %q the key is %q and the backup's %q", c.kept, c.file, own, oslo)
		}
	}
}

func TestBackupFormLooks(t *testing.T) {
	b := newBenchWith(t, backedUp(), Services{Credentials: &vault{kept: map[string]string{"stage": "k", "oslo key": "k"}}})
	press(b.keys.outputs.cards[0].edit)
	b.golden(t, "backups", b.keys.outputs.form.backups)
}

// A key that is typed and taken back leaves what was there.
func TestBackupKeyTakenBack(t *testing.T) {
	b := newBenchWith(t, backedUp(), Services{Credentials: &vault{kept: map[string]string{}}})
	press(b.keys.outputs.cards[0].edit)
	r := b.keys.outputs.form.backups.rows[1]
	r.secret.SetText("k")
	if r.same || r.secret.PlaceHolder != "no key" {
		t.Fatalf("with a key typed it says %q", r.secret.PlaceHolder)
	}
	r.secret.SetText("")
	if !r.same || r.secret.PlaceHolder != "the destination's key" {
		t.Errorf("taken back, it says %q", r.secret.PlaceHolder)
	}
	r.secret.SetText("k")
	r.shared.press()
	r.shared.press()
	if r.same || r.secret.Text != "" {
		t.Error("what the button said last is not what counts")
	}
	r.secret.SetText("k")
	r.secret.SetText("")
	if r.same {
		t.Error("a key of its own that was taken back became the destination's")
	}
}

// A key typed for a backup is nobody else's, whatever names the show file had.
func TestBackupKeyReplacesNoOther(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*scenes.Show)
	}{
		{"the destination's, of another kind", func(s *scenes.Show) {
			s.Destinations[0].Credential = "oslo key"
			s.Destinations[0].Backups[0].Kind = "whip"
		}},
		{"another backup's", func(s *scenes.Show) {
			s.Destinations[0].Backups[1].Credential = s.Destinations[0].Backups[0].Credential
		}},
		{"another destination's", func(s *scenes.Show) {
			s.Destinations = append(s.Destinations, scenes.Destination{ID: "b", Kind: "srt", Credential: "oslo key"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, v := backedUp(), &vault{kept: map[string]string{"oslo key": "old"}}
			c.change(s.Show)
			b := newBenchWith(t, s, Services{Credentials: v})
			press(b.keys.outputs.cards[0].edit)
			f := b.keys.outputs.form
			f.backups.rows[0].secret.SetText("new")
			f.doSave()
			put, ok := sentOne(t, b).(*engine.PutDestination)
			if !ok {
				t.Fatal("nothing was saved")
			}
			name := *put.Destination.Backups[0].Credential
			if name == "oslo key" || v.kept[name] != "new" || v.kept["oslo key"] != "old" {
				t.Errorf("the backup's key is %q, the keyring has %v", name, v.kept)
			}
		})
	}
}

// Where the keyring takes some keys and not all, that is said, and another try makes no
// further names.
func TestSomeKeysKept(t *testing.T) {
	v := &vault{kept: map[string]string{}, refuse: errors.New("the keyring is full"), room: 1}
	s := backedUp()
	s.Show.Destinations[0].Credential = ""
	b := newBenchWith(t, s, Services{Credentials: v})
	press(b.keys.outputs.cards[0].edit)
	f := b.keys.outputs.form
	f.secret.SetText("one")
	f.backups.rows[1].secret.SetText("two")
	f.doSave()
	if list := b.sent(t); len(list) != 0 || !f.Visible() || f.saving != nil {
		t.Fatalf("it was saved: %s", commandsText(list))
	}
	if len(v.kept) != 1 || f.faults[0].full != "Not every key could be kept; the show is as it was." || !strings.HasPrefix(f.faults[2].full, "Kept already: ") {
		t.Errorf("with %d keys kept it says %q, %q", len(v.kept), f.faults[0].full, f.faults[2].full)
	}
	v.refuse = nil
	f.doSave()
	put, ok := sentOne(t, b).(*engine.PutDestination)
	if !ok || f.Visible() {
		t.Fatal("the second try saves nothing")
	}
	if d := put.Destination; len(v.kept) != 2 || v.kept[d.Credential] != "one" || v.kept[*d.Backups[1].Credential] != "two" {
		t.Errorf("the keyring has %v, the destination %q and %q", v.kept, d.Credential, *d.Backups[1].Credential)
	}
}

// A save that takes long is not begun twice, does not close what the form shows by then, and
// is taken back by Cancel.
func TestSlowSave(t *testing.T) {
	v := &vault{kept: map[string]string{}}
	b := newBenchWith(t, backedUp(), Services{Credentials: v})
	var late []func()
	b.desk.post = func(f func()) { late = append(late, f) }
	finish := func(n int) {
		t.Helper()
		if len(late) != n {
			t.Fatalf("%d saves run, want %d", len(late), n)
		}
		for _, f := range late {
			f()
		}
		late = nil
	}
	p := b.keys.outputs
	begin := func() {
		t.Helper()
		p.edit("a", false)
		late = nil // what looks for keys
		p.form.secret.SetText("k")
		p.form.doSave()
		wantLabel(t, "the button", p.form.save.caption, "Saving")
	}
	begin()
	p.form.doSave()
	finish(1)
	if sentOne(t, b); p.form.Visible() {
		t.Error("the form stays open")
	}
	begin()
	p.edit("", false) // another destination meanwhile
	late = late[:1]
	finish(1)
	if sentOne(t, b); !p.form.Visible() || p.form.id != "" {
		t.Error("the form of another destination was closed")
	}
	begin()
	p.form.cancel.press()
	finish(1)
	if list := b.sent(t); len(list) != 0 {
		t.Errorf("taken back, it was saved: %s", commandsText(list))
	}
	v.refuse = errors.New("the keyring is locked")
	begin()
	p.edit("", false)
	late = late[:1]
	finish(1)
	if text, _ := b.takeNotice(); len(b.sent(t)) != 0 || text != "Stage was not saved: The keyring is locked." {
		t.Errorf("the window says %q", text)
	}
}
