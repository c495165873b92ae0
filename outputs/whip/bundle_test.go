package whip

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// listen opens a socket on loopback and tells its address.
func listen(t testing.TB) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may be closed already
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func bundled(t testing.TB, b *bundle) *bundledConn {
	t.Helper()
	c, _ := listen(t)
	return &bundledConn{UDPConn: c, conn: c, bundle: b}
}

// A burst arrives as the datagrams that were written, whether the kernel cuts them or not.
func TestBundle(t *testing.T) {
	for _, whole := range []bool{false, true} {
		b := newBundle()
		conn := bundled(t, b)
		conn.whole.Store(whole)
		one, oneAt := listen(t)
		two, twoAt := listen(t)
		var want, wantTwo [][]byte
		b.hold()
		write := func(size int, to netip.AddrPort) {
			p := bytes.Repeat([]byte{byte(len(want) + len(wantTwo) + 1)}, size)
			if n, err := conn.WriteToAddrPort(p, to); n != size || err != nil {
				t.Fatalf("wrote %d bytes, %v; want %d", n, err, size)
			}
			if to == oneAt {
				want = append(want, p)
			} else {
				wantTwo = append(wantTwo, p)
			}
		}
		for range 70 { // more than go as one
			write(1200, oneAt)
		}
		write(300, oneAt)
		write(500, oneAt)
		write(700, twoAt)
		write(20, twoAt)
		b.release()
		write(90, oneAt) // not held any more
		for _, c := range []struct {
			from *net.UDPConn
			want [][]byte
		}{{one, want}, {two, wantTwo}} {
			_ = c.from.SetReadDeadline(time.Now().Add(10 * time.Second))
			room := make([]byte, 2000)
			for i, want := range c.want {
				n, err := c.from.Read(room)
				if err != nil || !bytes.Equal(room[:n], want) {
					t.Fatalf("datagram %d has %d bytes of %d, %v; want %d of %d", i, n, room[0], err, len(want), want[0])
				}
			}
		}
		if n := b.segmented.Load(); whole && n != 0 || !whole && n < 71 && !conn.whole.Load() {
			t.Errorf("%d datagrams went as segments (one by one: %v)", n, whole)
		}
	}
}

// The socket may be closed with datagrams held.
func TestBundleOfClosedSocket(t *testing.T) {
	b := newBundle()
	conn := bundled(t, b)
	_, to := listen(t)
	b.hold()
	for range 3 {
		if _, err := conn.WriteToAddrPort([]byte("late"), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	b.release()
	if len(b.waiting.list) != 0 || b.holders != 0 {
		t.Errorf("%d datagrams still wait", len(b.waiting.list))
	}
}

// What is written while a burst is on its way does not overtake it.
func TestBundleKeepsOrder(t *testing.T) {
	b := newBundle()
	conn := bundled(t, b)
	in, to := listen(t)
	if err := in.SetReadBuffer(socketBuffer); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // as SRTP's: numbers are given in the order of writing
	next := uint32(0)
	write := func() {
		mu.Lock()
		defer mu.Unlock()
		next++
		_, _ = conn.WriteToAddrPort(binary.BigEndian.AppendUint32(make([]byte, 100), next), to) // missed below
	}
	const bursts, each = 40, 8 // a usual socket's room, should nobody read meanwhile
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range bursts / 2 {
				b.hold()
				for range each {
					write()
				}
				b.release()
			}
		})
	}
	writers.Wait()
	_ = in.SetReadDeadline(time.Now().Add(10 * time.Second))
	room := make([]byte, 2000)
	for want := uint32(1); want <= bursts*each; want++ {
		n, err := in.Read(room)
		if err != nil || n != 104 || binary.BigEndian.Uint32(room[100:]) != want {
			t.Fatalf("got %d (%d bytes, %v), want %d", binary.BigEndian.Uint32(room[100:]), n, err, want)
		}
	}
}
