package srt

import (
	"errors"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// minBacklog is the least stretch of unacknowledged stream at which pictures are
// dropped. It has to be below 1020 ms, from where on libsrt itself throws away single
// messages in the middle of pictures (SRT_TLPKTDROP_MINTHRESHOLD_MS), and above what
// the repair of a loss on a busy machine takes: acknowledgement is cumulative, so one
// lost message holds it up. 400 ms was tried and dropped pictures at 5 % loss.
const minBacklog = 700 * time.Millisecond

// muxer makes MPEG-TS of packets; its bytes go to the write function it was made with.
type muxer interface {
	WritePacket(*media.Packet) error
	Close() error
}

// connection is what a sender needs of libsrt.Conn.
type connection interface {
	Send([]byte) error
	Stats() (libsrt.Stats, error)
}

// sender cuts MPEG-TS into messages and decides what is dropped. One goroutine
// uses it; the counters may be read by others.
type sender struct {
	conn     connection
	mux      muxer
	hasVideo bool

	buf     [libsrt.MessageBytes]byte
	n       int   // bytes waiting in buf
	full    bool  // a message of the current access unit was lost
	lost    error // the connection is gone
	started bool  // a keyframe has been sent
	broken  bool  // drop video up to the next keyframe

	sentBytes, sentPackets, dropped atomic.Int64
}

// packet sends p or drops it. Its error is the connection's or the muxer's end.
func (s *sender) packet(p *media.Packet) error {
	if s.hasVideo && !s.started {
		if p.Audio || !p.Keyframe {
			return nil // before the start nothing is owed
		}
		s.started = true
	}
	if !p.Audio {
		if s.broken && !p.Keyframe {
			s.dropped.Add(1)
			return nil
		}
		congested, err := s.congested()
		if err != nil {
			return err
		}
		s.broken = congested
		if congested {
			s.dropped.Add(1)
			return nil
		}
	}
	s.full = false
	if err := s.mux.WritePacket(p); err != nil {
		if s.lost != nil {
			return s.lost
		}
		return err
	}
	if !p.Audio {
		s.flush() // the end of a picture does not wait for the next one
	}
	if s.full {
		s.dropped.Add(1)
		s.broken = true // conservative: with interleaving it may have been sound
	} else {
		s.sentPackets.Add(1)
	}
	return s.lost
}

// congested reports whether the network is too slow for a picture now: what waits
// would soon be too late. After a drop the backlog must be half gone before pictures
// go on, or the next ones would be torn by what is still to be repaired.
func (s *sender) congested() (bool, error) {
	st, err := s.conn.Stats()
	if err != nil {
		return false, err
	}
	limit := max(minBacklog, st.Latency*3/4)
	if s.broken {
		limit = max(limit/2, 2*st.RTT)
	}
	return st.UnackedTime > limit, nil
}

// write takes bytes of the muxer.
func (s *sender) write(p []byte) error {
	for len(p) > 0 {
		n := copy(s.buf[s.n:], p)
		s.n += n
		p = p[n:]
		if s.n == len(s.buf) {
			s.flush()
		}
	}
	return s.lost
}

// flush sends what waits, always whole TS packets since access units end with them.
func (s *sender) flush() {
	if s.n == 0 || s.lost != nil {
		s.n = 0
		return
	}
	switch err := s.conn.Send(s.buf[:s.n]); {
	case err == nil:
		s.sentBytes.Add(int64(s.n))
	case errors.Is(err, libsrt.ErrFull):
		s.full = true
	default:
		s.lost = err
	}
	s.n = 0
}

// finish ends the stream properly.
func (s *sender) finish() error {
	err := s.mux.Close()
	s.flush()
	if s.lost != nil {
		return s.lost
	}
	return err
}
