package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// displaySize is the screen of the rows with a window: a small laptop's.
const displaySize = "1366x768x24"

// display is an X server without a screen, on a display number that was free.
type display struct {
	cmd    *exec.Cmd
	number string
	dir    string // of memory, removed at the end
	memory string // the file that its picture is in
}

// startDisplay starts Xvfb; it chooses its number itself and writes it to the pipe it
// is given (-displayfd, Xserver(1)).
func startDisplay(ctx context.Context) (*display, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("the display's pipe: %w", err)
	}
	defer r.Close()
	dir, err := os.MkdirTemp("", "crosspoint-display-")
	if err != nil {
		_ = w.Close() // nobody has it
		return nil, fmt.Errorf("the display's folder: %w", err)
	}
	cmd := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", displaySize, "-fbdir", dir, "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	cmd.WaitDelay = stopGrace
	err = cmd.Start()
	_ = w.Close() // the server has its own
	if err != nil {
		_ = os.RemoveAll(dir) // empty
		return nil, fmt.Errorf("the rows with a window need Xvfb (packaging/apt.sh test installs it): %w", err)
	}
	d := &display{cmd: cmd, dir: dir, memory: filepath.Join(dir, "Xvfb_screen0")}
	_ = r.SetReadDeadline(time.Now().Add(stopGrace)) // a pipe takes one; if not, reading still ends with the server
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("Xvfb did not say which display it is: %w", err)
	}
	d.number = ":" + strings.TrimSpace(line)
	return d, nil
}

// env is what a program needs to find the display; dir takes its settings, so that the
// user's are neither used nor changed.
func (d *display) env(dir string) []string {
	return []string{"DISPLAY=" + d.number, "WAYLAND_DISPLAY=", "XDG_CONFIG_HOME=" + dir, "XDG_STATE_HOME=" + dir}
}

// cpu is the server's processor time so far in seconds; 0 of none.
func (d *display) cpu() float64 {
	if d == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return statCPU(string(b))
}

// statCPU is utime and stime of /proc/PID/stat (proc(5)), in seconds. The program's
// name in parentheses may hold anything.
func statCPU(stat string) float64 {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return (user + system) / ticksPerSecond
}

// Close ends the server and waits for it.
func (d *display) Close() {
	_ = d.cmd.Process.Signal(os.Interrupt) // it may have ended
	_ = d.cmd.Wait()                       // how it ended does not matter
	_ = os.RemoveAll(d.dir)                // a temporary folder
}
