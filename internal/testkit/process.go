package testkit

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program finds one of FFmpeg's programs, beside the libraries that the tests are
// built with where they are.
func Program(t testing.TB, name string) string {
	t.Helper()
	dirs := []string{os.Getenv("CROSSPOINT_FFMPEG_BIN")}
	for dir := range strings.SplitSeq(os.Getenv("PKG_CONFIG_PATH"), ":") {
		if dir != "" {
			dirs = append(dirs, filepath.Join(dir, "..", "..", "bin"))
		}
	}
	for _, dir := range dirs {
		p := filepath.Join(dir, name)
		if _, err := os.Stat(p); dir != "" && err == nil {
			return p
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed (packaging/apt.sh test): %v", name, err)
	}
	return p
}

// Process is another program under the test's control.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid once done is closed

	mu  sync.Mutex
	out bytes.Buffer // guarded by mu
}

// Write implements io.Writer for what the program says.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Output is what the program has said so far, on both channels.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// Start runs a program until the test ends at the latest. What it said is logged
// when the test fails. prepare may change the command; nil does not.
func Start(t testing.TB, prepare func(*exec.Cmd), name string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if prepare != nil {
		prepare(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s is needed for this test (packaging/apt.sh test): %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Thaw()
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), p.Output())
		}
	})
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once, as kill -9 does, and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// Freeze stops the process from running (SIGSTOP); Thaw lets it go on.
func (p *Process) Freeze() { p.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() { p.Signal(syscall.SIGCONT) }

// Signal sends s; to a process that has ended it does nothing.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s) // it may be ending right now
	}
}

// Wait waits for the process's own end and returns its exit status; the test fails
// if that takes longer than limit.
func (p *Process) Wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		p.t.Fatalf("%s still runs after %v; it said:\n%s", filepath.Base(p.cmd.Path), limit, p.Output())
		return -1
	}
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// AwaitPort waits until something on this machine accepts TCP connections at port.
func AwaitPort(t testing.TB, port int) {
	t.Helper()
	Eventually(t, time.Minute, fmt.Sprintf("nothing listens at port %d", port), func() bool {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err != nil {
			return false
		}
		_ = c.Close() // only whether it answers was wanted
		return true
	})
}

// Eventually waits until ok, looking every 20 ms; after limit the test fails with
// complaint.
func Eventually(t testing.TB, limit time.Duration, complaint string, ok func() bool) {
	t.Helper()
	if !Within(limit, ok) {
		t.Fatalf("after %v: %s", limit, complaint)
	}
}

// Within waits until ok, looking every 20 ms, and reports whether that came within
// limit.
func Within(limit time.Duration, ok func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-deadline.C:
			return ok()
		}
	}
	return true
}
