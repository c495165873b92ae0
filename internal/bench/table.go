package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// row is a case's medians over its pairs.
type row struct {
	cpu, floor, ratio                        float64 // CPU seconds a minute of programme
	distinct, repeated, skipped, unreadable  float64
	dropped, late, tickP50, tickP99          float64
	rss, floorRSS, firstByte, other, overrun float64
	wall                                     float64 // of the floor's
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
		floor:      of(func(p pair) float64 { return p.Floor.CPUSeconds * minute }),
		ratio:      of(func(p pair) float64 { return p.Ratio }),
		distinct:   of(func(p pair) float64 { return float64(p.Frames.Distinct) }),
		repeated:   of(func(p pair) float64 { return float64(p.Frames.Repeated) }),
		skipped:    of(func(p pair) float64 { return float64(p.Frames.Skipped) }),
		unreadable: of(func(p pair) float64 { return float64(p.Frames.Unreadable) }),
		dropped:    of(func(p pair) float64 { return float64(p.Engine.Dropped) }),
		late:       of(func(p pair) float64 { return float64(p.Engine.Late) }),
		tickP50:    of(func(p pair) float64 { return p.Engine.TickP50MS }),
		tickP99:    of(func(p pair) float64 { return p.Engine.TickP99MS }),
		rss:        of(func(p pair) float64 { return p.Crosspoint.PeakRSSMB }),
		floorRSS:   of(func(p pair) float64 { return p.Floor.PeakRSSMB }),
		firstByte:  of(func(p pair) float64 { return p.Crosspoint.FirstByteMS }),
		other:      of(func(p pair) float64 { return max(others(p.Crosspoint), others(p.Floor)) }),
		wall:       of(func(p pair) float64 { return p.Crosspoint.WallSecond / p.Floor.WallSecond }),
		overrun:    of(func(p pair) float64 { return p.Floor.WallSecond - float64(o.Seconds) }),
	}
}

// quiet is how many CPU seconds a minute others may use before a row is marked: a
// twentieth of two cores.
const quiet = 6

// printTable writes the rows and what has to be known about them.
func printTable(w io.Writer, list []outcome) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tCPU s/min\tfloor\tratio\tlimit\tdistinct\trepeated\tskipped\tunread\tdropped\tlate\ttick p50 ms\ttick p99 ms\tRSS MB\tfloor RSS\t1st byte ms\tothers s/min\t")
	for _, o := range list {
		m := o.medians()
		limit := "-"
		if o.Limit > 0 {
			limit = fmt.Sprintf("%.2f", o.Limit)
		}
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.3f\t%s\t%.0f/%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.1f\t%.0f\t%.0f\t%.0f\t%.1f\t\n",
			o.Case, m.cpu, m.floor, m.ratio, limit, m.distinct, o.Expected, m.repeated, m.skipped, m.unreadable,
			m.dropped, m.late, m.tickP50, m.tickP99, m.rss, m.floorRSS, m.firstByte, m.other)
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
	if o.Limit > 0 && m.ratio > o.Limit {
		add("over the limit: %.3f of the floor, %.2f is allowed", m.ratio, o.Limit)
	}
	if int(m.distinct) < o.Expected {
		add("%d of %d pictures are missing; the ratio flatters, as pictures that were dropped were not encoded", o.Expected-int(m.distinct), o.Expected)
	}
	if m.other > quiet {
		add("other programs used %.0f CPU seconds a minute: the absolute figures mean little", m.other)
	}
	if o.Offline {
		add("took %.2f of the time that the floor took", m.wall)
	} else if m.overrun > 2 {
		add("the floor itself took %.0f s longer than real time: the machine was too busy for this case", m.overrun)
	}
	for i, p := range o.Pairs {
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
