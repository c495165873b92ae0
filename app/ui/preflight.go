package ui

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/scenes"
)

// Preflight is the dry run before a show.
type Preflight interface {
	// Check tries show's encoders, its disks and its destinations, and calls found with each
	// outcome as it comes, from one goroutine at a time. It blocks until all is known or ctx
	// ends, whose error it returns.
	Check(ctx context.Context, show *scenes.Show, opt PreflightOptions, found func(PreflightFinding)) error
}

// PreflightOptions say what is tried.
type PreflightOptions struct {
	UplinkKbps int           // kb/s; 0: not known
	Encode     time.Duration // how long encoders are tried
	// Measure the uplink where nobody is shown it; LoadOwn: towards own servers too.
	Measure, LoadOwn bool
}

// PreflightFinding is the outcome of one check.
type PreflightFinding struct {
	Subject string
	// Verdict is "go", "caution" or "no-go".
	Verdict string
	Text    string
	// Changes would each make a plan fit that does not.
	Changes []string
	// UplinkKbps is the measured uplink, kb/s, with which to plan; 0: not known by this.
	UplinkKbps int
}

// The ways to measure the uplink that the page offers.
const (
	measureNot  = "Do not measure the uplink"
	measureTest = "Measure it where nobody sees it"
	measureOwn  = "Measure it; own servers see bars"
)

// encodeLengths are the lengths of the encoders' test that the page offers.
var encodeLengths = []time.Duration{5 * time.Second, 30 * time.Second}

// preflightPage plans the encodes and checks everything before going live; it takes the
// place of the list of outputs. It changes nothing but by "Use this plan".
type preflightPage struct {
	box
	desk *desk
	done func()

	title        *label
	check, close *button
	use          *button
	uplinkText   *label
	uplink       *field
	length       *dropList
	measure      *dropList
	verdict      *label
	list         *column
	plan         planner.Plan
	edit         *engine.ApplyPlan // nil: there is nothing to change

	running  context.CancelFunc // nil: no check runs
	findings []PreflightFinding
}

func newPreflightPage(d *desk, done func()) *preflightPage {
	p := &preflightPage{desk: d, done: done, list: newColumn()}
	p.title = newBold("Before going live", textNormal, colText)
	p.check = newButton(d, "Check", textNormal, p.toggle).hint("Try encoders, disks and destinations; nothing is published")
	p.close = newButton(d, "Back", textNormal, p.leave).hint("Back to the list; a check that runs is ended")
	p.use = newButton(d, "Use this plan", textSmall, p.usePlan).hint("Give the destinations these encodes, as one edit that undo takes back")
	p.uplinkText = newLabel("Uplink, Mb/s", textSmall, colDim)
	p.uplink = newLine(d)
	p.uplink.SetPlaceHolder("not known")
	p.uplink.changed = func(string) { p.replan() }
	p.length = newDropList(d, nil, nil)
	for _, d := range encodeLengths {
		p.length.Options = append(p.length.Options, fmt.Sprintf("encode %.0f s", d.Seconds()))
	}
	p.length.SetSelectedIndex(0)
	p.measure = newDropList(d, []string{measureNot, measureTest, measureOwn}, nil)
	p.measure.SetSelected(measureNot)
	p.verdict = newBold("", textNormal, colDim)
	p.add(p.title, p.close, p.check, p.uplinkText, p.uplink, p.length, p.measure, p.verdict, p.use, p.list)
	p.min = fyne.NewSize(260, 160)
	p.arrange = func(s fyne.Size) {
		cw, kw := p.close.min.Width+8, p.check.min.Width+8
		p.title.place(0, 0, max(s.Width-cw-kw-3*gap, 1), rowHeight)
		place(p.check, s.Width-cw-kw-gap, 0, kw, rowHeight)
		place(p.close, s.Width-cw, 0, cw, rowHeight)
		y := rowHeight + gap
		p.uplinkText.place(0, y, 90, 34)
		place(p.uplink, 90, y, max(s.Width-90-124-gap, 1), 34)
		place(p.length, s.Width-124, y, 124, 34)
		y += 34 + gap
		place(p.measure, 0, y, s.Width, 34)
		y += 34 + gap
		uw := p.use.min.Width + 8
		p.verdict.place(0, y, max(s.Width-uw-gap, 1), rowHeight)
		place(p.use, s.Width-uw, y, uw, rowHeight)
		y += rowHeight + gap
		place(p.list, 0, y, s.Width, max(s.Height-y, 1))
	}
	p.ExtendBaseWidget(p)
	show(p, false)
	return p
}

