package outputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// What decides a switch where FailoverOptions leave it open.
const (
	ColdStall     = 1800 * time.Millisecond // acknowledgement missing for so long, cold
	HotStall      = 300 * time.Millisecond  // and hot, where changing over costs nothing
	BackAfter     = 10 * time.Second        // of health until an ingest of higher rank is returned to
	ConnectWithin = 5 * time.Second         // or the next ingest is tried beside it
)

// What is too narrow: where something has been dropped for narrowAfter, never more than dropsWithin
// apart, another ingest is tried; and none that was left for that in the last narrowAgain, or a
// line that carries neither would make a destination go back and forth.
const (
	narrowAfter = 30 * time.Second
	dropsWithin = 5 * time.Second
	narrowAgain = 10 * time.Minute
)

// finishWithin is how long an ingest that is not needed any more may take to say goodbye.
const finishWithin = 2 * time.Second

// lookEvery is how often stalls and the times above are looked at.
const lookEvery = 25 * time.Millisecond

// Ingest is one of the places where a destination's stream can go, in the hands of
// Failover. Its Feed part is asked by its own output alone.
type Ingest interface {
	Feed
	// Output is the connection to the ingest, for any number of Runs.
	Output() Output
	// Begin makes the feed deliver from a keyframe on; it comes before the first Run
	// and again after an End.
	Begin()
	// Finish lets Next return io.EOF after what is queued.
	Finish()
	// End says that nothing is asked of the feed until the next Begin.
	End()
	// Lost is how many packets have been dropped because they could not be sent.
	Lost() int64
}

// Switch is a change of the ingest that carries a destination.
type Switch struct {
	From, To int // places in FailoverOptions.Ingests
	Cause    string
}

// FailoverOptions are what Failover works on. Ingests, Names, Counters (one each) and
// Log are required.
type FailoverOptions struct {
	Ingests  []Ingest // by rank: the first is the primary
	Names    []string // of the ingests, for the log
	Counters []*Counters
	// Hot feeds all ingests all the time; otherwise a backup is connected when it
	// is needed.
	Hot bool
	// Drain is SuperviseOptions'.
	Drain bool
	// Stall, BackAfter and ConnectWithin are the constants of their names when zero.
	Stall, BackAfter, ConnectWithin time.Duration
	Policy                          supervise.Policy // Default() when zero
	Log                             *slog.Logger
	Name                            string // the destination's
	// Switched hears of every switch, after it; nil is allowed. It must not block.
	Switched func(Switch)
}

// Failover keeps a destination going over a list of ingests. Each is supervised by
// itself. One is active: the first, until it is in trouble: its connection failed, it
// was refused, it did not come about in time, nothing was acknowledged for
// Stall, or it is too narrow (narrowAfter). Then the best other one that is live becomes
// active, or in cold standby the next one is connected and becomes active at once. What
// failed is tried again beside it, but in cold standby not what is too narrow, since two
// streams would share what is too little for one: that is connected again when it is
// needed. When an ingest of higher rank has been live without a stall or a drop for
// BackAfter it is active again and, in cold standby, those below it say goodbye. That
// overlap is why going back loses nothing.
//
// It returns nil when the feeds ended, or what the active ingest then failed with; ctx's
// error; or, when every ingest has failed for good, the active one's error; all within 5 s
// of ctx's end. With a single ingest it
// is Supervise: a stall alone cuts nothing there, since there is nowhere to go.
func Failover(ctx context.Context, opt FailoverOptions) error {
	if opt.Stall == 0 {
		opt.Stall = ColdStall
		if opt.Hot {
			opt.Stall = HotStall
		}
	}
	if opt.BackAfter == 0 {
		opt.BackAfter = BackAfter
	}
	if opt.ConnectWithin == 0 {
		opt.ConnectWithin = ConnectWithin
	}
	if opt.Switched == nil {
		opt.Switched = func(Switch) {}
	}
	if len(opt.Ingests) == 1 {
		in := opt.Ingests[0]
		in.Begin()
		defer in.End()
		return Supervise(ctx, SuperviseOptions{Output: in.Output(), Feed: in, Log: opt.Log, Name: opt.Name, Policy: opt.Policy, Counters: opt.Counters[0], Drain: opt.Drain})
	}
	f := &failover{FailoverOptions: opt, kick: make(chan struct{}, 1)}
	for i, in := range opt.Ingests {
		f.legs = append(f.legs, &leg{Ingest: in, f: f, index: i})
	}
	return f.run(ctx)
}

