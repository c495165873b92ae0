package ui

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/compositor/gpu"
)

// Shares of CONVENTIONS at which a number turns amber and red, and bytes of disk.
const (
	fpsAmber, fpsRed   = 0.95, 0.80
	tickAmber, tickRed = 0.75, 1.00
	diskAmber, diskRed = 5e9, 1e9
)

const statusRow float32 = 22

// statusPanel is the line at the foot: how the studio and the machine are doing, once a
// second, so that the numbers can be read.
type statusPanel struct {
	box
	desk   *desk
	fields [statusFields]*label
	needs  [statusFields]float32 // width of the longest text of each so far
	urgent [statusFields]bool    // amber or red at the last look
	rates  rates
}

// The fields of the status line, from the left.
const (
	statusRate = iota
	statusLate
	statusTick
	statusCPU
	statusMemory
	statusDisk
	statusGPU
	statusEncoder
	statusFields
)

// statusDrop is the order in which fields go where there is no room for all; what is
// amber or red stays. The Stats tab has them all.
var statusDrop = [...]int{statusGPU, statusEncoder, statusMemory, statusTick, statusDisk, statusCPU}

func newStatusPanel(d *desk) *statusPanel {
	p := &statusPanel{desk: d}
	for i := range p.fields {
		p.fields[i] = newLabel("", textSmall, colDim)
		p.add(p.fields[i])
	}
	p.min = fyne.NewSize(600, statusRow)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

// layout gives every field the room that it has needed so far, so that digits that come
// and go move nothing, and shares the rest out between them.
func (p *statusPanel) layout(s fyne.Size) {
	room := s.Width - 2*inset
	var shown [statusFields]bool
	need, n := float32(0), 0
	for i, l := range p.fields {
		if shown[i] = l.full != ""; shown[i] {
			need += p.needs[i] + 2*gap
			n++
		}
	}
	for _, i := range statusDrop {
		if need-2*gap <= room {
			break
		}
		if shown[i] && p.fields[i].Color == colDim {
			shown[i] = false
			need -= p.needs[i] + 2*gap
			n--
		}
	}
	spare := float32(0)
	if n > 1 {
		spare = max(room-need+2*gap, 0) / float32(n-1)
	}
	x := inset
	for i, l := range p.fields {
		if show(l.Text, shown[i]); shown[i] {
			l.place(x, 0, p.needs[i]+2*gap, s.Height)
			x += p.needs[i] + 2*gap + spare
		}
	}
}

// fit lays out anew when a field has got longer than it ever was, has become urgent, or
// has come or gone.
func (p *statusPanel) fit() {
	changed := false
	for i, l := range p.fields {
		urgent := l.Color != colDim
		if w := l.measure(l.full); w > p.needs[i] {
			p.needs[i], changed = w, true
		}
		if urgent != p.urgent[i] {
			p.urgent[i], changed = urgent, true
		}
	}
	if changed {
		p.layout(p.Size())
		p.Refresh()
	}
}

func (p *statusPanel) update(s *engine.State) {
	if !p.rates.read(s) {
		return
	}
	c, r, want := s.Counters, &p.rates, s.Show.Canvas.FPS.Float()
	m := p.desk.machine()
	f := &p.fields
	defer p.fit()
	f[statusRate].set(fmt.Sprintf("%.1f of %s fps", r.fps, rateText(want)), grade(r.fps < fpsAmber*want, r.fps < fpsRed*want))
	f[statusLate].set(fmt.Sprintf("late %s  repeated %s", countText(c.Late), countText(c.Repeated)),
		grade(max(r.late, r.repeated) > lossAmber, max(r.late, r.repeated) > lossRed))
	f[statusTick].set(fmt.Sprintf("render %.1f of %.1f ms, max %.0f", c.TickMS, c.BudgetMS, c.TickMaxMS), grade(c.TickMS > tickAmber*c.BudgetMS, c.TickMS > tickRed*c.BudgetMS))
	f[statusGPU].setText(gpuText(s.GPU))
	f[statusEncoder].setText(encoderText(s.Renditions))
	if m.Cores == 0 {
		return // nobody measures
	}
	f[statusCPU].set(fmt.Sprintf("CPU %.1f of %d cores", m.CPU, m.Cores), grade(m.CPU > 0.85*float64(m.Cores), m.CPU > 0.95*float64(m.Cores)))
	f[statusMemory].setText("memory " + sizeText(m.RSS))
	switch {
	case m.DiskFree >= 0:
		f[statusDisk].set("disk "+sizeText(m.DiskFree)+" left", grade(m.DiskFree < diskAmber, m.DiskFree < diskRed))
	case f[statusDisk].full != "": // it was known
		f[statusDisk].set("disk not known", colWarn)
	}
}

// machine is the newest measurement of process and computer, at most a second old; the
// zero value when nobody measures. All panels share it: a sample is of the time since
// the one before.
func (d *desk) machine() MachineStats {
	if d.services.Machine == nil {
		return MachineStats{DiskFree: -1}
	}
	if now := d.now(); now.Sub(d.measuredAt) >= 900*time.Millisecond {
		d.measured, d.measuredAt = d.services.Machine.Sample(), now
	}
	return d.measured
}

// rates are what happened between two readings of the counters.
type rates struct {
	at   time.Duration
	last engine.Counters
	have bool

	fps  float64
	path string
	// repeated and late are shares of the ticks since the last reading.
	repeated, late float64
	// lost is the share of each source's pictures that was not shown, by id; lastOf are their
	// counters at the last reading.
	lost   map[string]float64
	lastOf map[string]engine.SourceState
}

// read takes another reading; less than a second after the last it does nothing and
// reports false.
func (r *rates) read(s *engine.State) bool {
	d := s.Time - r.at
	if r.have && d >= 0 && d < time.Second {
		return false
	}
	c := s.Counters
	r.fps, r.repeated, r.late = s.Show.Canvas.FPS.Float(), 0, 0
	if n := c.Ticks - r.last.Ticks; r.have && d > 0 {
		r.fps = float64(c.New-r.last.New+c.Repeated-r.last.Repeated) / d.Seconds()
		if n > 0 {
			r.repeated, r.late = float64(c.Repeated-r.last.Repeated)/float64(n), float64(c.Late-r.last.Late)/float64(n)
		}
	}
	lost, lastOf := map[string]float64{}, map[string]engine.SourceState{}
	for _, v := range s.Sources {
		if last, had := r.lastOf[v.ID]; had {
			lost[v.ID] = share(v.Dropped+v.Skipped-last.Dropped-last.Skipped, v.Frames-last.Frames)
		}
		lastOf[v.ID] = v
	}
	r.lost, r.lastOf = lost, lastOf
	r.path = pathText(c.Passthrough-r.last.Passthrough, c.Rects-r.last.Rects, c.Full-r.last.Full)
	r.at, r.last, r.have = s.Time, c, true
	return true
}

// pathText says how the compositor made its last pictures.
func pathText(pass, rects, full int64) string {
	all := pass + rects + full
	if all <= 0 {
		return "idle"
	}
	name, n := "passthrough", pass
	if rects > n {
		name, n = "rectangles", rects
	}
	if full > n {
		name, n = "full", full
	}
	if n == all {
		return name
	}
	return fmt.Sprintf("%s %d %%", name, n*100/all)
}

// gpuText is the renderer without its driver's genealogy.
func gpuText(g gpu.Info) string {
	name, _, _ := strings.Cut(g.Renderer, " (")
	switch {
	case name == "":
		return "no OpenGL"
	case g.Software:
		return name + ", on the processor"
	}
	return name
}

func encoderText(r []engine.RenditionState) string {
	var names []string
	for _, v := range r {
		if v.Encoder != "" {
			names = append(names, v.Encoder)
		}
	}
	if len(names) == 0 {
		return "no encoder"
	}
	return strings.Join(names, ", ")
}

func rateText(fps float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", fps), "0"), ".")
}

func grade(amber, red bool) color.Color {
	switch {
	case red:
		return colBad
	case amber:
		return colWarn
	}
	return colDim
}
