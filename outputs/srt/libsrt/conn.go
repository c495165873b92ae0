package libsrt

// #include "bridge.h"
import "C"

import (
	"context"
	"net/netip"
	"time"
	"unsafe"
)

// Conn is one connection, in either direction.
type Conn struct {
	h        *handle
	peer     netip.AddrPort
	streamID string
}

// Peer is the far end's address.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// StreamID is what the caller asked for; empty in rendezvous.
func (c *Conn) StreamID() string { return c.streamID }

// Send queues one message of at most MessageBytes; it never blocks. ErrFull says
// that the send buffer has no room, ErrLost that the connection is gone. p is copied.
func (c *Conn) Send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if !c.h.enter() {
		return ErrClosed
	}
	defer c.h.leave()
	return transferError("send", C.xp_send(c.h.s, (*C.char)(unsafe.Pointer(&p[0])), C.int(len(p))))
}

// Recv waits for the next message and copies it to p, which should hold 1456
// bytes; what does not fit is lost. The error is ctx's, ErrLost or ErrClosed.
func (c *Conn) Recv(ctx context.Context, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := c.tryRecv(p)
		if n > 0 || err != nil {
			return n, err
		}
		if _, err := c.h.poll(ctx); err != nil {
			return 0, err
		}
	}
}

// tryRecv returns 0, nil when there is no message yet.
func (c *Conn) tryRecv(p []byte) (int, error) {
	if !c.h.enter() {
		return 0, ErrClosed
	}
	defer c.h.leave()
	n := C.xp_recv(c.h.s, (*C.char)(unsafe.Pointer(&p[0])), C.int(len(p)))
	if n == -C.SRT_EASYNCRCV {
		return 0, nil
	}
	return int(max(n, 0)), transferError("receive", n)
}

func transferError(doing string, result C.int) error {
	switch {
	case result > 0:
		return nil
	case result == -C.SRT_EASYNCSND || result == -C.SRT_ECONGEST:
		return ErrFull
	case result == 0, result == -C.SRT_ECONNLOST, result == -C.SRT_ENOCONN, result == -C.SRT_EINVSOCK:
		return ErrLost
	}
	return newError(doing, result)
}

// Close ends the connection at once: what the peer has not acknowledged, and what
// it has buffered but not yet played, is lost. It may be called more than once.
func (c *Conn) Close() error {
	c.h.close()
	return nil
}

// Stats is the state of a connection at one moment. Totals count from its beginning.
type Stats struct {
	RTT time.Duration
	// Latency is what the two ends agreed on, for what this end sends.
	Latency time.Duration

	SentPackets    int64 // with retransmissions
	Retransmitted  int64
	SendLost       int64 // reported lost by the receiver
	SendDropped    int64 // packets given up because they were too late
	SendDroppedB   int64 // bytes of payload in them
	AcksReceived   int64
	UnackedBytes   int64         // payload in the send buffer
	UnackedTime    time.Duration // the stretch of stream in the send buffer
	ReceivedBytes  int64         // with packet headers
	ReceivedPacket int64
	ReceiveLost    int64
	ReceiveDropped int64         // never played
	ReceiveBuffer  time.Duration // the stretch of stream not yet read
	Undecrypted    int64         // packets that could not be decrypted
	BandwidthBPS   int64         // libsrt's estimate of the link
	FilterSent     int64         // packets of the packet filter, sent besides the stream
	FilterRepaired int64         // packets that the filter made good on this end
}

// headerBytes is what libsrt adds to each packet in its byte counters: IPv4, UDP
// and SRT headers (CPacket::UDP_HDR_SIZE + HDR_SIZE).
const headerBytes = 44

// Stats reads the counters; it fails with ErrLost once the connection is gone.
func (c *Conn) Stats() (Stats, error) {
	if !c.h.enter() {
		return Stats{}, ErrClosed
	}
	defer c.h.leave()
	var t C.SRT_TRACEBSTATS
	var unacked C.size_t
	if r := C.xp_stats(c.h.s, &t, &unacked); r < 0 {
		return Stats{}, transferError("read statistics", r)
	}
	return Stats{
		RTT:            time.Duration(float64(t.msRTT) * float64(time.Millisecond)),
		Latency:        time.Duration(t.msSndTsbPdDelay) * time.Millisecond,
		SentPackets:    int64(t.pktSentTotal),
		Retransmitted:  int64(t.pktRetransTotal),
		SendLost:       int64(t.pktSndLossTotal),
		SendDropped:    int64(t.pktSndDropTotal),
		SendDroppedB:   int64(t.byteSndDropTotal) - headerBytes*int64(t.pktSndDropTotal),
		AcksReceived:   int64(t.pktRecvACKTotal),
		UnackedBytes:   int64(unacked),
		UnackedTime:    time.Duration(t.msSndBuf) * time.Millisecond,
		ReceivedBytes:  int64(t.byteRecvTotal),
		ReceivedPacket: int64(t.pktRecvTotal),
		ReceiveLost:    int64(t.pktRcvLossTotal),
		ReceiveDropped: int64(t.pktRcvDropTotal),
		ReceiveBuffer:  time.Duration(t.msRcvBuf) * time.Millisecond,
		Undecrypted:    int64(t.pktRcvUndecryptTotal),
		BandwidthBPS:   int64(float64(t.mbpsBandwidth) * 1e6),
		FilterSent:     int64(t.pktSndFilterExtraTotal),
		FilterRepaired: int64(t.pktRcvFilterSupplyTotal),
	}, nil
}