type failover struct {
	FailoverOptions
	kick chan struct{} // something has changed
	wg   sync.WaitGroup

	mu     sync.Mutex
	legs   []*leg // the fields below leg.index are guarded by mu
	active int    // guarded by mu
	ended  bool   // guarded by mu; the destination's feed is over
}

// leg is an ingest with what is known of it. It is the feed of its own supervisor.
type leg struct {
	Ingest
	f     *failover
	index int

	cancel    context.CancelFunc // ends the supervisor
	cut       func(error)        // ends the present try; nil between tries
	running   bool               // the supervisor is at work
	finishing bool               // not needed any more; it says goodbye
	eof       bool               // its feed has ended
	up        bool               // the present connection works: it is live, or as good as can be known
	over      bool               // the present try has been cut short
	down      bool               // the newest try has failed
	reason    string             // why, or why the present one does not work any more
	since     time.Time          // when the present try, or the wait before it, began
	healthy   time.Time          // since when it is up without a stall
	stall     time.Duration
	failed    error     // for good
	goodbye   error     // how the destination's end went wrong here
	lost      int64     // Lost, as seen last
	drop      time.Time // when something was dropped last
	dropping  time.Time // since when, never more than dropsWithin apart; zero: nothing is
	narrow    time.Time // when it was left because it was too narrow
}

func (f *failover) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *failover) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer f.wg.Wait()
	defer cancel()
	for i := range f.legs {
		if i == 0 || f.Hot {
			f.start(ctx, i)
		}
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		over, err := f.over()
		if over {
			return err
		}
		f.decide(ctx, time.Now())
		select {
		case <-f.kick:
		case <-look.C:
		case <-ctx.Done():
			f.wg.Wait()
			return f.result(ctx.Err())
		}
	}
}

// result is ctx's error, or that something had to be left behind.
func (f *failover) result(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.legs {
		if errors.Is(l.failed, supervise.ErrAbandoned) {
			return l.failed
		}
	}
	return err
}

// over reports that nothing runs any more, and how it went.
func (f *failover) over() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.legs {
		if f.ended && l.running && !l.up && !l.eof {
			l.cancel() // nobody will end this one's feed in order
		}
	}
	idle := true
	for _, l := range f.legs {
		idle = idle && !l.running && (f.ended || l.failed != nil)
	}
	if !idle {
		return false, nil
	}
	if f.ended {
		return true, f.legs[f.active].goodbye
	}
	return true, f.legs[f.active].failed
}

// start connects an ingest.
func (f *failover) start(ctx context.Context, i int) {
	l := f.legs[i]
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	l.cancel, l.cut, l.running, l.finishing, l.eof = cancel, nil, true, false, false
	l.up, l.down, l.reason, l.stall, l.since = false, false, "", 0, time.Now()
	f.mu.Unlock()
	l.Begin()
	f.wg.Go(func() {
		defer cancel()
		err := Supervise(ctx, SuperviseOptions{
			Output: cuttable{l}, Feed: l, Log: f.Log.With("ingest", f.Names[i]), Name: f.Name, Policy: f.Policy, Counters: f.Counters[i], Drain: f.Drain,
		})
		l.End()
		f.mu.Lock()
		l.running, l.up = false, false
		switch {
		case errors.Is(err, supervise.ErrAbandoned):
			l.failed, l.down, l.reason = err, true, err.Error()
		case l.finishing: // however it went, it is there to be tried again
		case err == nil, l.eof:
			f.ended = true
			if IsPermanent(err) { // and not ctx's
				l.goodbye = err
			}
		case IsPermanent(err):
			l.failed, l.down, l.reason = err, true, err.Error()
		}
		f.mu.Unlock()
		f.wake()
	})
}