// open shows the plan for the show as it is now.
func (p *preflightPage) open() {
	show(p, true)
	p.findings = nil
	p.replan()
}

// leave ends a check that runs and goes back.
func (p *preflightPage) leave() {
	p.stop()
	show(p, false)
	p.done()
}

func (p *preflightPage) stop() {
	if p.running != nil {
		p.running()
		p.running = nil
	}
	p.check.look("Check", colControl, colText)
}

// uplinkKbps is what was typed in; 0 is not known.
func (p *preflightPage) uplinkKbps() (kbps int, ok bool) {
	text := strings.TrimSpace(strings.Replace(p.uplink.Text, ",", ".", 1))
	if text == "" {
		return 0, true
	}
	mbps, err := strconv.ParseFloat(text, 64)
	if err != nil || !(mbps > 0 && mbps <= 100_000) {
		return 0, false
	}
	return int(mbps * 1000), true
}

// replan asks the planner; that is arithmetic and takes no time.
func (p *preflightPage) replan() {
	p.edit, p.plan = nil, planner.Plan{}
	kbps, ok := p.uplinkKbps()
	if p.desk.state == nil {
		return
	}
	if !ok {
		p.fill("The uplink is a number of megabits a second, for example 12.5.")
		return
	}
	s := p.desk.state.Show
	req := engine.PlanRequest(s, p.desk.services.OutputKinds, engine.PlanOptions{UplinkKbps: kbps, Cores: float64(p.desk.measured.Cores)})
	var err error
	if p.plan, err = planner.Make(req); err != nil {
		p.fill(said(err))
		return
	}
	if p.plan.Refusal == nil && len(req.Wants) > 0 {
		if edit, err := engine.PlanEdit(s, p.plan); err == nil && edit.Changes(s) {
			p.edit = &edit
		}
	}
	p.fill("")
}

// usePlan makes the plan the show's.
func (p *preflightPage) usePlan() {
	if p.edit == nil {
		return
	}
	p.desk.send(p.edit)
	p.edit = nil
	show(p.use, false)
}

// toggle starts a check, or ends the one that runs.
func (p *preflightPage) toggle() {
	if p.running != nil {
		p.stop()
		p.fill("")
		return
	}
	kbps, ok := p.uplinkKbps()
	if p.desk.services.Preflight == nil || p.desk.state == nil || !ok {
		return
	}
	if p.desk.state.Busy() {
		p.fill("A check loads encoders and disks, so there is none while something is live, recorded or still being written.")
		return
	}
	p.replan()
	p.findings = nil
	ctx, cancel := context.WithCancelCause(context.Background())
	p.running = func() { cancel(nil) }
	p.check.look("Stop", colAmber, colInk)
	opt := PreflightOptions{
		UplinkKbps: kbps, Encode: encodeLengths[p.length.SelectedIndex()],
		Measure: p.measure.Selected != measureNot, LoadOwn: p.measure.Selected == measureOwn,
	}
	document, check := p.desk.state.Show, p.desk.services.Preflight
	post, s := p.desk.post, p.desk.studio
	started := p.desk.work.start(func() {
		var watching sync.WaitGroup
		over := make(chan struct{})
		watching.Go(func() { yieldToShow(s, cancel, over) })
		err := check.Check(ctx, document, opt, func(f PreflightFinding) {
			post(func() { p.found(ctx, f) })
		})
		close(over)
		watching.Wait()
		post(func() { p.finished(ctx, err) })
	})
	if !started {
		p.stop()
		p.desk.tell("Too much is going on to check now: try again in a moment.")
	}
	p.fill("")
}

