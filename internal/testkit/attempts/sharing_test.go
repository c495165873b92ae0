package attempts

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What others have, and what this process waits for, excuse a failure only together.
func TestSharedText(t *testing.T) {
	for _, c := range []struct {
		name            string
		others, waiting time.Duration
		processors      int
		want            bool
	}{
		{"a quiet machine", 300 * time.Millisecond, 100 * time.Millisecond, 2, false},
		{"a test that fills a quiet machine", 600 * time.Millisecond, 40 * time.Second, 2, false},
		{"a neighbour beside whom there is room", 9 * time.Second, 500 * time.Millisecond, 2, false},
		{"a neighbour on one of sixteen", 10 * time.Second, 4 * time.Second, 16, false},
		{"other tests at the same time", 9 * time.Second, 8 * time.Second, 2, true},
		{"where nothing is measured", 0, 0, 0, false},
	} {
		if text := sharedText(10*time.Second, c.others, c.waiting, c.processors); (text != "") != c.want {
			t.Errorf("%s: %q, excused should be %v", c.name, text, c.want)
		}
	}
}

// busy works on every processor for a second.
func busy() {
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for began := time.Now(); time.Since(began) < time.Second; {
			}
		})
	}
	all.Wait()
}

// loops has a shell start as many processes as there are processors, which need one each
// until the test ends, and then do more. Those of a shell that ends at once are not
// descendants of this process.
func loops(t *testing.T, more string) *exec.Cmd {
	t.Helper()
	shell := exec.Command("sh", "-c", "ulimit -t 20; for i in $(seq $0); do (while :; do :; done) & done; "+more, strconv.Itoa(runtime.NumCPU()))
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Kill(-shell.Process.Pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		_ = shell.Wait() // it was killed, or has been waited for
	})
	return shell
}

// A try beside others on all processors is excused, without a stall.
func TestNeighboursExcuse(t *testing.T) {
	if err := loops(t, "exit 0").Wait(); err != nil {
		t.Fatal(err)
	}
	_, excuse := attempt(t, func(a *T) {
		busy()
		if text := a.sharing.excuse(); !strings.HasPrefix(text, "others had") {
			t.Errorf("beside as many others as there are processors: %q", text)
		}
		a.Error("too late")
	})
	if excuse == "" {
		t.Error("a try beside others is not excused")
	}
}

// What the processes that a test has started take is its own.
func TestOwnProcessesAreNoNeighbours(t *testing.T) {
	before := familyHad()
	loops(t, "wait")
	const want = 300 * time.Millisecond
	for began := time.Now(); familyHad()-before < want; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("children that need all processors are counted with %v, want %v", familyHad()-before, want)
		}
	}
}

// A machine is full when less than a seventh of it is idle.
func TestFullText(t *testing.T) {
	for _, c := range []struct {
		idle       time.Duration
		processors int
		want       string
	}{
		{3 * time.Second, 2, ""},
		{2 * time.Second, 2, "the machine's processors were busy for 90 % of the time"},
		{2 * time.Second, 1, ""},
		{0, 0, ""},
	} {
		if got := fullText(10*time.Second, c.idle, c.processors); got != c.want {
			t.Errorf("idle for %v of 10 s on %d processors: %q, want %q", c.idle, c.processors, got, c.want)
		}
	}
	if idle, processors := idleFor(); runtime.GOOS == "linux" && (idle <= 0 || processors < 1) {
		t.Errorf("%d processors have been idle for %v", processors, idle)
	}
}

// Between two tries is a time in which others leave the machine alone, if that comes soon.
func TestAwaitCalm(t *testing.T) {
	const busyFor = 5 * time.Second
	leaveForCalm(t, 20*time.Second)
	shell := exec.Command("sh", "-c", "for i in $(seq $0); do (exec timeout $1 sh -c 'while :; do :; done') & done; exit 0", strconv.Itoa(runtime.NumCPU()), strconv.Itoa(int(busyFor/time.Second)))
	if err := shell.Run(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	awaitCalm()
	if took := time.Since(began); took < busyFor-calmFor/2 {
		t.Errorf("calm after %v, beside programs that take every processor for %v", took, busyFor)
	}
}

// leaveForCalm is how long tests may wait for calm from now on, until t ends.
func leaveForCalm(t *testing.T, d time.Duration) {
	had := waitedForCalm.Swap(int64(calmWithin - d))
	t.Cleanup(func() { waitedForCalm.Store(had) })
}
