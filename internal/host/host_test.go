package host

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// fakeMachine is a machine whose time and totals a test sets.
type fakeMachine struct {
	at    time.Time
	total usage
	looks int
}

func (m *fakeMachine) sampler() *Sampler {
	return newSampler(func() time.Time { return m.at }, func(f *Figures) usage {
		m.looks++
		f.RSSBytes = int64(m.looks)
		return m.total
	}, func() error { return nil })
}

func TestSharesAreOfTheTimeBetween(t *testing.T) {
	m := &fakeMachine{at: time.Unix(100, 0), total: usage{process: 7 * time.Second, machine: 90 * time.Second}}
	s := m.sampler()
	for _, step := range []struct {
		name                 string
		passed               time.Duration
		process, machine     time.Duration
		wantCPU, wantMachine float64
		wantRSS              int64
	}{
		{"half a core of two", time.Second, 500 * time.Millisecond, 2 * time.Second, 0.5, 2, 2},
		{"too soon: as before", 100 * time.Millisecond, 100 * time.Millisecond, 0, 0.5, 2, 2},
		{"the time that was too short counts", 900 * time.Millisecond, 100 * time.Millisecond, time.Second, 0.2, 1, 3},
		{"idle", 2 * time.Second, 0, 0, 0, 0, 4},
		{"a counter that went back is no share", time.Second, -time.Second, -time.Second, 0, 0, 5},
	} {
		m.at = m.at.Add(step.passed)
		m.total.process += step.process
		m.total.machine += step.machine
		got := s.Sample()
		if math.Abs(got.CPU-step.wantCPU) > 1e-9 || math.Abs(got.MachineCPU-step.wantMachine) > 1e-9 || got.RSSBytes != step.wantRSS {
			t.Errorf("%s: %+v; want %v and %v of the processor, %d bytes", step.name, got, step.wantCPU, step.wantMachine, step.wantRSS)
		}
		if got.Cores != runtime.NumCPU() {
			t.Errorf("%s: %d cores; want %d", step.name, got.Cores, runtime.NumCPU())
		}
	}
}

func TestFreeBytesOfWhatDoesNotExistYet(t *testing.T) {
	dir := t.TempDir()
	there, err := FreeBytes(dir)
	if err != nil || there <= 0 {
		t.Fatalf("FreeBytes(%s) = %d, %v", dir, there, err)
	}
	later, err := FreeBytes(filepath.Join(dir, "not", "yet", "here.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	// Others write on the volume meanwhile.
	if diff := there - later; diff > 1<<30 || diff < -1<<30 {
		t.Errorf("%d bytes below the folder, %d in it", later, there)
	}
	if _, err := FreeBytes(string([]byte{'/', 0})); err == nil {
		t.Error("a path with a zero byte has free space")
	}
	if wd, err := os.Getwd(); err != nil {
		t.Fatal(err)
	} else if n, err := FreeBytes("."); err != nil || n <= 0 {
		t.Errorf("FreeBytes of the current folder %s: %d, %v", wd, n, err)
	}
}
