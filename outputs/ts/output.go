package ts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	reportEvery = time.Second
	// paceFactor is how much faster than the stream's bitrate datagrams leave, and
	// hurryAfter how much may wait in the feed before they leave as fast as they can.
	paceFactor = 1.4
	hurryAfter = 150 * time.Millisecond
	// unheardFor is how long "nothing listens" stands after the network has said so: it
	// does not say so of every datagram, and seldom more than once a second.
	unheardFor = 5 * time.Second
)

// output is one destination.
type output struct {
	name, at string
	note     string // beside the state
	message  int    // bytes a datagram
	muxBPS   int    // constant rate; 0 is none
	dial     dialer
}

// Run implements outputs.Output. Nothing here is ever acknowledged, so the state stays
// "sending".
func (o *output) Run(ctx context.Context, feed outputs.Feed) error {
	video, bitrate := false, 0
	for _, t := range feed.Tracks() {
		if t.Codec != media.H264 && t.Codec != media.HEVC && t.Codec != media.AAC {
			return outputs.Permanent(fmt.Errorf("%s: only H.264 or HEVC pictures with AAC sound can be sent", o.name))
		}
		video = video || !t.Codec.IsAudio()
		bitrate += t.BitrateBPS
	}
	if o.muxBPS > 0 && o.muxBPS < bitrate*6/5 {
		return outputs.Permanent(fmt.Errorf("%s: the constant rate of %d kb/s is too low for a stream of %d kb/s: it takes a fifth more, %d kb/s",
			o.name, o.muxBPS/1000, bitrate/1000, bitrate*6/5000))
	}
	feed.Report(outputs.Report{State: outputs.Resolving, Detail: o.at})
	l, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	s := &sender{ctx: ctx, link: l, feed: feed, at: o.at, note: o.note, buf: make([]byte, 0, o.message)}
	if rate := max(float64(bitrate)*paceFactor, float64(o.muxBPS)*1.02); rate > 0 {
		s.rate = rate / 8
	}
	options := muxOptions(o.muxBPS)
	mux, err := av.NewMuxer(av.MuxerOptions{Format: "mpegts", Tracks: feed.Tracks(), Write: s.write, StartAtZero: true, Options: options})
	if err != nil {
		return o.failed(nil, err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = mux.Close() // the link has failed
		}
	}()
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() { s.reports(done) })
	defer reporting.Wait()
	defer close(done)

	started := !video
	for {
		p, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			closed = true
			err = mux.Close()
			if rest := s.flush(); err == nil {
				err = rest
			}
			return o.failed(s, err)
		}
		if err != nil {
			return err
		}
		if !started {
			if p.Audio || !p.Keyframe {
				continue
			}
			started = true
		}
		err = mux.WritePacket(p)
		if err == nil && !p.Audio {
			err = s.flush() // the end of a picture does not wait for the next one
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || s.failed != nil {
			return o.failed(s, err)
		}
		s.mu.Lock()
		s.packets++
		s.mu.Unlock()
	}
}

// pcrLead is how far decoding times are ahead of the clock reference (PCR) where the rate is not
// constant. A receiver that keeps time by that clock has to have a whole picture before its
// decoding time (ISO/IEC 13818-1, 2.4.2): with the two equal, as libavformat has them by itself, all
// are too late there. A keyframe of 0.4 s of the stream takes about so long at paceFactor. It is
// latency at such receivers, and at no others, so it is less than the 0.7 s of the ffmpeg program.
const pcrLead = 300 * time.Millisecond

// muxOptions are the muxer's, for a constant rate or for none (0).
func muxOptions(rateBPS int) map[string]string {
	options := map[string]string{"pat_period": "0.1", "pes_payload_size": "0", "max_delay": strconv.FormatInt(pcrLead.Microseconds(), 10)}
	if rateBPS > 0 {
		options["muxrate"] = strconv.Itoa(rateBPS)
		options["max_delay"] = "700000" // as the ffmpeg program has it
	}
	return options
}

