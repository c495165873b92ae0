package libsrt

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func listen(t *testing.T, c Config, check Check) *Listener {
	t.Helper()
	l, err := Listen(loopback, c, check)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// pair connects a caller to a listener.
func pair(t *testing.T, caller, listener Config, check Check) (send, recv *Conn) {
	t.Helper()
	ctx := within(t, 10*time.Second)
	l := listen(t, listener, check)
	send, err := Dial(ctx, netip.AddrPort{}, l.Addr(), caller)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { send.Close() })
	recv, err = l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recv.Close() })
	return send, recv
}

func transfer(t *testing.T, send, recv *Conn) {
	t.Helper()
	ctx := within(t, 10*time.Second)
	want := bytes.Repeat([]byte{0x47, 1, 2, 3}, MessageBytes/4)
	buf := make([]byte, MaxMessageBytes)
	for i := range 50 {
		want[5] = byte(i)
		if err := send.Send(want); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		want[5] = byte(i)
		n, err := recv.Recv(ctx, buf)
		if err != nil || !bytes.Equal(buf[:n], want) {
			t.Fatalf("message %d: got %d bytes, %v", i, n, err)
		}
	}
	for {
		s, err := send.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if s.UnackedBytes == 0 && s.AcksReceived > 0 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("nothing acknowledged: %+v", s)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"plain", Config{Latency: 80 * time.Millisecond, StreamID: "#!::r=live/a,m=publish"}},
		{"AES-128", Config{Passphrase: "0123456789", KeyLength: 16}},
		{"AES-256", Config{Passphrase: "0123456789 a long one", KeyLength: 32}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := c.cfg
			server.StreamID = ""
			send, recv := pair(t, c.cfg, server, nil)
			if recv.StreamID() != c.cfg.StreamID {
				t.Errorf("stream id %q, want %q", recv.StreamID(), c.cfg.StreamID)
			}
			transfer(t, send, recv)
			s, err := send.Stats()
			if err != nil {
				t.Fatal(err)
			}
			if want := max(c.cfg.Latency, 120*time.Millisecond); s.Latency != c.cfg.Latency && s.Latency != want {
				t.Errorf("latency %v, want %v", s.Latency, want)
			}
			send.Close()
			buf := make([]byte, MaxMessageBytes)
			if _, err := recv.Recv(within(t, 5*time.Second), buf); !errors.Is(err, ErrLost) {
				t.Errorf("after the sender closed: %v, want ErrLost", err)
			}
		})
	}
}

func TestPassphrasePerCaller(t *testing.T) {
	check := func(id string, _ netip.AddrPort) (string, Reason) {
		if id == "guest" {
			return "guest passphrase", 0
		}
		return "", ReasonForbidden
	}
	send, recv := pair(t, Config{StreamID: "guest", Passphrase: "guest passphrase"}, Config{}, check)
	transfer(t, send, recv)
}

