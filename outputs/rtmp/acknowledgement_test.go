package rtmp

import (
	"io"
	"testing"

	"github.com/yutopp/go-rtmp/message"
)

// What a server has read is known for as long as a connection lasts, however the server counts:
// modulo 2^32, or from 0 again at 0xf0000000 as nginx's module does.
func TestAcknowledgementsOfALongConnection(t *testing.T) {
	const step, behind = 38400, 50_000
	for name, count := range map[string]func(read int64) uint32{
		"modulo 2^32":         func(read int64) uint32 { return uint32(read) },
		"begins again early":  func(read int64) uint32 { return uint32(read % 0xf0000000) },
		"without a handshake": func(read int64) uint32 { return uint32(read - 3073) },
	} {
		s := &session{out: &countedWriter{Writer: io.Discard}}
		for read := int64(step); read < 40<<30; read += step {
			// It is well behind now and then, and reads nearly all at other times.
			on := int64(behind)
			if read/step%100 == 0 {
				on = 1000
			}
			s.out.offered.Store(read + on)
			s.handleControl(&message.Ack{SequenceNumber: count(read)})
			if got := s.acked.Load(); got > read+behind || got < read-3073 {
				t.Errorf("%s: %d bytes are read and %d are taken for read", name, read, got)
				break
			}
			if got := s.acked.Load(); on == 1000 && got > read+on {
				t.Errorf("%s: %d bytes too much are taken for read", name, got-read)
				break
			}
		}
	}
}

// A write that waits is partly with the peer, whose Acknowledgement of it is no new beginning.
func TestAcknowledgementOfAWriteThatWaits(t *testing.T) {
	s := &session{out: &countedWriter{}}
	s.out.Writer = writerFunc(func(b []byte) (int, error) {
		s.handleControl(&message.Ack{SequenceNumber: 600})
		return len(b), nil
	})
	if _, err := s.out.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if got := s.acked.Load(); got != 600 {
		t.Errorf("%d bytes are taken for read, want 600", got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
