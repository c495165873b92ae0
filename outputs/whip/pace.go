package whip

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// burst is how many packets of a large picture leave together: about 19 kB.
	burst = 16
	// together is how many packets a picture may have to leave at once: 38 kB, every
	// picture of 9 Mb/s at 30 a second but for keyframes. Half a picture's time later,
	// each rest would cost another waking of the process, which is dearer than sending.
	together = 32
	// defaultFrame is the frame time where the track does not tell it.
	defaultFrame = time.Second / 30
)

// pacer sends pictures. Large ones are spread over half a frame's time at most; when
// another picture comes before that, the rest leaves at once. What is to be waited for is
// sent by a timer's goroutine, not by one that would have to be woken for each picture.
type pacer struct {
	fail func(error) // told what goes wrong in the timer's goroutine, once at most

	turn    chan struct{} // holds its one element while nobody sends
	running sync.WaitGroup

	// The rest belongs to whoever has the turn.
	over   bool
	timer  *time.Timer
	round  int // of the timer that counts
	stream *stream
	packet rtp.Packet
	parts  []part
	done   int // of parts
	start  time.Time
	spread time.Duration
}

// newPacer makes one; close has to be called.
func newPacer(fail func(error)) *pacer {
	p := &pacer{fail: fail, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// send sends a picture of s, or the beginning of it; the rest of the last one goes first.
func (p *pacer) send(s *stream, picture *media.Packet) error {
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	if err := p.restLocked(); err != nil {
		return err
	}
	if s.sentOnce && picture.PTS <= s.lastPTS {
		return outputs.Permanent(fmt.Errorf("whip: pictures do not come in display order: choose a rendition without B-frames"))
	}
	s.sentOnce, s.lastPTS = true, picture.PTS
	p.stream, p.packet, p.parts, p.done = s, s.packetOf(picture), s.payload.payloads(picture), 0
	p.start, p.spread = time.Now(), s.frameTime(picture)/2
	if len(p.parts) <= together {
		return p.restLocked()
	}
	return p.dueLocked()
}

// close sends what is left, if anything can be sent, and waits for the timer's goroutine.
func (p *pacer) close() error {
	<-p.turn
	err := p.restLocked()
	p.over = true
	if p.timer != nil && p.timer.Stop() {
		p.running.Done()
	}
	p.turn <- struct{}{}
	p.running.Wait()
	return err
}

// dueLocked sends the bursts whose time has come and sets the timer for the next.
func (p *pacer) dueLocked() error {
	for p.done < len(p.parts) {
		wait := time.Until(p.start.Add(p.spread * time.Duration(p.done) / time.Duration(len(p.parts))))
		if p.done > 0 && wait > 0 {
			p.running.Add(1)
			p.round++
			round := p.round
			p.timer = time.AfterFunc(wait, func() { p.more(round) })
			return nil
		}
		if err := p.writeLocked(burst); err != nil {
			return err
		}
	}
	return nil
}

// more is what the timer calls.
func (p *pacer) more(round int) {
	defer p.running.Done()
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	if p.over || round != p.round {
		return // a new picture was quicker
	}
	p.timer = nil
	if err := p.dueLocked(); err != nil {
		p.over = true
		p.fail(err)
	}
}

// restLocked sends what is left of the picture.
func (p *pacer) restLocked() error {
	if p.timer != nil {
		if p.timer.Stop() {
			p.running.Done()
		}
		p.timer = nil
		p.round++
	}
	for p.done < len(p.parts) {
		if err := p.writeLocked(together); err != nil {
			return err
		}
	}
	return nil
}

func (p *pacer) writeLocked(most int) error {
	end := min(p.done+most, len(p.parts))
	err := p.stream.write(&p.packet, p.parts[p.done:end], end == len(p.parts))
	if p.done = end; err != nil {
		p.done = len(p.parts) // the connection is over
	}
	return err
}

func (s *stream) frameTime(p *media.Packet) time.Duration {
	switch {
	case s.track.FPS.IsSet():
		return media.TickTime(1, s.track.FPS)
	case p.Duration > 0:
		return media.TimeOf(p.Duration, s.track.TimeBase)
	}
	return defaultFrame
}
