package ui

import (
	"testing"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
)

func TestOutputLooks(t *testing.T) {
	for _, c := range []struct {
		name    string
		started bool
		kind    string
		state   outputs.State
		want    outputLook
	}{
		{"not started", false, "rtmp", outputs.Idle, outputLook{shapeRing, colOff, "OFF"}},
		{"not started, no report", false, "rtmp", 0, outputLook{shapeRing, colOff, "OFF"}},
		{"just started", true, "rtmp", outputs.Idle, outputLook{shapeTriangle, colAmber, "STARTING"}},
		{"resolving", true, "srt", outputs.Resolving, outputLook{shapeTriangle, colAmber, "RESOLVING"}},
		{"bytes leave, none acknowledged", true, "rtmp", outputs.Sending, outputLook{shapeTriangle, colAmber, "SENDING"}},
		{"acknowledged", true, "whip", outputs.Confirmed, outputLook{shapeDisc, colGood, "LIVE"}},
		{"on disk", true, "record", outputs.Confirmed, outputLook{shapeDisc, colGood, "RECORDING"}},
		{"stalled", true, "rtmp", outputs.Degraded, outputLook{shapeTriangle, colAmber, "DEGRADED"}},
		{"between tries", true, "rtmp", outputs.Waiting, outputLook{shapeTriangle, colAmber, "RETRYING"}},
		{"given up", true, "rtmp", outputs.Failed, outputLook{shapeSquare, colBad, "FAILED"}},
	} {
		d := engine.DestinationState{Started: c.started, Kind: c.kind, Report: outputs.Report{State: c.state}}
		if got := lookOf(d); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCardSaysWhatItsStateMeans: why it is degraded, what is waited for, that a start is delayed,
// on one line, whose place is kept while states change.
func TestCardSaysWhatItsStateMeans(t *testing.T) {
	s := liveState()
	b := newBench(t, s)
	c, d := b.keys.outputs.cards[0], &s.Destinations[0]
	running := c.height()
	for _, v := range []struct {
		state        outputs.State
		detail, want string
	}{
		{outputs.Idle, "begins 30 s after the programme", "begins 30 s after the programme"},
		{outputs.Connecting, "", ""},
		{outputs.Handshaking, "gate: for 4 s waiting for it to answer", "gate: for 4 s waiting for it to answer"},
		{outputs.Confirmed, "nginx\n1", "nginx; 1"},
		{outputs.Degraded, "rtmp: the network takes less than the stream needs", "the network takes less than the stream needs"},
		{outputs.Waiting, "the server hung up; trying again in 2 s", ""}, // a problem
	} {
		d.Report.State, d.Report.Detail = v.state, v.detail
		b.show(s)
		wantLabel(t, v.state.String(), c.detail, v.want)
		if h := c.height(); h != running {
			t.Errorf("%v: %v high, want %v as before", v.state, h, running)
		}
		if bright := same(c.detail.Color, colWarn); bright != (v.state == outputs.Degraded) {
			t.Errorf("%v: amber is %v", v.state, bright)
		}
	}
	d.Report.State, d.Report.Detail = outputs.Degraded, "12 % of the packets are lost on the way: the network takes less than the stream needs"
	b.show(s)
	if c.detail.Text.Text == c.detail.full || c.whole.tip != c.detail.full {
		t.Errorf("of %q %q can be read, and the pointer shows %q", c.detail.full, c.detail.Text.Text, c.whole.tip)
	}
	d.Started = false
	b.show(s)
	wantLabel(t, "stopped", c.detail, "")
	if c.height() >= running {
		t.Error("it takes as much room as one that runs")
	}
}
