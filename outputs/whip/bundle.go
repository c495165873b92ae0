package whip

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/ice/v4"
)

const (
	// bundleBytes is the room for what is held, more than a picture that leaves at once;
	// maxBundle is the most when writing takes long: what comes then is sent by itself.
	bundleBytes = 64 << 10
	maxBundle   = 256 << 10
	// maxSegments is what the kernel takes as one datagram to be cut (UDP_MAX_SEGMENTS,
	// 64 up to Linux 6.9), maxSegmented the bytes of it.
	maxSegments  = 64
	maxSegmented = 65000
)

// bundle gathers the datagrams of a burst, so that they enter the kernel together: those
// of one size for one address are handed over as one that it cuts into segments (UDP GSO,
// Linux 4.18; elsewhere they go one by one). One passage of sixteen packets through the network stack costs about as
// much as two single ones. Its methods may be called from any goroutine.
type bundle struct {
	segmented atomic.Int64 // datagrams that went as segments

	mu      sync.Mutex
	holders int        // guarded by mu
	writing bool       // guarded by mu; what comes meanwhile waits
	waiting *datagrams // guarded by mu
	spare   *datagrams // guarded by mu; nil while it is being written
}

// datagrams lie in data one after another.
type datagrams struct {
	data []byte
	list []datagram
}

type datagram struct {
	from *bundledConn
	to   netip.AddrPort
	size int
}

func newBundle() *bundle {
	room := func() *datagrams { return &datagrams{data: make([]byte, 0, bundleBytes)} }
	return &bundle{waiting: room(), spare: room()}
}

// hold keeps datagrams back until release. It has to be for microseconds: whatever else
// is sent by the same sockets meanwhile waits too.
func (b *bundle) hold() {
	b.mu.Lock()
	b.holders++
	b.mu.Unlock()
}

// release ends a hold and sends what waits. Errors are dropped, as ICE does with those of
// single datagrams: they are losses, and a path that takes nothing is noticed by ICE.
func (b *bundle) release() {
	b.mu.Lock()
	b.holders--
	if b.writing { // who writes goes on with it, so that nothing is overtaken
		b.mu.Unlock()
		return
	}
	b.writing = true
	for len(b.waiting.list) > 0 {
		d := b.waiting
		b.waiting, b.spare = b.spare, nil
		b.mu.Unlock()
		b.write(d)
		b.mu.Lock()
		b.spare = d
	}
	b.writing = false
	b.mu.Unlock()
}

// add keeps a copy of p, or reports that it has to be sent by itself.
func (b *bundle) add(from *bundledConn, to netip.AddrPort, p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holders == 0 && !b.writing || len(b.waiting.data)+len(p) > maxBundle {
		return false
	}
	b.waiting.data = append(b.waiting.data, p...)
	b.waiting.list = append(b.waiting.list, datagram{from, to, len(p)})
	return true
}

// write sends d and empties it.
func (b *bundle) write(d *datagrams) {
	data := d.data
	for list := d.list; len(list) > 0; {
		n, size := run(list)
		if n > 1 && list[0].from.writeSegments(data[:size], list[0].size, list[0].to) {
			b.segmented.Add(int64(n))
		} else {
			n, size = 1, list[0].size
			_, _ = list[0].from.conn.WriteToUDPAddrPort(data[:size], list[0].to) // see release
		}
		data, list = data[size:], list[n:]
	}
	d.data, d.list = d.data[:0], d.list[:0]
}

// run is how many datagrams, from the first on, can go as segments of one, and their
// bytes: all of one size but for the last, which may be smaller.
func run(list []datagram) (n, size int) {
	first := list[0]
	for _, d := range list {
		if n == maxSegments || size+d.size > maxSegmented || d.from != first.from || d.to != first.to || d.size > first.size {
			break
		}
		n++
		size += d.size
		if d.size < first.size {
			break
		}
	}
	return n, size
}

// bundledConn is a socket whose datagrams a bundle may hold.
type bundledConn struct {
	*net.UDPConn
	conn   *net.UDPConn // the same, where the embedded one would look like a plain method
	bundle *bundle
	whole  atomic.Bool // the kernel or the path does not cut datagrams
}

var _ ice.AddrPortReaderWriter = (*bundledConn)(nil) // else ICE would write past the bundle

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (c *bundledConn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	return c.conn.ReadFromUDPAddrPort(p)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. What is held counts as sent.
func (c *bundledConn) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	if c.bundle.add(c, to, p) {
		return len(p), nil
	}
	return c.conn.WriteToUDPAddrPort(p, to)
}
