package engine

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// The log has a line per bus and second, and it says what the state says; a reset begins
// the integrated loudness anew.
func TestLoudnessLog(t *testing.T) {
	var log bytes.Buffer
	s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) {
		o.LoudnessLog, o.Ticks = &log, 135
		o.Commands = []Timed{{100, &ResetLoudness{}}, {101, &ResetLoudness{Bus: "pgm"}}, {101, &ResetLoudness{Bus: "nothing"}}}
	})
	s.run(t, t.Context(), time.Minute)
	rows, err := csv.NewReader(&log).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"time", "bus", "M", "S", "I", "LRA", "TP"}
	if len(rows) != 5 || len(rows[0]) != len(want) || rows[0][6] != "TP" || rows[1][0] != "0:00:01" || rows[4][0] != "0:00:04" || rows[4][1] != "pgm" {
		t.Fatalf("got %q", rows)
	}
	if rows[3][3] == "" || rows[3][4] == "" || rows[3][6] == "" {
		t.Errorf("nothing is measured after 3 s: %q", rows[3])
	}
	st := s.State()
	if len(st.Buses) != 1 || st.Buses[0].ID != "pgm" {
		t.Fatalf("buses: %+v", st.Buses)
	}
	l := st.Buses[0].Loudness
	if math.IsInf(l.MomentaryLUFS, 0) || math.IsInf(l.MaxTruePeakDB, 0) || math.Abs(l.Seconds-34.0/30) > 0.011 {
		t.Errorf("34 ticks after the reset: %+v", l)
	}
}

// deadDisk takes a number of writes and answers no other until it is let go.
type deadDisk struct {
	takes int
	dead  chan struct{}
	let   chan struct{}
}

func (d *deadDisk) Write(b []byte) (int, error) {
	if d.takes--; d.takes < 0 {
		if d.takes == -1 {
			close(d.dead)
		}
		<-d.let
	}
	return len(b), nil
}

// A log whose disk does not answer ends all the same and says what is missing.
func TestLoudnessLogOnADeadDisk(t *testing.T) {
	d := &deadDisk{takes: 2, dead: make(chan struct{}), let: make(chan struct{})}
	l := startLoudnessLog(d)
	for range 5 {
		l.lines <- []byte("0:00:01,pgm\n")
	}
	<-d.dead
	if err := l.close(10 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "its last 4 seconds are missing") {
		t.Errorf("the end of the log: %v, want that 4 of 5 seconds are missing", err)
	}
	close(d.let)
	<-l.done
}
