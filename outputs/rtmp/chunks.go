package rtmp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// defaultChunkSize is what a peer sends with until it says otherwise, maxMessage the longest
	// message that the protocol can say (RTMP 1.0, 5.4.1 and 5.3.1.2).
	defaultChunkSize = 128
	maxMessage       = 1<<24 - 1
	// extendedTime in the place of a timestamp says that four bytes with it follow (5.3.1.3).
	extendedTime = 1<<24 - 1
	// keptBody is how much memory a chunk stream keeps for its next message.
	keptBody = 1 << 20
)

// chunkReader takes messages out of chunks (RTMP 1.0, 5.3). go-rtmp has one too: it
// overlooks that chunks of type 3 repeat an extended timestamp, so that it cannot read on
// after 4 h 40 min of a peer that sends absolute time; it panics on an empty message, loses its
// place after a message that ends early, and knows no abort message. One goroutine.
type chunkReader struct {
	r       *bufio.Reader
	size    int // of the peer's chunks
	streams map[uint32]*chunkStream
}

// chunkStream is what chunks leave out because it is as before.
type chunkStream struct {
	timestamp uint32 // of the message, ms
	delta     uint32 // what another message without a time of its own is later
	extended  bool   // the last time was an extended one,
	raw       uint32 // this
	length    int
	kind      byte
	streamID  uint32

	begun bool
	body  []byte // of the message being put together
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{r: bufio.NewReaderSize(r, 32<<10), size: defaultChunkSize, streams: map[uint32]*chunkStream{}}
}

// next returns the next whole message. Its body is valid until the next call. Memory grows
// with what has come, not with what a peer claims; at most maxChunkStreams messages are put
// together at a time.
func (c *chunkReader) next() (s *chunkStream, body []byte, err error) {
	for {
		s, err := c.chunk()
		if err != nil {
			return nil, nil, err
		}
		if len(s.body) < s.length {
			continue
		}
		body, s.begun = s.body, false
		if s.body = s.body[:0]; cap(s.body) > keptBody {
			s.body = nil
		}
		return s, body, nil
	}
}

// chunk reads one chunk into its stream's message.
func (c *chunkReader) chunk() (*chunkStream, error) {
	first, err := c.r.ReadByte()
	if err != nil {
		return nil, err
	}
	format, id := first>>6, uint32(first&63)
	if id < 2 { // 5.3.1.1: one or two more bytes, the second is worth more
		more, err := c.number(1)
		if err == nil && id == 1 {
			var high uint32
			high, err = c.number(1)
			more |= high << 8
		}
		if err != nil {
			return nil, err
		}
		id = 64 + more
	}
	s := c.streams[id]
	if s == nil {
		switch {
		case len(c.streams) == maxChunkStreams:
			return nil, fmt.Errorf("%w: more than %d chunk streams", errGarbage, maxChunkStreams)
		case format > 1:
			return nil, fmt.Errorf("%w: a chunk stream without a beginning", errGarbage)
		}
		s = &chunkStream{}
		c.streams[id] = s
	}
	if err := c.header(s, format); err != nil {
		return nil, err
	}
	n, at := min(s.length-len(s.body), c.size), len(s.body)
	// As it comes, and not all at once: the length is only a claim.
	for n > 0 {
		part := min(n, keptBody)
		s.body = append(s.body, make([]byte, part)...)
		if _, err := io.ReadFull(c.r, s.body[at:]); err != nil {
			return nil, err
		}
		n, at = n-part, at+part
	}
	return s, nil
}

// header reads a message header (5.3.1.2) of the given type.
func (c *chunkReader) header(s *chunkStream, format byte) error {
	if format == 3 {
		return c.continued(s)
	}
	if s.begun {
		return fmt.Errorf("%w: a message begins within another", errGarbage)
	}
	time, err := c.number(3)
	if err != nil {
		return err
	}
	if format < 2 {
		length, err := c.number(3)
		if err == nil {
			s.kind, err = c.r.ReadByte()
		}
		if err != nil {
			return err
		}
		s.length = int(length)
	}
	if format == 0 {
		var id [4]byte
		if _, err := io.ReadFull(c.r, id[:]); err != nil {
			return err
		}
		s.streamID = binary.LittleEndian.Uint32(id[:]) // the one number in this order
	}
	if s.extended = time == extendedTime; s.extended {
		if time, err = c.number(4); err != nil {
			return err
		}
	}
	s.raw, s.delta, s.begun = time, time, true // after type 0 too: 5.3.1.2.4
	if format == 0 {
		s.timestamp = time
	} else {
		s.timestamp += time // modulo 2^32
	}
	return nil
}

// continued is a header of type 3: more of the message, or another one like it. It repeats
// an extended time, but not of every peer.
func (c *chunkReader) continued(s *chunkStream) error {
	if s.extended {
		b, err := c.r.Peek(4)
		if err != nil {
			return err
		}
		if binary.BigEndian.Uint32(b) == s.raw {
			_, _ = c.r.Discard(4) // they are there
		}
	}
	if !s.begun {
		s.begun = true
		s.timestamp += s.delta
	}
	return nil
}

// abort forgets what has come of a message (5.4.2).
func (c *chunkReader) abort(id uint32) {
	if s := c.streams[id]; s != nil {
		s.begun, s.body = false, s.body[:0]
	}
}

// number reads a big-endian number.
func (c *chunkReader) number(bytes int) (v uint32, err error) {
	for range bytes {
		b, err := c.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<8 | uint32(b)
	}
	return v, nil
}