// decide looks at everything once and switches where it has to.
func (f *failover) decide(ctx context.Context, now time.Time) {
	lost := make([]int64, len(f.legs))
	for i, l := range f.legs {
		lost[i] = l.Lost()
	}
	f.mu.Lock()
	if f.ended || f.ending() {
		f.mu.Unlock()
		return
	}
	for i, l := range f.legs {
		l.drops(lost[i], now)
		if l.up && (l.stall > f.Stall || l.drop == now) {
			l.healthy = now
		}
	}
	change, open := Switch{f.active, f.active, ""}, -1
	if trouble := f.trouble(f.legs[f.active], now); trouble != "" {
		if to := f.best(); to >= 0 {
			change.To, change.Cause = to, trouble
		} else if to := f.next(); to >= 0 {
			change.To, change.Cause, open = to, trouble, to
		}
		if l := f.legs[f.active]; !f.Hot && l.up && l.cut != nil && change.To != f.active {
			// It is tried again from the start, beside the backup.
			l.up, l.over, l.down, l.reason, l.since = false, true, true, trouble, now
			l.cut(errors.New(trouble))
		}
	} else if l := f.legs[f.active]; l.tooNarrow(now) {
		to := slices.IndexFunc(f.legs, func(o *leg) bool {
			fresh := o.narrow.IsZero() || now.Sub(o.narrow) > narrowAgain
			return o != l && fresh && (f.well(o) && !o.tooNarrow(now) || !o.running && o.failed == nil)
		})
		if to >= 0 {
			change.To, change.Cause, l.narrow = to, "the network takes less than the stream needs", now
			if !f.legs[to].running {
				open = to
			}
			if !f.Hot {
				l.finishing = true
				l.cancel()
			}
		}
	} else {
		for i := range f.active {
			if l := f.legs[i]; f.well(l) && now.Sub(l.healthy) >= f.BackAfter {
				change.To, change.Cause = i, f.Names[i]+" is well again"
				break
			}
		}
	}
	f.active = change.To
	done := f.retire(now, change.To < change.From)
	f.mu.Unlock()
	for _, l := range done {
		l.Finish()
	}
	if change.To == change.From {
		return
	}
	if open >= 0 {
		f.start(ctx, open)
	}
	f.Log.Warn("ingest switched", "destination", f.Name, "from", f.Names[change.From], "to", f.Names[change.To], "cause", change.Cause)
	f.Switched(change)
}

// ending: the destination's feed is over, and what is left is to say goodbye; mu is held.
func (f *failover) ending() bool {
	for _, l := range f.legs {
		if l.running && l.eof && !l.finishing {
			return true
		}
	}
	return false
}

// trouble is what is wrong with an ingest, empty when nothing is or when it still has
// time to connect; mu is held.
func (f *failover) trouble(l *leg, now time.Time) string {
	switch {
	case l.failed != nil, l.down:
		return l.reason
	case !l.running:
		return "it has ended"
	case l.up && l.stall > f.Stall:
		return fmt.Sprintf("nothing was acknowledged for %.1f s", l.stall.Seconds())
	case !l.up && now.Sub(l.since) > f.ConnectWithin && l.reason != "":
		return l.reason
	case !l.up && now.Sub(l.since) > f.ConnectWithin:
		return fmt.Sprintf("not live after %.0f s", f.ConnectWithin.Seconds())
	}
	return ""
}

// drops notes how many packets of it have been lost by now; mu is held.
func (l *leg) drops(lost int64, now time.Time) {
	if lost > l.lost {
		if l.drop = now; l.dropping.IsZero() {
			l.dropping = now
		}
	}
	if l.lost = lost; !l.up || now.Sub(l.drop) > dropsWithin {
		l.dropping = time.Time{}
	}
}

// tooNarrow: it has dropped something all the time for long; mu is held.
func (l *leg) tooNarrow(now time.Time) bool {
	return l.up && !l.dropping.IsZero() && now.Sub(l.dropping) >= narrowAfter
}

// well: it is live and nothing is overdue; mu is held.
func (f *failover) well(l *leg) bool {
	return l.running && !l.finishing && l.up && l.stall <= f.Stall
}

