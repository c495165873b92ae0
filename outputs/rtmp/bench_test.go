package rtmp

import (
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"

	"github.com/yutopp/go-rtmp/handshake"
	"golang.org/x/sys/unix"

	"crosspoint.studio/crosspoint/internal/media"
)

// processCPU is what this process has used of the processor.
func processCPU(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWritePath sends 8 Mb/s of pictures and sound over a TCP connection on this
// machine. The share of a core counts the far end's reading too; it may be 1 %.
func BenchmarkWritePath(b *testing.B) {
	const fps, bps = 30, 8_000_000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if handshake.HandshakeWithClient(conn, conn, &handshake.Config{SkipHandshakeVerification: true}) == nil {
			_, _ = io.CopyBuffer(io.Discard, struct{ io.Reader }{conn}, make([]byte, 256<<10)) // until the end
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	tcp := &countedConn{Conn: raw}
	s, err := newSession(tcp, tcp, true)
	if err != nil {
		b.Fatal(err)
	}
	c := newClient(s, target{host: "h", app: "a", key: "k"})
	c.streamID = 1
	p, err := newPlan(testTracks(b))
	if err != nil {
		b.Fatal(err)
	}
	picture := make([]byte, bps/8/fps)
	_, _ = rand.Read(picture) // never fails
	for i := range picture {  // no start codes within
		picture[i] |= 1
	}
	copy(picture, []byte{0, 0, 0, 1, 0x41})
	sound := picture[5 : 5+400]
	b.ReportAllocs()
	b.SetBytes(int64(len(picture)))
	before := processCPU(b)
	n := int64(0)
	for b.Loop() {
		pic := &media.Packet{Data: picture, PTS: n, DTS: n, Duration: 1, Keyframe: n%60 == 0}
		if _, err := p.packet(b.Context(), c, pic); err != nil {
			b.Fatal(err)
		}
		for k := range int64(2) { // 47 packets of sound a second, rounded up
			at := (n*2 + k) * 800
			if _, err := p.packet(b.Context(), c, &media.Packet{Track: 1, Audio: true, Data: sound, PTS: at, DTS: at, Duration: 1024, Keyframe: true}); err != nil {
				b.Fatal(err)
			}
		}
		n++
	}
	perPicture := float64(processCPU(b)-before) / float64(n)
	share := perPicture * fps / float64(time.Second) * 100
	b.ReportMetric(share, "%core@8Mb/s")
	if n > 100 && share > 1 {
		b.Errorf("writing 8 Mb/s takes %.2f %% of a core, more than 1 %%", share)
	}
	s.close()
	<-done
}