func TestRefused(t *testing.T) {
	secret := Config{Passphrase: "right passphrase"}
	named := func(id string, _ netip.AddrPort) (string, Reason) {
		if id != "good" {
			return "", ReasonForbidden
		}
		return "", 0
	}
	for _, c := range []struct {
		name             string
		caller, listener Config
		check            Check
		want             Reason
	}{
		{"wrong passphrase", Config{Passphrase: "wrong passphrase"}, secret, nil, ReasonBadSecret},
		{"no passphrase", Config{}, secret, nil, ReasonUnsecure},
		{"unwanted passphrase", secret, Config{}, nil, ReasonUnsecure},
		{"wrong stream id", Config{StreamID: "bad"}, Config{}, named, ReasonForbidden},
		{"no stream id", Config{}, Config{}, named, ReasonForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, c.listener, c.check)
			conn, err := Dial(within(t, 10*time.Second), netip.AddrPort{}, l.Addr(), c.caller)
			var r *RejectedError
			if !errors.As(err, &r) || r.Reason != c.want {
				t.Fatalf("got %v, %v; want reason %d", conn, err, c.want)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if conn, err := l.Accept(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("accepted %v, %v", conn, err)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	start := time.Now()
	_, err := Dial(t.Context(), netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.1:9"), Config{ConnectTimeout: time.Second})
	var r *RejectedError
	if !errors.As(err, &r) || r.Reason != ReasonTimeout {
		t.Errorf("got %v, want a timeout", err)
	}
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestContextEndsWaiting(t *testing.T) {
	l := listen(t, Config{}, nil)
	send, recv := pair(t, Config{}, Config{}, nil)
	_ = send // keeps the connection up while recv waits
	for name, wait := range map[string]func(context.Context) error{
		"dial": func(ctx context.Context) error {
			_, err := Dial(ctx, netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.1:9"), Config{})
			return err
		},
		"accept": func(ctx context.Context) error { _, err := l.Accept(ctx); return err },
		"recv":   func(ctx context.Context) error { _, err := recv.Recv(ctx, make([]byte, 2000)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) {
				ctx, cancel := context.WithTimeout(a.Context(), 200*time.Millisecond)
				defer cancel()
				start := time.Now()
				if err := wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
					a.Errorf("got %v", err)
				}
				if d := time.Since(start); d > 2500*time.Millisecond { // else never, or at the 3 s of a dial
					a.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	l := listen(t, Config{}, nil)
	_, recv := pair(t, Config{}, Config{}, nil)
	done := make(chan error, 2)
	go func() { _, err := l.Accept(t.Context()); done <- err }()
	go func() { _, err := recv.Recv(t.Context(), make([]byte, 2000)); done <- err }()
	time.Sleep(50 * time.Millisecond) // both are waiting, or about to
	l.Close()
	recv.Close()
	for range 2 {
		select {
		case err := <-done:
			if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrLost) {
				t.Errorf("got %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("still waiting")
		}
	}
}

func TestRendezvous(t *testing.T) {
	a, b := netip.MustParseAddrPort("127.0.0.1:21711"), netip.MustParseAddrPort("127.0.0.2:21711")
	cfg := Config{Passphrase: "0123456789"}
	type result struct {
		c   *Conn
		err error
	}
	ctx := within(t, 15*time.Second)
	other := make(chan result, 1)
	go func() {
		c, err := Rendezvous(ctx, b, a, cfg)
		other <- result{c, err}
	}()
	send, err := Rendezvous(ctx, a, b, cfg)
	r := <-other
	if err != nil || r.err != nil {
		t.Fatal(err, r.err)
	}
	defer send.Close()
	defer r.c.Close()
	transfer(t, send, r.c)
	transfer(t, r.c, send)
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestReconnectsLeakNothing: libsrt's collector frees sockets some seconds after
// they were closed, so the counts are waited for.
func TestReconnectsLeakNothing(t *testing.T) {
	l := listen(t, Config{}, nil)
	once := func() {
		ctx := within(t, 10*time.Second)
		c, err := Dial(ctx, netip.AddrPort{}, l.Addr(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		r.Close()
	}
	for range 3 {
		once()
	}
	time.Sleep(4 * time.Second) // the first connections are collected
	files, tasks, routines := openFiles(t), threads(t), runtime.NumGoroutine()
	for range 100 {
		once()
	}
	// Go keeps threads that were once busy in C, so a few more are no leak; each
	// leaked connection would be two.
	settled := func() bool {
		return openFiles(t) <= files && threads(t) <= tasks+20 && runtime.NumGoroutine() <= routines
	}
	for deadline := time.Now().Add(20 * time.Second); !settled() && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	if f, n, g := openFiles(t), threads(t), runtime.NumGoroutine(); f > files || n > tasks+20 || g > routines {
		t.Errorf("files %d -> %d, threads %d -> %d, goroutines %d -> %d", files, f, tasks, n, routines, g)
	}
}
