package engine

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// While a connection is made again, why it was lost still stands, but no longer when the
// next try is: it is under way.
func TestProblemOfATryUnderWay(t *testing.T) {
	s := newStudio(t, chainShow(t, map[string]any{"id": "d", "kind": "fake", "settings": to("d", "")}), media.NewRealClock(), nil)
	defer s.comp.Close()
	l := &leg{v: &delivery{d: s.Engine.outs}}
	for _, c := range []struct {
		report outputs.Report
		want   string
	}{
		{outputs.Report{State: outputs.Connecting}, ""},
		{outputs.Report{State: outputs.Waiting, Detail: "nobody answers; trying again in 3s"}, "nobody answers; trying again in 3s"},
		{outputs.Report{State: outputs.Connecting, Detail: "host:1"}, "nobody answers"},
		{outputs.Report{State: outputs.Sending}, "nobody answers"},
		{outputs.Report{State: outputs.Confirmed}, ""},
		{outputs.Report{State: outputs.Waiting, Detail: "no route"}, "no route"},
		{outputs.Report{State: outputs.Sending, Unanswered: true}, ""}, // it will never be more than that
	} {
		l.Report(c.report)
		if l.problem != c.want {
			t.Errorf("after %v: %q, want %q", c.report.State, l.problem, c.want)
		}
	}
}
