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

// statusShares of the width for each field.
var statusShares = [statusFields]float32{0.12, 0.13, 0.18, 0.12, 0.10, 0.11, 0.15, 0.09}

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

func (p *statusPanel) layout(s fyne.Size) {
	x, w := inset, s.Width-2*inset
	for i, l := range p.fields {
		l.place(x, 0, w*statusShares[i]-gap, s.Height)
		x += w * statusShares[i]
	}
}

func (p *statusPanel) update(s *engine.State) {
	if !p.rates.read(s) {
		return
	}
	c, r, want := s.Counters, &p.rates, s.Show.Canvas.FPS.Float()
	m := p.desk.machine()
	f := &p.fields
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
	if m.DiskFree >= 0 {
		f[statusDisk].set("disk "+sizeText(m.DiskFree)+" left", grade(m.DiskFree < diskAmber, m.DiskFree < diskRed))
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
		return colAmber
	}
	return colDim
}
