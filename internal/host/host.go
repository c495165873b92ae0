// Package host measures what the program takes of the machine it runs on: processor,
// memory, and what is left of a disk.
//
// Threads: a Sampler belongs to one goroutine and starts none; FreeBytes may be
// called by any. Ownership: a Sampler keeps files of /proc open until Close. What
// this package does not do: anything in the background, or limit anything.
package host

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"
)

// leastInterval is the shortest time that a share is measured over: the kernel counts
// processor time in steps of up to 10 ms.
const leastInterval = 200 * time.Millisecond

// Figures are one look at the machine. A figure that the system does not tell is 0.
type Figures struct {
	// CPU is how many cores this process kept busy since the last look: 1 is one core,
	// Cores is all of them.
	CPU float64
	// Cores is how many there are.
	Cores int
	// MachineCPU is how many cores all processes together kept busy.
	MachineCPU float64
	// Load is the machine's load average over a minute: tasks that run or want to.
	Load float64
	// RSSBytes is the memory of this process that is in RAM.
	RSSBytes int64
	// MemoryBytes is the machine's RAM.
	MemoryBytes int64
}

// usage are running totals that shares are made from.
type usage struct {
	process, machine time.Duration // processor time used
}

// Sampler makes Figures from one look to the next.
type Sampler struct {
	now   func() time.Time
	read  func(*Figures) usage
	close func() error
	at    time.Time
	last  usage
	shown Figures
}

// NewSampler starts measuring. The first Sample covers the time since.
func NewSampler() *Sampler {
	p := newProbe()
	return newSampler(time.Now, p.read, p.close)
}

func newSampler(now func() time.Time, read func(*Figures) usage, closer func() error) *Sampler {
	s := &Sampler{now: now, read: read, close: closer, at: now()}
	s.shown.Cores = runtime.NumCPU()
	s.last = s.read(&s.shown)
	return s
}

// Sample looks at the machine; shares are of the time since the last Sample. Called
// again within 200 ms it gives the same Figures. It takes some microseconds, does
// not block and allocates nothing.
func (s *Sampler) Sample() Figures {
	now := s.now()
	passed := now.Sub(s.at)
	if passed < leastInterval {
		return s.shown
	}
	total := s.read(&s.shown)
	s.shown.CPU = share(total.process-s.last.process, passed)
	s.shown.MachineCPU = share(total.machine-s.last.machine, passed)
	s.last, s.at = total, now
	return s.shown
}

// Close gives back what the Sampler keeps open.
func (s *Sampler) Close() error { return s.close() }

func share(used, passed time.Duration) float64 { return max(0, used.Seconds()/passed.Seconds()) }

// FreeBytes is how much this user may still write on the volume that path is on, or
// will be on: of a path that does not exist, the nearest folder above it counts.
func FreeBytes(path string) (int64, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	for {
		n, err := freeBytes(path)
		up := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || up == path {
			return n, err
		}
		path = up
	}
}
