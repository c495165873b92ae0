package testkit

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Resources are what a process holds at one moment.
type Resources struct {
	Goroutines, Files int
	RSS               int64 // bytes, after a garbage collection that gave memory back
}

func (r Resources) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MB resident", r.Goroutines, r.Files, float64(r.RSS)/1e6)
}

// Measure takes this process's resources.
func Measure(t testing.TB) Resources {
	t.Helper()
	// Twice: what the first run's finalizers drop, the second collects.
	runtime.GC()
	debug.FreeOSMemory()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	r := Resources{Goroutines: runtime.NumGoroutine(), Files: len(entries)}
	for line := range bytes.Lines(status) {
		if rest, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.RSS = kb << 10
		}
	}
	if r.RSS == 0 {
		t.Fatal("the system does not say how much memory is resident")
	}
	return r
}

// Settles waits until goroutines and files are back at before, at most limit, and
// checks that and that the resident memory has not grown by more than slack bytes. The
// last measurement is returned.
func Settles(t testing.TB, before Resources, slack int64, limit time.Duration) Resources {
	t.Helper()
	now := Measure(t)
	back := func() bool { return now.Goroutines <= before.Goroutines && now.Files <= before.Files }
	for deadline := time.Now().Add(limit); !back() && time.Now().Before(deadline); now = Measure(t) {
		<-time.After(100 * time.Millisecond)
	}
	if now.Goroutines > before.Goroutines {
		var stacks bytes.Buffer
		buf := make([]byte, 1<<20)
		stacks.Write(buf[:runtime.Stack(buf, true)])
		t.Errorf("%d goroutines, %d before:\n%s", now.Goroutines, before.Goroutines, stacks.String())
	}
	if now.Files > before.Files {
		t.Errorf("%d open files, %d before", now.Files, before.Files)
	}
	if grown := now.RSS - before.RSS; grown > slack {
		t.Errorf("resident memory has grown by %.1f MB, from %.1f MB", float64(grown)/1e6, float64(before.RSS)/1e6)
	}
	return now
}
