package ui

import (
	"context"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// fakePreflight finds what it is told to.
type fakePreflight struct {
	findings         []PreflightFinding
	uplink           int
	encode           time.Duration
	measure, loadOwn bool
}

func (f *fakePreflight) Check(ctx context.Context, _ *scenes.Show, opt PreflightOptions, found func(PreflightFinding)) error {
	f.uplink, f.encode, f.measure, f.loadOwn = opt.UplinkKbps, opt.Encode, opt.Measure, opt.LoadOwn
	for _, v := range f.findings {
		found(v)
	}
	return ctx.Err()
}

// texts are the paragraphs of the page.
func (p *preflightPage) texts() string {
	var all []string
	for _, part := range p.list.parts {
		all = append(all, part.(*paragraph).text)
	}
	return strings.Join(all, "\n")
}

// planState is a show whose two destinations encode twice for nothing.
func planState(t *testing.T) *engine.State {
	t.Helper()
	s := aState()
	show, err := scenes.Parse([]byte(`{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "30"},
	 "renditions": [{"id": "one", "video": {"bitrate_kbps": 6000}}, {"id": "two", "video": {"bitrate_kbps": 5500}}],
	 "destinations": [{"id": "a", "name": "A", "kind": "rtmp", "rendition": "one", "settings": {"url": "rtmp://127.0.0.1/live"}},
	  {"id": "b", "name": "B", "kind": "rtmp", "rendition": "two", "settings": {"url": "rtmp://127.0.0.2/live"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.Show = show
	return s
}

// What stops the show is read first, however much there is.
func TestPreflightSaysTheWorstFirst(t *testing.T) {
	got := ""
	for _, f := range worstFirst([]PreflightFinding{{Subject: "A", Verdict: "go"}, {Subject: "B", Verdict: "caution"}, {Subject: "C", Verdict: "go"}, {Subject: "D", Verdict: "no-go"}}) {
		got += f.Subject
	}
	if got != "DBAC" {
		t.Errorf("in the order %s, want DBAC", got)
	}
}

func TestPreflightPage(t *testing.T) {
	b := newBench(t, planState(t))
	check := &fakePreflight{findings: []PreflightFinding{
		{Subject: "A", Verdict: "go", Text: "it answers."},
		{Subject: "B", Verdict: "no-go", Text: "the key is refused.", Changes: []string{"Another key."}},
	}}
	b.desk.services.Preflight = check
	p := b.keys.outputs.preflight
	b.keys.outputs.openPreflight()
	if !p.Visible() || b.keys.outputs.scroll.Visible() {
		t.Fatal("the page is not in the list's place")
	}
	if text := p.texts(); !strings.Contains(text, "A and B share one encode") {
		t.Errorf("the plan is not told: %q", text)
	}

	p.length.SetSelected("encode 30 s")
	p.uplink.SetText("20")
	p.check.press()
	wantLabel(t, "verdict", p.verdict, "NO-GO")
	for _, want := range []string{"GO  ·  A", "NO-GO  ·  B", "the key is refused.", "It would fit: Another key."} {
		if !strings.Contains(p.texts(), want) {
			t.Errorf("%q is missing in %q", want, p.texts())
		}
	}
	if check.measure || check.loadOwn {
		t.Error("the uplink is measured unasked")
	}
	if check.uplink != 20_000 || check.encode != 30*time.Second {
		t.Errorf("checked with %d kb/s for %v", check.uplink, check.encode)
	}

	// A number that is none is said, and nothing is checked with it.
	check.uplink = -1
	p.uplink.SetText("fast")
	p.check.press()
	if !strings.Contains(p.texts(), "number of megabits") || check.uplink != -1 {
		t.Errorf("a bad uplink: %q, checked with %d", p.texts(), check.uplink)
	}
	// Too little for both: refused, with what would fit, and no plan to use.
	p.uplink.SetText("8")
	if !strings.Contains(p.texts(), "The plan does not fit") || !strings.Contains(p.texts(), "It would fit: ") || p.use.Visible() {
		t.Errorf("8 Mb/s for two streams: %q", p.texts())
	}
	// Measured: the plan is made with what arrived, and refused.
	p.uplink.SetText("")
	p.measure.SetSelected(measureOwn)
	check.findings = append(check.findings, PreflightFinding{Subject: "Uplink to A", Verdict: "go", Text: "It carries 8.2 Mb/s.", UplinkKbps: 8200})
	p.check.press()
	if !check.measure || !check.loadOwn || p.uplink.Text != "8.2" || !strings.Contains(p.texts(), "The plan does not fit") || !strings.Contains(p.texts(), "carries 8.2 Mb/s") {
		t.Errorf("measured 8.2 Mb/s: uplink %q, %q", p.uplink.Text, p.texts())
	}

	p.uplink.SetText("")
	if !p.use.Visible() {
		t.Fatal("a plan with one encode less cannot be used")
	}
	p.use.press()
	var sent *engine.ApplyPlan
	for _, c := range b.sent(t) {
		if v, ok := c.(*engine.ApplyPlan); ok {
			sent = v
		}
	}
	if sent == nil || len(sent.Renditions) != 1 || sent.Uses["a"] != sent.Uses["b"] {
		t.Errorf("the command is %+v", sent)
	}
	live, iso := planState(t), planState(t)
	live.Live, iso.ISOs = true, []engine.DestinationState{{ID: "cam1", Started: true}}
	for name, s := range map[string]*engine.State{"live": live, "a source is recorded on its own": iso} {
		b.show(s)
		check.uplink = -1
		p.check.press()
		if !strings.Contains(p.texts(), "while something is live") || check.uplink != -1 {
			t.Errorf("checked while %s: %q", name, p.texts())
		}
	}
	p.close.press()
	if p.Visible() || !b.keys.outputs.scroll.Visible() {
		t.Error("Back does not go back")
	}
}

// TestPreflightEnds: leaving the page ends a check that runs.
func TestPreflightEnds(t *testing.T) {
	b := newBench(t, planState(t))
	ended := make(chan struct{})
	b.desk.services.Preflight, b.desk.work.inline = endless(ended), false
	b.keys.outputs.openPreflight()
	p := b.keys.outputs.preflight
	p.check.press()
	wantLabel(t, "verdict", p.verdict, "Checking…")
	p.close.press()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the check goes on")
	}
}

// TestPreflightYieldsToTheShow: what goes live by another's hand ends a check, in words.
func TestPreflightYieldsToTheShow(t *testing.T) {
	b := newBench(t, planState(t))
	ended, posted := make(chan struct{}), make(chan func(), 1)
	b.desk.services.Preflight, b.desk.work.inline = endless(ended), false
	b.desk.post = func(f func()) { posted <- f }
	b.keys.outputs.openPreflight()
	p := b.keys.outputs.preflight
	p.check.press()
	live := planState(t)
	live.Live = true
	b.studio.state.Store(live)
	select {
	case f := <-posted:
		f()
	case <-time.After(10 * time.Second):
		t.Fatal("the check goes on while the show is live")
	}
	wantLabel(t, "verdict", p.verdict, "Not checked yet")
	if p.running != nil || !strings.Contains(p.texts(), "live or recorded now") {
		t.Errorf("the page says %q", p.texts())
	}
}

type endless chan struct{}

func (e endless) Check(ctx context.Context, _ *scenes.Show, _ PreflightOptions, _ func(PreflightFinding)) error {
	<-ctx.Done()
	close(e)
	return ctx.Err()
}
