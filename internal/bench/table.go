package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is a case's medians over its pairs.
type row struct {
	cpu, beside, ratio, half, speed         float64 // CPU seconds a minute of programme
	distinct, repeated, skipped, unreadable float64
	dropped, late, tickP50, tickP99         float64
	rss, besideRSS, firstFrame, firstByte   float64
	gc, other, overrun                      float64
}

func (o outcome) medians() row {
	of := func(f func(p pair) float64) float64 {
		values := make([]float64, 0, len(o.Pairs))
		for _, p := range o.Pairs {
			values = append(values, f(p))
		}
		return median(values)
	}
	minute := 60 / float64(o.Seconds)
	// Other programs' use is of the time that a run really took.
	others := func(u usage) float64 { return (u.OtherCPUSeconds + u.StolenSeconds) * 60 / max(u.WallSecond, 1) }
	return row{
		cpu:        of(func(p pair) float64 { return p.Crosspoint.CPUSeconds * minute }),
		beside:     of(func(p pair) float64 { return p.Beside.CPUSeconds * minute }),
		ratio:      of(func(p pair) float64 { return p.Ratio }),
		half:       of(func(p pair) float64 { return p.SecondHalf }),
		speed:      of(func(p pair) float64 { return p.Speed }),
		distinct:   of(func(p pair) float64 { return float64(p.Frames.Distinct) }),
		repeated:   of(func(p pair) float64 { return float64(p.Frames.Repeated) }),
		skipped:    of(func(p pair) float64 { return float64(p.Frames.Skipped) }),
		unreadable: of(func(p pair) float64 { return float64(p.Frames.Unreadable) }),
		dropped:    of(func(p pair) float64 { return float64(p.Engine.Dropped) }),
		late:       of(func(p pair) float64 { return float64(p.Engine.Late) }),
		tickP50:    of(func(p pair) float64 { return p.Engine.TickP50MS }),
		tickP99:    of(func(p pair) float64 { return p.Engine.TickP99MS }),
		rss:        of(func(p pair) float64 { return p.Crosspoint.PeakRSSMB }),
		besideRSS:  of(func(p pair) float64 { return p.Beside.PeakRSSMB }),
		firstFrame: of(func(p pair) float64 { return p.Crosspoint.FirstFrameMS }),
		firstByte:  of(func(p pair) float64 { return p.Crosspoint.FirstByteMS }),
		gc:         of(func(p pair) float64 { return p.Engine.GCPer10s }),
		other:      of(func(p pair) float64 { return max(others(p.Crosspoint), others(p.Beside)) }),
		overrun:    of(func(p pair) float64 { return p.Beside.WallSecond - float64(o.Seconds) }),
	}
}

// quiet is how many CPU seconds a minute others may use before a row is marked: a
// twentieth of two cores.
const quiet = 6

// columns of the table, with how a row shows each. Offline rows have no ticks.
var columns = []struct {
	name string
	cell func(o outcome, m row) string
}{
	{"case", func(o outcome, _ row) string { return o.Case }},
	{"CPU s/min", func(_ outcome, m row) string { return fmt.Sprintf("%.1f", m.cpu) }},
	{"beside", func(_ outcome, m row) string { return fmt.Sprintf("%.1f", m.beside) }},
	{"ratio", func(_ outcome, m row) string { return fmt.Sprintf("%.3f", m.ratio) }},
	{"2nd half", func(o outcome, m row) string { return ticking(o, "%.3f", m.half) }},
	{"limit", func(o outcome, _ row) string { return limitText(o.Limits) }},
	{"distinct", func(o outcome, m row) string { return fmt.Sprintf("%.0f/%d", m.distinct, o.Expected) }},
	{"repeated", func(_ outcome, m row) string { return fmt.Sprintf("%.0f", m.repeated) }},
	{"skipped", func(_ outcome, m row) string { return fmt.Sprintf("%.0f", m.skipped) }},
	{"unread", func(_ outcome, m row) string { return fmt.Sprintf("%.0f", m.unreadable) }},
	{"dropped", func(o outcome, m row) string { return ticking(o, "%.0f", m.dropped) }},
	{"late", func(o outcome, m row) string { return ticking(o, "%.0f", m.late) }},
	{"tick p50 ms", func(o outcome, m row) string { return ticking(o, "%.2f", m.tickP50) }},
	{"tick p99 ms", func(o outcome, m row) string { return ticking(o, "%.1f", m.tickP99) }},
	{"1st frame ms", func(o outcome, m row) string { return ticking(o, "%.0f", m.firstFrame) }},
	{"1st byte ms", func(_ outcome, m row) string { return fmt.Sprintf("%.0f", m.firstByte) }},
	{"RSS MB", func(_ outcome, m row) string { return fmt.Sprintf("%.0f", m.rss) }},
	{"over", func(_ outcome, m row) string { return fmt.Sprintf("%+.0f", m.rss-m.besideRSS) }},
	{"GC/10 s", func(o outcome, m row) string { return ticking(o, "%.1f", m.gc) }},
	{"others s/min", func(_ outcome, m row) string { return fmt.Sprintf("%.1f", m.other) }},
	{"verdict", func(o outcome, _ row) string { return o.Verdict }},
}

func ticking(o outcome, format string, v float64) string {
	if o.Offline {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

func limitText(l limits) string {
	switch {
	case l.Ratio > 0:
		return fmt.Sprintf("%.2f", l.Ratio)
	case l.Speed > 0:
		return fmt.Sprintf("%.2f x", l.Speed)
	}
	return "-"
}

// printTable writes the rows and what has to be known about them.
func printTable(w io.Writer, list []outcome) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		fmt.Fprintf(t, "%s\t", c.name)
	}
	fmt.Fprintln(t)
	for _, o := range list {
		m := o.medians()
		for _, c := range columns {
			fmt.Fprintf(t, "%s\t", c.cell(o, m))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, o := range list {
		for _, note := range o.notes() {
			fmt.Fprintf(w, "%s: %s\n", o.Case, note)
		}
	}
	return nil
}

// notes are what a reader of a row has to know.
func (o outcome) notes() []string {
	var out []string
	add := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	m := o.medians()
	if len(o.Missed) > 0 {
		add("missed: %s", strings.Join(o.Missed, "; "))
	}
	if int(m.distinct) < o.Expected && o.Limits.Ratio > 0 {
		add("the ratio flatters, as pictures that were dropped were not encoded")
	}
	if m.other > quiet {
		add("other programs used %.0f CPU seconds a minute: the absolute figures mean little", m.other)
	}
	if o.Offline {
		add("%.2f x as fast as %s", m.speed, o.Rival)
	} else if m.overrun > 2 {
		add("%s itself took %.0f s longer than real time: the machine was too busy for this case", o.Rival, m.overrun)
	}
	for i, p := range o.Pairs {
		if p.BesideFrames != nil {
			add("pair %d: %s shows %d distinct frames", i+1, o.Rival, p.BesideFrames.Distinct)
		}
		for _, s := range p.Engine.Problems {
			add("pair %d: %s", i+1, s)
		}
		for _, a := range p.Arrivals {
			add("pair %d: %s received %d pictures, %d gaps, %d kb/s %s%s", i+1, a.Protocol, a.Pictures, a.Gaps, a.KBPS, a.Problem, joined(a.Warnings))
		}
	}
	return out
}

func joined(list []string) string {
	s := ""
	for _, v := range list {
		s += "; " + v
	}
	return s
}
