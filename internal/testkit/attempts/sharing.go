package attempts

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// shared is the share above which processors count as shared: of all of them that others
// had, and of the time that threads of this process waited for one. Both are below 0.05 on a
// machine that does nothing else; there a test whose own threads wait for one another is not
// excused, and beside something that does not take from it neither.
const shared = 0.2

// jiffy is the unit of times in /proc/stat and /proc/PID/stat (USER_HZ).
const jiffy = 10 * time.Millisecond

// sharing measures what a neighbour took from a test since begin: the time for which others
// than this process and its descendants had a processor, and for which threads of this
// process could run and had none. Where there is no /proc both are 0.
type sharing struct {
	mu      sync.Mutex
	began   time.Time                // guarded by mu
	others  time.Duration            // guarded by mu; at the beginning
	idle    time.Duration            // guarded by mu; of all processors, at the beginning
	waits   map[string]time.Duration // guarded by mu; by thread, when last looked at
	waiting time.Duration            // guarded by mu; since the beginning
}

func (s *sharing) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.waits, s.waiting = time.Now(), threadWaits(), 0
	s.others, _ = othersHad()
	s.idle, _ = idleFor()
}

// full says that hardly a processor was idle, whoever had them, or nothing.
func (s *sharing) full() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle, processors := idleFor()
	return fullText(time.Since(s.began), idle-s.idle, processors)
}

// spare is the share of a machine's processors that has to be idle for it not to be full.
const spare = 0.15

func fullText(took, idle time.Duration, processors int) string {
	share := float64(idle) / float64(took) / float64(max(processors, 1))
	if processors == 0 || share >= spare {
		return ""
	}
	return fmt.Sprintf("the machine's processors were busy for %.0f %% of the time", 100*(1-share))
}

// look adds what threads have waited since the look before. Those that end between two looks
// take the rest of theirs along.
func (s *sharing) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := threadWaits()
	for thread, wait := range now {
		s.waiting += wait - s.waits[thread]
	}
	s.waits = now
}

// excuse says what neighbours had and what it cost, or nothing if that was little.
func (s *sharing) excuse() string {
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	others, processors := othersHad()
	return sharedText(time.Since(s.began), others-s.others, s.waiting, processors)
}

func sharedText(took, others, waiting time.Duration, processors int) string {
	had, waited := float64(others)/float64(took)/float64(processors), float64(waiting)/float64(took)
	if processors == 0 || had < shared || waited < shared {
		return ""
	}
	return fmt.Sprintf("others had %.0f %% of the machine's processors, and this process's threads waited %.1f s a second for one", 100*had, waited)
}

const (
	// calmFor is how long others have to leave the machine alone before it is calm.
	calmFor = 2 * time.Second
	// calmWithin is how long all tests of a process together wait for that.
	calmWithin = 4 * time.Minute
)

// waitedForCalm is how long tests of this process have waited for calm, in nanoseconds.
var waitedForCalm atomic.Int64

// awaitCalm waits until others have left the machine to this process for calmFor, so that not
// every try falls into what a neighbour does for a minute, while there is something left of
// calmWithin.
func awaitCalm() {
	for waitedForCalm.Load() < int64(calmWithin) {
		before, processors := othersHad()
		time.Sleep(calmFor) // this looks at time passing
		waitedForCalm.Add(int64(calmFor))
		after, _ := othersHad()
		if processors == 0 || float64(after-before) < shared*float64(processors)*float64(calmFor) {
			return
		}
	}
}

// othersHad is for how long others than this process and its descendants, hosts of the
// machine included (steal), have had one of the processors. What the kernel did in interrupts is
// of nobody.
func othersHad() (had time.Duration, processors int) {
	total, processors := processorTimes()
	if processors == 0 {
		return 0, 0
	}
	return jiffies(total[0], total[1], total[2], total[7]) - familyHad(), processors
}

// idleFor is for how long processors have been idle, all of them together.
func idleFor() (idle time.Duration, processors int) {
	total, processors := processorTimes()
	if processors == 0 {
		return 0, 0
	}
	return jiffies(total[3], total[4]), processors
}

// processorTimes are those of all processors together: user, nice, system, idle, iowait, irq,
// softirq, steal (proc_stat(5)). Without /proc there are none.
func processorTimes() (total []string, processors int) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil, 0
	}
	for line := range strings.Lines(string(text)) {
		switch fields := strings.Fields(line); {
		case len(fields) > 8 && fields[0] == "cpu":
			total = fields[1:]
		case total != nil && strings.HasPrefix(line, "cpu"):
			processors++
		}
	}
	return total, processors
}

// familyHad is for how long this process, its descendants and those of them that have been
// waited for have had a processor.
func familyHad() time.Duration {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	had := make(map[int]time.Duration, len(stats))
	parent := make(map[int]int, len(stats))
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// proc_pid_stat(5): the name in parentheses may have spaces; then state, ppid,
		// and from the 12th utime stime cutime cstime
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || len(fields) < 15 {
			continue
		}
		parent[pid], _ = strconv.Atoi(fields[1]) // the kernel wrote it
		had[pid] = jiffies(fields[11:15]...)
	}
	self := os.Getpid()
	var all time.Duration
	for pid, t := range had {
		for at := pid; at > 1; at = parent[at] {
			if at == self {
				all += t
				break
			}
		}
	}
	return all
}

func jiffies(fields ...string) (sum time.Duration) {
	for _, field := range fields {
		n, _ := strconv.ParseInt(field, 10, 64) // the kernel wrote it
		sum += time.Duration(n) * jiffy
	}
	return sum
}

// threadWaits is for how long each thread of this process could run and had no processor
// since it was made.
func threadWaits() map[string]time.Duration {
	names, _ := filepath.Glob("/proc/self/task/*/schedstat") // the pattern is right
	waits := make(map[string]time.Duration, len(names))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// sched-stats.rst: time on a processor, time waited for one (ns), times run
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel wrote it
			waits[name] = time.Duration(ns)
		}
	}
	return waits
}
