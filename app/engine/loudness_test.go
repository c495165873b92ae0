package engine

import (
	"bytes"
	"encoding/csv"
	"math"
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
