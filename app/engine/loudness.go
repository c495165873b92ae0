package engine

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

func (c ResetLoudness) apply(e *Engine) error {
	found := c.Bus == ""
	for _, b := range e.desk.mixer.Buses() {
		if c.Bus == "" || b.ID() == c.Bus {
			b.ResetLoudness()
			found = true
		}
	}
	if !found {
		return fmt.Errorf("there is no bus %q", c.Bus)
	}
	return nil
}

// loudnessHeader is the first line of a loudness log. Time is studio time; M, S and I are
// in LUFS, LRA in LU, TP the highest true peak so far in dBTP; what has not been measured
// yet is empty.
const loudnessHeader = "time,bus,M,S,I,LRA,TP\n"

// loudnessBacklog is how many seconds of the log may wait for the disk; what finds it full
// is left out and counted.
const loudnessBacklog = 60

// loudnessWait is how long the end of a show in real time waits for the log's disk.
const loudnessWait = 5 * time.Second

// loudnessLog writes every bus's loudness once a second of studio time. The tick hands
// lines over; a goroutine of its own writes them, for a disk may be slow.
type loudnessLog struct {
	lines chan []byte
	done  chan struct{}
	err   error // of writing; valid once done is closed
	lost  int   // of the tick goroutine; seconds left out
}

func startLoudnessLog(w io.Writer) *loudnessLog {
	l := &loudnessLog{lines: make(chan []byte, loudnessBacklog), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		if _, l.err = io.WriteString(w, loudnessHeader); l.err != nil {
			l.err = fmt.Errorf("engine: loudness log: %w", l.err)
		}
		for b := range l.lines {
			if l.err != nil {
				continue // the tick goes on handing over
			}
			if _, err := w.Write(b); err != nil {
				l.err = fmt.Errorf("engine: loudness log: %w", err)
			}
		}
	}()
	return l
}

// close waits until everything is written, for wait at the most; 0 is as long as it takes.
func (l *loudnessLog) close(wait time.Duration) error {
	close(l.lines)
	var enough <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		enough = t.C
	}
	select {
	case <-l.done:
	case <-enough:
		return fmt.Errorf("engine: loudness log: the disk does not answer; its last %d seconds are missing", len(l.lines)+1)
	}
	if l.err == nil && l.lost > 0 {
		return fmt.Errorf("engine: loudness log: the disk was too slow; %d seconds are left out", l.lost)
	}
	return l.err
}

// logLoudness hands over the lines of the second that this tick ends; nothing otherwise.
func (e *Engine) logLoudness() {
	now, last := media.TickTime(e.tick+1, e.fps), media.TickTime(e.tick, e.fps)
	if e.loudness == nil || now/time.Second == last/time.Second {
		return
	}
	var b []byte
	for _, bus := range e.desk.mixer.Buses() {
		r := bus.Loudness()
		s := int(now / time.Second)
		b = fmt.Appendf(b, "%d:%02d:%02d,%s", s/3600, s/60%60, s%60, bus.ID())
		for _, v := range []float64{r.MomentaryLUFS, r.ShortTermLUFS, r.IntegratedLUFS, r.RangeLU, r.MaxTruePeakDB} {
			b = append(b, ',')
			if !math.IsInf(v, 0) {
				b = strconv.AppendFloat(b, v, 'f', 1, 64)
			}
		}
		b = append(b, '\n')
	}
	if e.clock.Virtual() {
		e.loudness.lines <- b // nothing is lost there, whatever the disk takes
		return
	}
	select {
	case e.loudness.lines <- b:
	default:
		e.loudness.lost++
	}
}
