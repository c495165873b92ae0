package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what one run of a program cost.
type usage struct {
	CPUSeconds float64 `json:"cpu_s"`  // user and system, of the program and what it waited for
	WallSecond float64 `json:"wall_s"` // from start to end
	PeakRSSMB  float64 `json:"peak_rss_mb"`
	// FirstFrameMS is from the start to the first programme picture, as the engine tells
	// it; 0 where it does not.
	FirstFrameMS float64 `json:"first_frame_ms,omitempty"`
	// FirstByteMS is from the start to the first byte in the output file; 0 when there
	// was none.
	FirstByteMS float64 `json:"first_byte_ms"`
	// OtherCPUSeconds is what the rest of the machine used meanwhile, this program
	// and the receivers in it not counted; StolenSeconds is what the hypervisor gave to others.
	OtherCPUSeconds float64 `json:"other_cpu_s"`
	StolenSeconds   float64 `json:"stolen_s"`
	// BenchCPUSeconds is what this program used: the receivers of case C.
	BenchCPUSeconds float64 `json:"bench_cpu_s"`
	// DisplayCPUSeconds is what the display server of the rows with a window used.
	DisplayCPUSeconds float64 `json:"display_cpu_s,omitempty"`

	began time.Time
	rss   []float64 // resident memory in MB, one a second
	spent []float64 // CPU seconds used by then, one a second
}

// stopGrace is what a program gets to end after SIGTERM.
const stopGrace = 10 * time.Second

// job is one run of a program.
type job struct {
	program   string
	args, env []string
	output    string        // the file whose first byte is waited for
	stopAfter time.Duration // SIGTERM then, and its exit status does not matter; 0: it ends by itself
	display   *display      // whose processor time is not others'; nil: none
	during    func(pid int) // runs beside the program; nil: nothing
}

// warmBytes is how much memory is touched before a program starts; no case but those of
// many sources takes more.
const warmBytes = 768 << 20

// warm touches memory and gives it back. A hypervisor hands a machine's free memory over when it
// is first written to, at the cost of whichever program does that: the one that comes
// first would pay for the one that comes after it.
func warm() error {
	m, err := unix.Mmap(-1, 0, warmBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("touch %d MB of memory: %w", warmBytes>>20, err)
	}
	for i := 0; i < len(m); i += os.Getpagesize() {
		m[i] = 1
	}
	if err := unix.Munmap(m); err != nil {
		return fmt.Errorf("give memory back: %w", err)
	}
	return nil
}

// run starts a program, waits for it, and measures. What the program says on stderr is
// in the error only.
func run(ctx context.Context, j job) (usage, error) {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(limited, j.program, j.args...)
	cmd.Env = append(os.Environ(), j.env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := warm(); err != nil {
		return usage{}, err
	}
	before, err := readHost()
	if err != nil {
		return usage{}, err
	}
	self, shown := ownCPU(), j.display.cpu()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("start %s: %w", j.program, err)
	}
	if j.stopAfter > 0 {
		defer time.AfterFunc(j.stopAfter, cancel).Stop()
	}
	ended := make(chan struct{})
	watched := make(chan watch, 1)
	go func() { watched <- watchProcess(cmd.Process.Pid, j.output, began, ended) }()
	if j.during != nil {
		go j.during(cmd.Process.Pid)
	}
	err = cmd.Wait()
	wall := time.Since(began)
	close(ended)
	w := <-watched
	if err != nil && (j.stopAfter == 0 || ctx.Err() != nil) {
		return usage{}, fmt.Errorf("%s: %w: %s", j.program, err, lastLines(said.String(), 5))
	}
	after, err := readHost()
	if err != nil {
		return usage{}, err
	}
	u := usage{
		CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		WallSecond: wall.Seconds(), PeakRSSMB: w.peakRSSMB, FirstByteMS: float64(w.firstByte) / 1e6,
		BenchCPUSeconds: ownCPU() - self, StolenSeconds: after.stolen - before.stolen,
		DisplayCPUSeconds: j.display.cpu() - shown, began: began, rss: w.rss, spent: w.spent,
	}
	u.OtherCPUSeconds = max(0, after.busy-before.busy-u.CPUSeconds-u.BenchCPUSeconds-u.DisplayCPUSeconds)
	return u, nil
}