// best is the first ingest that is live and well; -1 is none. mu is held.
func (f *failover) best() int {
	for i, l := range f.legs {
		if f.well(l) {
			return i
		}
	}
	return -1
}

// next is the ingest to be connected after the active one; -1: all that can be are. mu
// is held.
func (f *failover) next() int {
	for n := 1; n < len(f.legs); n++ {
		i := (f.active + n) % len(f.legs)
		if l := f.legs[i]; !l.running && l.failed == nil {
			return i
		}
	}
	return -1
}

// retire picks the ingests below the active one that nobody needs any more, cuts off
// those that are not live, and returns the others; mu is held. back: an ingest of higher
// rank has just become active again.
func (f *failover) retire(now time.Time, back bool) (done []*leg) {
	a := f.legs[f.active]
	if f.Hot || !f.well(a) || !back && now.Sub(a.healthy) < f.BackAfter {
		return nil
	}
	for _, l := range f.legs[f.active+1:] {
		if !l.running || l.finishing {
			continue
		}
		l.finishing = true
		if l.up {
			time.AfterFunc(finishWithin, l.cancel)
			done = append(done, l)
		} else {
			l.cancel()
		}
	}
	return done
}

// cuttable is a leg's output whose tries can be ended one at a time.
type cuttable struct{ l *leg }

// Run implements Output.
func (c cuttable) Run(ctx context.Context, feed Feed) error {
	try, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	c.l.f.mu.Lock()
	c.l.cut, c.l.since, c.l.stall, c.l.up, c.l.over = cut, time.Now(), 0, false, false
	c.l.f.mu.Unlock()
	err := c.l.Output().Run(try, feed)
	c.l.f.mu.Lock()
	c.l.cut = nil
	c.l.f.mu.Unlock()
	if cause := context.Cause(try); ctx.Err() == nil && cause != nil {
		return cause
	}
	if IsPassing(err) {
		return AfterLive(err) // it may be wanted yet, hours from now
	}
	return err
}

// Next implements Feed.
func (l *leg) Next(ctx context.Context) (*media.Packet, error) {
	p, err := l.Ingest.Next(ctx)
	if errors.Is(err, io.EOF) {
		l.f.mu.Lock()
		l.eof = true
		l.f.mu.Unlock()
	}
	return p, err
}

// Report implements Feed.
func (l *leg) Report(r Report) {
	l.f.mu.Lock()
	was := l.up
	switch {
	case r.Works():
		if !l.up && !l.over {
			l.up, l.down, l.reason, l.healthy = true, false, "", time.Now()
		}
	case r.State == Degraded: // as live as it was
	case r.State == Waiting, r.State == Failed:
		l.up, l.down, l.since = false, true, time.Now()
		l.reason, _, _ = strings.Cut(r.Detail, tryingAgain)
	default:
		if l.up { // what has gone wrong since, if it is known
			l.up, l.reason = false, r.Detail
		}
	}
	changed := l.up != was || l.down
	l.f.mu.Unlock()
	l.Ingest.Report(r)
	if changed {
		l.f.wake()
	}
}

// Watch implements ProgressWatcher.
func (l *leg) Watch(p Progress) {
	l.f.mu.Lock()
	l.stall = p.Stall
	late := l.up && p.Stall > l.f.Stall
	l.f.mu.Unlock()
	WatchOf(l.Ingest)(p)
	if late {
		l.f.wake()
	}
}

// SetBitrate implements BitrateSetter.
func (l *leg) SetBitrate(bps int) {
	if s, ok := l.Ingest.(BitrateSetter); ok {
		s.SetBitrate(bps)
	}
}

// Layers implements LayeredFeed.
func (l *leg) Layers() []Feed { return LayersOf(l.Ingest) }

// Take implements LayeredFeed.
func (l *leg) Take(taken []bool) { TakeLayers(l.Ingest, taken) }

// Reset implements Resetter.
func (l *leg) Reset() {
	if r, ok := l.Ingest.(Resetter); ok {
		r.Reset()
	}
}
