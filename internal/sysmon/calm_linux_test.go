package sysmon

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// waits is how often a thread of this process has waited.
func waits(t *testing.T, tid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", tid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte("\nvoluntary_ctxt_switches:"))
	number, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inCalls makes calls of C that are long and short and begin and end at any time, as those of
// a show's decoders and encoders do. It returns how often the monitor waits a millisecond.
func inCalls(t *testing.T, tid int) float64 {
	t.Helper()
	before, began := waits(t, tid), time.Now()
	var all sync.WaitGroup
	for i := range 9 {
		all.Go(func() {
			for range 20 {
				inC(i * 1500)
				time.Sleep(3 * time.Millisecond)
			}
		})
	}
	all.Wait()
	return float64(waits(t, tid)-before) / (float64(time.Since(began)) / 1e6)
}

func TestMonitorIsCalm(t *testing.T) {
	tid, err := monitor()
	if err != nil {
		t.Fatal(err)
	}
	loud := 0.0
	for range 3 { // a machine that stalls makes it less
		loud = max(loud, inCalls(t, tid))
	}
	if err := Calm(); err != nil {
		t.Fatal(err)
	}
	calm := inCalls(t, tid)
	for range 4 { // it waits for locks too, more often on a machine that is busy
		calm = min(calm, inCalls(t, tid))
	}
	t.Logf("the monitor waited %.2f times a millisecond, then %.2f", loud, calm)
	if loud < 0.3 {
		t.Errorf("the monitor waited %.2f times a millisecond: this is another thread", loud)
	}
	if calm > 1.5 {
		t.Errorf("calmed it waited %.2f times a millisecond, at most once is what a slack of 1 ms leaves", calm)
	}
}
