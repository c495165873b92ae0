package host

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processTime is what this process has used so far, from another clock than the
// Sampler's.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func TestSampleOfThisProcess(t *testing.T) {
	before, start := processTime(t), time.Now()
	s := NewSampler()
	defer s.Close()
	hold := make([]byte, 32<<20)
	for n := 0; time.Since(start) < 2*leastInterval; n++ {
		hold[n%len(hold)]++
		if n%4096 == 0 {
			hold[(n/4096*4096)%len(hold)]++ // touch every page
		}
	}
	for i := 0; i < len(hold); i += 4096 {
		hold[i] = 1
	}
	got := s.Sample()
	want := (processTime(t) - before).Seconds() / time.Since(start).Seconds()
	if got.CPU < want/2 || got.CPU > want*1.5+0.1 {
		t.Errorf("this process kept %.2f cores busy; by the kernel's other clock %.2f", got.CPU, want)
	}
	if got.MachineCPU < got.CPU/2 {
		t.Errorf("the machine kept %.2f cores busy, this process alone %.2f", got.MachineCPU, got.CPU)
	}
	if got.RSSBytes < int64(len(hold)) || got.RSSBytes > got.MemoryBytes {
		t.Errorf("%d bytes resident of %d; %d were touched", got.RSSBytes, got.MemoryBytes, len(hold))
	}
	if got.Load < 0 || got.Load > 10000 {
		t.Errorf("load %v", got.Load)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	p := newProbe()
	defer p.close()
	at := time.Unix(0, 0)
	s := newSampler(func() time.Time { at = at.Add(time.Second); return at }, p.read, p.close)
	if n := testing.AllocsPerRun(100, func() { s.Sample() }); n > 0 {
		t.Errorf("a sample allocates %v times", n)
	}
}