type watch struct {
	peakRSSMB float64
	firstByte time.Duration
	rss       []float64
	spent     []float64
}

// watchProcess looks for the first byte in output, and at the process's peak memory,
// until ended. The kernel's VmHWM is the peak of this program alone; wait4's ru_maxrss
// of a new process begins with the peak of the one that started it (setmax_mm_hiwater_rss
// in Linux's exec_mmap), which here is this one.
func watchProcess(pid int, output string, began time.Time, ended <-chan struct{}) watch {
	var w watch
	memory := time.NewTicker(250 * time.Millisecond)
	defer memory.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if s, err := os.Stat(output); err == nil && s.Size() > 0 {
				w.firstByte = time.Since(began)
				look.Stop()
			}
		case <-memory.C:
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
				w.peakRSSMB = max(w.peakRSSMB, memoryMB(string(status), "VmHWM"))
				if n := int(time.Since(began) / time.Second); n > len(w.rss) {
					w.rss = append(w.rss, memoryMB(string(status), "VmRSS"))
					w.spent = append(w.spent, spentBy(pid))
				}
			}
		case <-ended:
			return w
		}
	}
}

// spentBy is the CPU time that a process has used, in seconds; 0 when it is gone.
func spentBy(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return parseSpent(string(stat))
}

// parseSpent reads utime and stime of /proc/PID/stat (proc(5)), whose second field is a name in
// parentheses that may hold anything; 0 when they are not there.
func parseSpent(stat string) float64 {
	const utime, stime = 11, 12 // behind the name
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= stime {
		return 0
	}
	user, err := strconv.ParseFloat(fields[utime], 64)
	system, err2 := strconv.ParseFloat(fields[stime], 64)
	if err != nil || err2 != nil {
		return 0
	}
	return (user + system) / ticksPerSecond
}

// later is the CPU time used from second on; 0 where that is not known.
func (u usage) later(second int) float64 {
	if second < 1 || len(u.spent) < second || u.spent[second-1] == 0 {
		return 0
	}
	return u.CPUSeconds - u.spent[second-1]
}

// memoryMB finds a measure of memory in /proc/PID/status, in MB (2^20).
func memoryMB(status, name string) float64 {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			if err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}

// host is the whole machine's CPU time since it started, in seconds.
type host struct{ busy, stolen float64 }

func readHost() (host, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return host{}, fmt.Errorf("the machine's load: %w", err)
	}
	return parseHost(string(b))
}

// ticksPerSecond is USER_HZ, which Linux fixes at 100 towards programs.
const ticksPerSecond = 100

// parseHost reads the first line of /proc/stat (proc(5)): user nice system idle iowait
// irq softirq steal.
func parseHost(stat string) (host, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return host{}, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var v [8]float64
	for i := range v {
		n, err := strconv.ParseFloat(fields[1+i], 64)
		if err != nil {
			return host{}, fmt.Errorf("/proc/stat: %w", err)
		}
		v[i] = n / ticksPerSecond
	}
	return host{busy: v[0] + v[1] + v[2] + v[5] + v[6], stolen: v[7]}, nil
}

// idle is the share of all processors that others may use on a quiet machine.
const idle = 0.08

// waitQuiet waits until the machine is quiet for two seconds on end, at most limit.
func waitQuiet(ctx context.Context, limit time.Duration) error {
	const stretch = 2 * time.Second
	for until := time.Now().Add(limit); time.Now().Before(until); {
		before, err := readHost()
		if err != nil {
			return err
		}
		t := time.NewTimer(stretch)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		after, err := readHost()
		if err != nil {
			return err
		}
		used := after.busy + after.stolen - before.busy - before.stolen
		if used < idle*stretch.Seconds()*float64(runtime.NumCPU()) {
			return nil
		}
	}
	return nil
}

// ownCPU is this program's CPU time in seconds, programs it started left out.
func ownCPU() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// lastLines are the last n lines of a text that are not empty, on one line.
func lastLines(text string, n int) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
