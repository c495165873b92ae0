package rtsp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say what a Withheld keeps from readers besides the reports.
type Options struct {
	// NoRTPInfo takes the header RTP-Info, which says what the time stamps of pictures and
	// sound are at the start, out of the answer to PLAY.
	NoRTPInfo bool
	// SoundLost is how much of the sound's beginning is thrown away.
	SoundLost time.Duration
	// SoundFirst: Release passes on the sound's report before that of the pictures, whose time
	// stamps then are those that step.
	SoundFirst bool
}

// Withheld stands before a server of this package and keeps its sender reports (RFC 3550,
// 6.4.1) from readers over TCP until Release, as senders that report every five seconds or
// not at all.
type Withheld struct {
	// Address is where to read from.
	Address string

	opt      Options
	upstream string

	mu       sync.Mutex
	released bool            // guarded by mu
	lines    map[*pull]bool  // guarded by mu
	joined   *sync.WaitGroup // of all goroutines
}

// pull is one reader's connection.
type pull struct {
	reader, server net.Conn

	mu     sync.Mutex      // held while something is written to reader
	kept   map[byte][]byte // guarded by mu; the last report of each channel
	sounds uint32          // of the server's goroutine: the first time stamp of the sound
	heard  bool
}

// soundChannel is that of the sound's RTP: a publisher's second stream.
const soundChannel = 2

// soundClockHz is the clock of the sound's time stamps.
const soundClockHz = 48000

// Withhold starts until the test ends; address is what Start returned.
func Withhold(t testing.TB, address string, opt Options) *Withheld {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Withheld{Address: "rtsp://" + l.Addr().String() + u.Path, opt: opt, upstream: u.Host, lines: map[*pull]bool{}, joined: &sync.WaitGroup{}}
	w.joined.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			w.serve(c)
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // nothing was written to it
		w.mu.Lock()
		for p := range w.lines {
			p.close()
		}
		w.mu.Unlock()
		w.joined.Wait()
	})
	return w
}

// Release passes on the newest report of every stream, and those that come from now on.
func (w *Withheld) Release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
	for p := range w.lines {
		p.mu.Lock()
		order := []byte{soundChannel - 1, soundChannel + 1}
		if w.opt.SoundFirst {
			slices.Reverse(order)
		}
		for _, channel := range order {
			_, _ = p.reader.Write(p.kept[channel]) // a reader that has gone needs none
		}
		p.kept = nil
		p.mu.Unlock()
	}
}

func (w *Withheld) serve(c net.Conn) {
	server, err := net.Dial("tcp", w.upstream)
	if err != nil {
		_ = c.Close() // the reader sees that there is nobody
		return
	}
	p := &pull{reader: c, server: server, kept: map[byte][]byte{}}
	w.mu.Lock()
	w.lines[p] = true
	w.mu.Unlock()
	w.joined.Go(func() {
		defer p.close()
		_, _ = io.Copy(server, c) // either end's going is the end
	})
	w.joined.Go(func() {
		defer func() {
			p.close()
			w.mu.Lock()
			delete(w.lines, p)
			w.mu.Unlock()
		}()
		w.answer(p)
	})
}

func (p *pull) close() {
	_ = p.reader.Close() // both are over, whatever they say
	_ = p.server.Close()
}

// answer passes on what the server sends: packets, each behind a dollar sign, its channel and
// its length (RFC 2326, 10.12), and lines of answers between them.
func (w *Withheld) answer(p *pull) {
	in := bufio.NewReader(p.server)
	for {
		first, err := in.Peek(1)
		if err != nil {
			return
		}
		if first[0] != '$' {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			if w.opt.NoRTPInfo && strings.HasPrefix(strings.ToLower(string(line)), "rtp-info:") {
				continue
			}
			// Descriptions are lines as well, and end like one.
			if !p.write(line) {
				return
			}
			continue
		}
		frame := make([]byte, 4)
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		frame = append(frame, make([]byte, binary.BigEndian.Uint16(frame[2:]))...)
		if _, err := io.ReadFull(in, frame[4:]); err != nil {
			return
		}
		if w.keeps(p, frame) {
			continue
		}
		if !p.write(frame) {
			return
		}
	}
}

// keeps reports that a packet is not passed on, now or at all.
func (w *Withheld) keeps(p *pull, frame []byte) bool {
	channel := frame[1]
	if channel == soundChannel && w.opt.SoundLost > 0 && len(frame) >= 12 {
		at := binary.BigEndian.Uint32(frame[8:])
		if !p.heard {
			p.heard, p.sounds = true, at
		}
		return time.Duration(at-p.sounds)*time.Second/soundClockHz < w.opt.SoundLost
	}
	if channel%2 == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.released {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[channel] = bytes.Clone(frame)
	return true
}

func (p *pull) write(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.reader.Write(b)
	return err == nil
}
