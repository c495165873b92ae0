package host

import (
	"bytes"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is what /proc/stat counts in: USER_HZ, 100 on every Linux that Go runs on
// (proc(5), time(7)).
const clockTick = time.Second / 100

// probe keeps the files of /proc open: opening is most of what a look costs.
type probe struct {
	statm, stat *os.File // nil: not there
	buf         [512]byte
}

func newProbe() *probe {
	p := &probe{}
	// Without /proc (a bare chroot) what it would tell is unknown.
	p.statm, _ = os.Open("/proc/self/statm")
	p.stat, _ = os.Open("/proc/stat")
	return p
}

func (p *probe) close() error { return errors.Join(closed(p.statm), closed(p.stat)) }

func closed(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

func (p *probe) read(f *Figures) usage {
	var u usage
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.process = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		f.Load = float64(info.Loads[0]) / (1 << 16) // SI_LOAD_SHIFT
		f.MemoryBytes = int64(info.Totalram) * int64(info.Unit)
	}
	if line := p.line(p.statm); line != nil {
		// size resident shared …, in pages (proc_pid_statm(5)).
		_, rest := number(line)
		resident, _ := number(rest)
		f.RSSBytes = resident * int64(os.Getpagesize())
	}
	if line, ok := bytes.CutPrefix(p.line(p.stat), []byte("cpu ")); ok {
		// user nice system idle iowait irq softirq steal …, of which guest time is
		// a part of user (proc_stat(5)).
		for i := range 8 {
			var n int64
			if n, line = number(line); i != 3 && i != 4 {
				u.machine += time.Duration(n) * clockTick
			}
		}
	}
	return u
}

// line is the first line of a file of /proc, valid until the next call.
func (p *probe) line(f *os.File) []byte {
	if f == nil {
		return nil
	}
	n, err := f.ReadAt(p.buf[:], 0)
	if n == 0 && err != nil {
		return nil
	}
	line, _, _ := bytes.Cut(p.buf[:n], []byte{'\n'})
	return line
}

// number reads a decimal number after spaces.
func number(b []byte) (n int64, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		n = n*10 + int64(b[i]-'0')
	}
	return n, b[i:]
}