// errYielded ends a check because the show has begun.
var errYielded = errors.New("something is live or recorded now, and a check loads encoders, disks and the uplink, so it was ended")

// showWatch is how often a check looks whether the show has begun.
const showWatch = 100 * time.Millisecond

// yieldToShow ends a check as soon as something is live or recorded, whoever started that
// and whether the window is seen or not. It blocks until over is closed.
func yieldToShow(s studio, end context.CancelCauseFunc, over <-chan struct{}) {
	tick := time.NewTicker(showWatch)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			if s.State().Busy() {
				end(errYielded)
			}
		}
	}
}

func (p *preflightPage) found(ctx context.Context, f PreflightFinding) {
	if ctx.Err() != nil {
		return // of a check that was ended
	}
	p.findings = append(p.findings, f)
	if f.UplinkKbps > 0 {
		p.uplink.SetText(strconv.FormatFloat(float64(f.UplinkKbps)/1000, 'f', 1, 64)) // and plans again
		return
	}
	p.fill("")
}

func (p *preflightPage) finished(ctx context.Context, err error) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errYielded):
		err = cause
	case cause != nil:
		return
	}
	p.stop()
	if err != nil {
		p.fill(said(err))
		return
	}
	p.fill("")
}

// worst is the verdict of all findings.
func (p *preflightPage) worst() (word string, ink color.Color) {
	word, ink = "GO", colGood
	for _, f := range p.findings {
		switch f.Verdict {
		case "no-go":
			return "NO-GO", colBad
		case "caution":
			word, ink = "GO, WITH CAUTION", colWarn
		}
	}
	return word, ink
}

// worstFirst is the findings with those that stop the show at the top, where they are seen
// without scrolling, and otherwise in their order.
func worstFirst(list []PreflightFinding) []PreflightFinding {
	rank := map[string]int{"no-go": -2, "caution": -1}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b PreflightFinding) int { return rank[a.Verdict] - rank[b.Verdict] })
	return list
}

// fill draws verdict, findings and plan; fault is a sentence that comes first.
func (p *preflightPage) fill(fault string) {
	switch word, ink := p.worst(); {
	case p.running != nil:
		p.verdict.set("Checking…", colDim)
	case len(p.findings) > 0:
		p.verdict.set(word, ink)
	default:
		p.verdict.set("Not checked yet", colDim)
	}
	show(p.use, p.edit != nil)
	var items []stacked
	say := func(text string, ink color.Color) {
		items = append(items, newParagraph(text, textSmall, ink, 8))
	}
	if fault != "" {
		say(fault, colBad)
	}
	for _, f := range worstFirst(p.findings) {
		ink := color.Color(colGood)
		switch f.Verdict {
		case "no-go":
			ink = colBad
		case "caution":
			ink = colWarn
		}
		say(strings.ToUpper(f.Verdict)+"  ·  "+f.Subject, ink)
		say(f.Text, colText)
		for _, c := range f.Changes {
			say("It would fit: "+c, colDim)
		}
	}
	if r := p.plan.Refusal; r != nil {
		say("NO-GO  ·  The plan does not fit", colBad)
		say(r.Text, colText)
		for _, c := range r.Changes {
			say("It would fit: "+c, colDim)
		}
		say("Size, rate, codec and bitrate are the renditions', which stand below the recordings.", colDim)
	}
	if len(p.plan.Reasons) > 0 {
		say("Plan of the encodes", colDim)
	}
	for _, r := range p.plan.Reasons {
		say(r, colText)
	}
	p.list.set(items...)
}
