package ui

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// Shares of CONVENTIONS at which what was left out turns amber and red.
const lossAmber, lossRed = 0.01, 0.05

// statsPanel is every counter of the engine, once a second.
type statsPanel struct {
	box
	desk  *desk
	list  *lineList
	rates rates
}

func newStatsPanel(d *desk) *statsPanel {
	p := &statsPanel{desk: d}
	p.list = newLineList(d, 96, false, nil)
	p.list.wraps = true
	p.add(p.list)
	p.min = fyne.NewSize(260, 120)
	p.arrange = func(s fyne.Size) {
		place(p.list, inset, inset, s.Width-2*inset, max(s.Height-2*inset, 1))
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *statsPanel) update(s *engine.State) {
	if !p.desk.calm && p.rates.read(s) && p.Visible() {
		p.list.set(statsLines(s, p.rates, p.desk.machine()))
	}
}

// statsLines are the counters as lines.
func statsLines(s *engine.State, r rates, m MachineStats) []textLine {
	var out []textLine
	section := func(name string) {
		if len(out) > 0 {
			out = append(out, textLine{})
		}
		out = append(out, textLine{text: name, ink: colDim, bold: true})
	}
	add := func(name string, ink color.Color, format string, args ...any) {
		out = append(out, textLine{front: name, text: fmt.Sprintf(format, args...), ink: ink})
	}
	c, want := s.Counters, s.Show.Canvas.FPS.Float()

	section("PROGRAMME")
	add("pictures", plainly(grade(r.fps < fpsAmber*want, r.fps < fpsRed*want)), "%.1f of %s fps", r.fps, rateText(want))
	add("new", colText, "%d", c.New)
	add("repeated", lossGrade(r.repeated), "%d  (%.1f %% now)", c.Repeated, 100*r.repeated)
	add("late", lossGrade(r.late), "%d  (%.1f %% now)", c.Late, 100*r.late)
	add("tick", tickGrade(c.TickMS, c), "%.1f ms of %.1f", c.TickMS, c.BudgetMS)
	add("", tickGrade(c.TickMaxMS, c), "at most %.1f ms in a second", c.TickMaxMS)
	add("ten seconds", tickGrade(c.TickP99MS, c), "p50 %.1f, p99 %.1f ms", c.TickP50MS, c.TickP99MS)
	add("whole run", colText, "p50 %.1f, p99 %.1f ms", c.RunTickP50MS, c.RunTickP99MS)
	add("composing", colText, "%.1f ms, %s", c.ComposeMS, r.path)
	add("paths", colText, "%d passed, %d rects, %d full", c.Passthrough, c.Rects, c.Full)
	add("pixels drawn", colText, "%d", c.PixelsPerTick)
	add("sound", colText, "%.2f ms", c.MixMS)
	if c.CaptureP99MS > 0 {
		add("camera to tick", colText, "p50 %.0f, p99 %.0f ms", c.CaptureP50MS, c.CaptureP99MS)
	}
	add("views", colText, "at most %.0f fps", c.ViewFPS)

	section("SOURCES")
	for i := range s.Sources {
		v := &s.Sources[i]
		add(v.Name, statusColor(v.Status), "%s", v.Status)
		if v.Detail != "" {
			add("", colText, "%s", v.Detail)
		}
		add("", colText, "queue %.0f ms, drift %+.0f ppm", v.QueueMS, v.DriftPPM)
		if v.Dropped+v.Skipped+v.Repeated > 0 {
			add("", lossGrade(r.lost[v.ID]), "dropped %d, skipped %d  (%.1f %% now)", v.Dropped, v.Skipped, 100*r.lost[v.ID])
			add("", colText, "repeated %d", v.Repeated)
		}
		if v.Underruns > 0 || v.Restarts > 0 {
			add("", colWarn, "silence %.1f s, restarted %d times", float64(v.Underruns)/media.SampleRateHz, v.Restarts)
		}
	}

	section("RENDITIONS")
	if len(s.Renditions) == 0 {
		add("", colDim, "no encoder is running")
	}
	for _, v := range s.Renditions {
		add(v.ID, colText, "%s, %s", v.Encoder, bitrateText(v.BitrateBPS))
		add("", colText, "%.1f ms a picture", v.EncodeMS)
		add("", lossGrade(v.Dropping), "dropped %d  (%.1f %% now)", v.Dropped, 100*v.Dropping)
		add("", colText, "encoded %d", v.Frames)
		if v.DelayP99MS > 0 {
			add("", colText, "delay p50 %.0f, p99 %.0f ms, holds %d", v.DelayP50MS, v.DelayP99MS, v.Held)
		}
		if v.ThroughP99MS > 0 {
			add("", colText, "from the camera p50 %.0f, p99 %.0f ms", v.ThroughP50MS, v.ThroughP99MS)
		}
	}

	section("OUTPUTS")
	for _, list := range [2][]engine.DestinationState{s.Destinations, s.Recordings} {
		for _, v := range list {
			if v.Started || v.Report.State == outputs.Failed {
				add(v.Name, lookOf(v).color, "%s, %s, queued %s", strings.ToLower(lookOf(v).word), bitrateText(v.BitrateBPS), millisText(v.Queue))
				add("", colText, "dropped %d, reconnects %d", v.Dropped, v.Reconnects)
				for _, line := range pathLines(v.Report) {
					add("", colText, "%s", line)
				}
			}
		}
	}

	section("MACHINE")
	if m.Cores > 0 {
		add("processor", colText, "%.2f of %d cores", m.CPU, m.Cores)
		add("memory", colText, "%s resident, heap %.0f MB", sizeText(m.RSS), c.HeapMB)
		if m.DiskFree >= 0 {
			add("disk", diskGrade(m.DiskFree), "%s left", sizeText(m.DiskFree))
		}
	} else {
		add("heap", colText, "%.0f MB", c.HeapMB)
	}
	add("collector", colText, "%d runs, %d goroutines", c.GCRuns, c.Goroutines)
	add("OpenGL", colText, "%s", s.GPU.Renderer)
	add("", colText, "%s", s.GPU.Version)
	return out
}

// pathLines say what is known of the network to a destination.
func pathLines(r outputs.Report) (lines []string) {
	if r.Detail != "" && r.State != outputs.Waiting && r.State != outputs.Failed {
		lines = append(lines, r.Detail)
	}
	var way []string
	if r.RTT > 0 {
		way = append(way, "RTT "+millisText(r.RTT))
	}
	if r.LostPercent > 0 {
		way = append(way, fmt.Sprintf("lost %.1f %%", r.LostPercent))
	}
	if r.Retransmitted > 0 {
		way = append(way, "sent again "+countText(r.Retransmitted))
	}
	if r.NotRepeated > 0 {
		way = append(way, countText(r.NotRepeated)+" requests refused")
	}
	if len(way) > 0 {
		lines = append(lines, strings.Join(way, ", "))
	}
	way = nil
	if r.SendBuffer > 0 {
		way = append(way, "buffer "+millisText(r.SendBuffer))
	}
	if r.BandwidthBPS > 0 {
		way = append(way, "path "+bitrateText(r.BandwidthBPS))
	}
	if len(way) > 0 {
		lines = append(lines, strings.Join(way, ", "))
	}
	return lines
}

func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Grades are a number's colour by CONVENTIONS; plain text where nothing is wrong.
func lossGrade(share float64) color.Color { return plainly(grade(share > lossAmber, share > lossRed)) }

func tickGrade(ms float64, c engine.Counters) color.Color {
	return plainly(grade(ms > tickAmber*c.BudgetMS, ms > tickRed*c.BudgetMS))
}

func diskGrade(free int64) color.Color {
	return plainly(grade(free < diskAmber, free < diskRed))
}

func plainly(col color.Color) color.Color {
	if col == colDim {
		return colText
	}
	return col
}

func statusColor(s engine.SourceStatus) color.Color {
	switch trouble(s) {
	case 0, 1, 2:
		return colText
	case 5, 6:
		return colBad
	}
	return colWarn
}
