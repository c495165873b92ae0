//go:build linux

package priority

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// niceOf is a thread's.
func niceOf(t *testing.T, tid int) int {
	t.Helper()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - raw
}

// TestFirst: the thread is raised, and it alone; it ends with its goroutine.
func TestFirst(t *testing.T) {
	usual := niceOf(t, unix.Gettid())
	type raised struct {
		tid, nice int
		err       error
	}
	got := make(chan raised)
	go func() {
		told := make(chan error, 1)
		First(func(err error) { told <- err })
		r := raised{tid: unix.Gettid(), err: <-told}
		if raw, err := unix.Getpriority(unix.PRIO_PROCESS, r.tid); err == nil {
			r.nice = 20 - raw
		}
		got <- r
	}()
	r := <-got
	if r.err != nil {
		t.Logf("nobody may raise a thread here: %v", r.err)
	} else if r.nice != firstNice {
		t.Errorf("told that it is raised, and its nice is %d, want %d", r.nice, firstNice)
	}
	for range 200 { // goroutines on as many threads as there are
		if tid := unix.Gettid(); tid == r.tid || niceOf(t, tid) != usual {
			t.Fatalf("a goroutine of somebody else's runs on thread %d with nice %d", tid, niceOf(t, tid))
		}
		runtime.Gosched()
	}
	// The first thread of a process cannot end before it: the runtime puts it aside.
	for i := 0; r.tid != unix.Getpid() && unix.Tgkill(unix.Getpid(), r.tid, 0) == nil; i++ {
		if i == 500 {
			t.Fatal("the thread has not ended with its goroutine")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kit is RealtimeKit as far as it is asked here.
type kit struct {
	mu        sync.Mutex
	refuses   bool   // guarded by mu
	lies      bool   // guarded by mu
	asked     int    // guarded by mu
	meanwhile func() // guarded by mu
}

// be changes k.
func (k *kit) be(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}

// count is how often k was asked.
func (k *kit) count() (n int) {
	k.be(func() { n = k.asked })
	return n
}

// MakeThreadHighPriority is RealtimeKit's.
func (k *kit) MakeThreadHighPriority(thread uint64, priority int32) *dbus.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.meanwhile != nil {
		k.meanwhile()
	}
	if k.refuses {
		return dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{"not today"})
	}
	if !k.lies {
		if err := unix.Setpriority(unix.PRIO_PROCESS, int(thread), int(priority)); err != nil {
			return dbus.MakeFailedError(err)
		}
	}
	return nil
}

// sessionBus starts a message bus in the place of the system's and returns a connection to it.
func sessionBus(t *testing.T) *dbus.Conn {
	t.Helper()
	daemon := exec.CommandContext(t.Context(), "dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Wait() }) // it ends with the test's context
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

// serve has k answer as RealtimeKit, in the place of any other.
func serve(t *testing.T, bus *dbus.Conn, k *kit) {
	t.Helper()
	if err := bus.Export(k, "/org/freedesktop/RealtimeKit1", "org.freedesktop.RealtimeKit1"); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.RequestName("org.freedesktop.RealtimeKit1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

// TestAsk: what a user may not do RealtimeKit does.
func TestAsk(t *testing.T) {
	bus := sessionBus(t)
	raises := ""
	if unix.Geteuid() != 0 { // the service here is of this process, and may no more than it
		raises = "RealtimeKit: "
	}
	self := make(chan struct{})
	for _, c := range []struct {
		name string
		kit  *kit
		want string // of the error
	}{
		{"none there", nil, "RealtimeKit: "},
		{"refused", &kit{refuses: true}, "not today"},
		{"nothing done", &kit{lies: true}, "has not raised"},
		{"raised", &kit{}, raises},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.kit != nil {
				serve(t, bus, c.kit)
			}
			tid := make(chan int)
			go func() {
				runtime.LockOSThread() // a thread of its own, which ends with it
				tid <- unix.Gettid()
				<-self
			}()
			err := ask(<-tid, firstNice)
			self <- struct{}{}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
