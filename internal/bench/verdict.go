package main

import "fmt"

// Verdicts.
const (
	reached = "reached"
	missed  = "missed"
	noLimit = "no limit"
)

// judge sets the verdict from the medians of the pairs; frames count as lost when any
// pair lost them.
func (o *outcome) judge() {
	o.Missed = nil
	l, m := o.Limits, o.medians()
	miss := func(bad bool, format string, args ...any) {
		if bad {
			o.Missed = append(o.Missed, fmt.Sprintf(format, args...))
		}
	}
	most := func(name string, got, limit float64) {
		miss(limit > 0 && got > limit, "%s %.4g, at most %.4g", name, got, limit)
	}
	fewest, late := o.Expected, int64(0)
	short := false // fewer distinct frames than the rival's
	for _, p := range o.Pairs {
		fewest, late = min(fewest, p.Frames.Distinct), max(late, p.Engine.Late)
		short = short || p.BesideFrames != nil && p.Frames.Distinct < p.BesideFrames.Distinct
	}
	miss(l.AllFrames && fewest < o.Expected, "%d of %d frames", fewest, o.Expected)
	miss(l.AsMany && short, "fewer frames than %s", o.Rival)
	most("ratio", m.ratio, l.Ratio)
	miss(l.Speed > 0 && m.speed < l.Speed, "speed %.3f, at least %.3g", m.speed, l.Speed)
	miss(l.NoLate && late > 0, "%d late ticks", late)
	most("MB over", m.rss-m.besideRSS, l.RSSOverMB)
	most("first frame ms", m.firstFrame, l.FirstFrameMS)
	most("first byte ms", m.firstByte, l.FirstByteMS)
	most("collections in 10 s", m.gc, l.GCPer10s)
	switch {
	case len(o.Missed) > 0:
		o.Verdict = missed
	case l == limits{}:
		o.Verdict = noLimit
	default:
		o.Verdict = reached
	}
}