// failed is why a stream ended, for the operator, ctx's error, or nil. Where the network did not
// take something, the muxer's error comes of that. s is nil before there is one.
func (o *output) failed(s *sender, err error) error {
	switch {
	case s != nil && s.failed != nil:
		return fmt.Errorf("%s: the stream cannot be sent to %s: %w", o.name, o.at, s.failed)
	case err == nil:
		return nil
	case s != nil && s.ctx.Err() != nil:
		return s.ctx.Err()
	}
	return fmt.Errorf("%s: the stream cannot be packed as MPEG-TS: %w", o.name, err)
}

// sender cuts MPEG-TS into datagrams and spreads them over time. One goroutine sends.
type sender struct {
	ctx      context.Context // of Run: the muxer's callback has no place for it
	link     link
	feed     outputs.Feed
	at, note string
	rate     float64 // bytes a second; 0: as fast as they come
	due      time.Time
	buf      []byte
	failed   error

	mu      sync.Mutex
	bytes   int64     // guarded by mu
	packets int64     // guarded by mu
	unheard time.Time // when it was last known that nobody is there; guarded by mu
}

// write takes bytes of the muxer.
func (s *sender) write(b []byte) error {
	for len(b) > 0 {
		n := min(cap(s.buf)-len(s.buf), len(b))
		s.buf = append(s.buf, b[:n]...)
		b = b[n:]
		if len(s.buf) == cap(s.buf) {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return s.failed
}

// flush sends what waits: whole TS packets, since access units end with them.
func (s *sender) flush() error {
	if len(s.buf) == 0 || s.failed != nil {
		return s.failed
	}
	if err := s.pace(); err != nil {
		return err
	}
	heard, err := s.link.send(s.buf)
	if err != nil {
		s.failed = err
		return err
	}
	s.mu.Lock()
	s.bytes += int64(len(s.buf))
	if !heard {
		s.unheard = time.Now()
	}
	s.mu.Unlock()
	s.buf = s.buf[:0]
	return nil
}

// pace waits until the next datagram is due: the one before has had its time, which a
// short one, as at the end of each picture, needs less of. What leaves early because
// too much waits is not waited for afterwards.
func (s *sender) pace() error {
	if s.rate == 0 {
		return nil
	}
	now := time.Now()
	wait := s.due.Sub(now)
	if wait > 0 && s.feed.Queued() >= hurryAfter {
		wait, s.due = 0, now
	}
	if wait > 0 {
		// Timers are not exact to less than a millisecond; what is due sooner goes now,
		// and the schedule stays.
		if wait > time.Millisecond {
			if err := media.Wait(s.ctx, wait); err != nil {
				return err
			}
		}
	} else if wait < 0 {
		s.due = now
	}
	s.due = s.due.Add(time.Duration(float64(len(s.buf)) / s.rate * float64(time.Second)))
	return nil
}

// reports tells the operator once a second until done.
func (s *sender) reports(done <-chan struct{}) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for settled := false; ; settled = true { // the network takes a moment to say that nobody listens
		s.mu.Lock()
		r := outputs.Report{State: outputs.Sending, Detail: s.at, SentBytes: s.bytes, SentPackets: s.packets}
		if time.Since(s.unheard) < unheardFor {
			r.Detail = "nothing listens at " + s.at
		} else {
			r.Unanswered = settled && s.packets > 0
			if s.note != "" {
				r.Detail = s.at + ", " + s.note
			}
		}
		s.mu.Unlock()
		s.feed.Report(r)
		select {
		case <-tick.C:
		case <-done:
			return
		}
	}
}

// Probe implements outputs.Prober: it finds the name, the network interface and the way
// there, and sends nothing. Nobody would answer.
func (o *output) Probe(ctx context.Context) (string, error) {
	if o.name == "rist" {
		host, _, err := net.SplitHostPort(o.at)
		if err == nil {
			_, err = outputs.Lookup(ctx, "rist", host, netip.Addr{})
		}
		if err != nil {
			return "", err
		}
		return "the name is found; whether somebody receives is not known before media", nil
	}
	l, err := o.dial(ctx)
	if err != nil {
		return "", err
	}
	l.close()
	return "there is a way to " + o.at + "; nobody answers MPEG-TS over UDP", nil
}
