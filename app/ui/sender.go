package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
)

// senderDepth is how many commands may wait. Nobody presses that fast; a full
// queue means that the engine does not answer.
const senderDepth = 64

// sender carries commands from Fyne's goroutine to the engine in order. Moves of one
// control (a fader, the T-bar) that wait are replaced by the newest.
type sender struct {
	do     func(engine.Command) error
	failed func(string) // called on the sender's goroutine with a sentence
	// carried is called on the sender's goroutine after every command; it must not block.
	carried func()
	// state is the studio's newest; nil in tests that have none.
	state func() *engine.State

	wake chan struct{}
	mu   sync.Mutex // guards what follows
	// queue holds at most senderDepth commands; more are refused and failed is told.
	queue []pending
	// carrying: a command is with the engine. after is the state right after the last one.
	carrying bool
	after    *engine.State
}

type pending struct {
	key string // of a continuous control; "" is never merged
	cmd engine.Command
	// answered, not nil, is called once, on any goroutine, when the command was carried out,
	// or with why it never will be; it must not block.
	answered func(error)
	// needs is how many of the commands right before it have to have been carried out; else it
	// is left out without a word: why they were refused is what is to be read.
	needs int
}

func (p *pending) answer(err error) {
	if p.answered != nil {
		p.answered(err)
	}
}

// errNotSent is the answer to commands that never reach the engine: another took their
// place, there was no room, or what they need was refused.
var errNotSent = errors.New("ui: the command was not sent")

func newSender(do func(engine.Command) error, failed func(string)) *sender {
	return &sender{do: do, failed: failed, carried: func() {}, state: func() *engine.State { return nil }, wake: make(chan struct{}, 1)}
}

// send queues a command; it never blocks. Commands with the same key, not "", merge.
func (s *sender) send(key string, cmd engine.Command, answered func(error)) {
	s.queued(pending{key: key, cmd: cmd, answered: answered})
}

// sendAfter is send for a command that makes no sense unless the last needs commands that were
// sent are carried out.
func (s *sender) sendAfter(needs int, cmd engine.Command, answered func(error)) {
	s.queued(pending{cmd: cmd, answered: answered, needs: needs})
}

func (s *sender) queued(p pending) {
	if !s.put(p) {
		p.answer(errNotSent)
		s.failed("The studio does not answer; the last command was not carried out.")
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sender) put(p pending) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.key != "" {
		for i := range s.queue {
			if s.queue[i].key == p.key {
				s.queue[i].answer(errNotSent)
				s.queue[i] = p
				return true
			}
		}
	}
	if len(s.queue) >= senderDepth {
		return false
	}
	s.queue = append(s.queue, p)
	return true
}

func (s *sender) take() (pending, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carrying = len(s.queue) > 0
	if !s.carrying {
		return pending{}, false
	}
	p := s.queue[0]
	s.queue = append(s.queue[:0], s.queue[1:]...)
	return p, true
}

// run carries commands until ctx ends.
func (s *sender) run(ctx context.Context) {
	inRow := 0 // commands since the last that was refused
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for ctx.Err() == nil {
			p, ok := s.take()
			if !ok {
				break
			}
			if p.needs > inRow {
				p.answer(errNotSent)
				inRow = 0
				continue
			}
			err := s.do(p.cmd)
			p.answer(err)
			if inRow++; err != nil {
				inRow = 0
			}
			if err != nil && ctx.Err() == nil {
				s.failed(said(err))
			}
			s.applied(s.state())
			s.carried()
		}
	}
}

func (s *sender) applied(now *engine.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = now
}

// settled reports whether every command has been carried out and the state shows it: the
// engine has answered before it publishes the state of that tick.
func (s *sender) settled() bool {
	now := s.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) == 0 && !s.carrying && (s.after == nil || s.after != now)
}

// await blocks until everything is settled, but no longer than limit.
func (s *sender) await(limit time.Duration) {
	tick := time.NewTicker(pollHurry)
	defer tick.Stop()
	over := time.NewTimer(limit)
	defer over.Stop()
	for !s.settled() {
		select {
		case <-tick.C:
		case <-over.C:
			return
		}
	}
}
