package rtmp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/handshake"
	"github.com/yutopp/go-rtmp/message"
)

// Chunk stream ids, one kind of message each so that timestamps stay monotonic on
// each and a long picture does not hold up sound.
const (
	csControl = 2
	csCommand = 3
	csAudio   = 4
	csMeta    = 5
	csVideo   = 6
)

const (
	// chunkSize we send with: with the default of 128 every 128 bytes would be
	// a system call. A picture of 8 Mb/s fits into one chunk.
	chunkSize = 65536
	// maxUndecodable is how many messages in a row may make no sense.
	maxUndecodable = 32
	// maxChunkStreams a peer may use; each can make us hold one message of 16 MB.
	maxChunkStreams = 16
)

var (
	errNotRTMP  = errors.New("rtmp: the peer does not speak RTMP")
	errGarbage  = errors.New("rtmp: the peer sends data that makes no sense")
	errWriteEnd = errors.New("rtmp: the connection is closed")
)

// session is one RTMP connection after its handshake, either end's: messages and the writing
// of chunks are go-rtmp's, with the reading, acknowledging and error handling around it
// that its own Conn lacks or does wrong. write may be called by any goroutine, read by one.
type session struct {
	conn net.Conn     // TLS or the same as tcp
	tcp  *countedConn // the wire
	in   *stream
	out  *countedWriter
	cs   *gortmp.ChunkStreamer // writes

	chunks  *chunkReader
	decoder *message.Decoder // of the reading goroutine
	// perMessage is how many bytes the peer may send until another message is whole; 0: the
	// budget is somebody else's. Of the reading goroutine.
	perMessage int64

	mu sync.Mutex // orders writes: the streamer has one encoder

	ackEvery int64 // what the peer asked for; reading goroutine only
	ackSent  int64 // reading goroutine only

	ackNumber  uint32       // of the last Acknowledgement from the peer; reading goroutine only
	acked      atomic.Int64 // bytes that the peer's program has read, above TLS, by its Acknowledgements
	ackedAt    atomic.Pointer[time.Time]
	ackedCount atomic.Int64
}

// firstByte checks the version, which go-rtmp's handshake does not, before the rest of
// a handshake is waited for.
type firstByte struct {
	io.Reader
	seen bool
}

func (r *firstByte) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n > 0 && !r.seen {
		r.seen = true
		if b[0] != 3 { // 6 is RTMPE, 'H' a web server
			return 0, errNotRTMP
		}
	}
	return n, err
}

// newSession shakes hands over conn and sends our chunk size. The caller bounds its
// time by tcp's deadline. The chunk size goes out by hand because telling the
// streamer about it later is a data race with its writer.
func newSession(conn net.Conn, tcp *countedConn, client bool) (*session, error) {
	shake := handshake.HandshakeWithClient
	if client {
		shake = handshake.HandshakeWithServer
	}
	in, out := &stream{Reader: conn}, &countedWriter{Writer: conn}
	if err := shake(&firstByte{Reader: in}, out, &handshake.Config{SkipHandshakeVerification: true}); err != nil {
		return nil, err
	}
	set := []byte{csControl, 0, 0, 0, 0, 0, 4, byte(message.TypeIDSetChunkSize), 0, 0, 0, 0}
	if _, err := out.Write(binary.BigEndian.AppendUint32(set, chunkSize)); err != nil {
		return nil, err
	}
	cs := gortmp.NewChunkStreamer(nil, bufio.NewWriterSize(out, 2*chunkSize), &gortmp.StreamControlStateConfig{
		DefaultChunkSize:           chunkSize,
		MaxChunkSize:               gortmp.MaxChunkSize,
		MaxChunkStreams:            maxChunkStreams,
		MaxAckWindowSize:           math.MaxInt32,
		DefaultBandwidthWindowSize: math.MaxInt32,
		MaxBandwidthWindowSize:     math.MaxInt32,
		MaxMessageSize:             gortmp.MaxChunkSize,
		MaxMessageStreams:          8,
	})
	return &session{conn: conn, tcp: tcp, in: in, out: out, cs: cs, chunks: newChunkReader(in), decoder: message.NewDecoder(nil)}, nil
}

// writeSlice is how long a waiting write holds the lock before others get a turn.
const writeSlice = 50 * time.Millisecond

// write queues one message, waiting until the previous one of its chunk stream is
// on its way or ctx ends. On error nothing of the message has been sent.
func (s *session) write(ctx context.Context, csid int, timestamp, streamID uint32, msg message.Message) error {
	for {
		err := s.writeOnce(ctx, csid, timestamp, streamID, msg)
		if err == nil || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *session) writeOnce(ctx context.Context, csid int, timestamp, streamID uint32, msg message.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// After a socket error the streamer accepts messages for nobody, then blocks.
	select {
	case <-s.cs.Done():
		return errWriteEnd
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	slice, cancel := context.WithTimeout(ctx, writeSlice)
	defer cancel()
	return s.cs.Write(slice, csid, timestamp, &gortmp.ChunkMessage{StreamID: streamID, Message: msg})
}

// flush waits until the last message of a chunk stream has been given to the
// socket. Nothing may be written to it afterwards.
func (s *session) flush(ctx context.Context, csid int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.cs.Done():
		return errWriteEnd
	default:
	}
	_, err := s.cs.NewChunkWriter(ctx, csid)
	return err
}

func (s *session) command(ctx context.Context, streamID uint32, name string, transaction int64, args ...any) error {
	body, err := encodeAMF(args...)
	if err != nil {
		return err
	}
	return s.write(ctx, csCommand, 0, streamID, &message.CommandMessage{
		CommandName: name, TransactionID: transaction, Encoding: message.EncodingTypeAMF0, Body: body,
	})
}

func (s *session) control(msg message.Message) error {
	// Called by the reading goroutine, which must not wait for a stuck writer:
	// what cannot be sent now is not sent.
	ctx, cancel := context.WithTimeout(context.Background(), 2*writeSlice)
	defer cancel()
	return s.write(ctx, csControl, 0, 0, msg)
}

// read hands every message to handle until the socket or handle fails, and returns
// that error. Control messages are dealt with here. A message's payload is only
// valid during the call.
func (s *session) read(handle func(timestamp uint32, m *gortmp.ChunkMessage) error) error {
	undecodable := 0
	for {
		if s.perMessage > 0 {
			s.in.budget.Store(s.in.n.Load() + s.perMessage)
		}
		header, body, err := s.chunks.next()
		if err != nil {
			if failed := s.in.err(); failed != nil {
				return failed
			}
			return err
		}
		timestamp, m := header.timestamp, gortmp.ChunkMessage{StreamID: header.streamID}
		if m.Message, err = s.decode(header.kind, body); err != nil {
			if undecodable++; undecodable > maxUndecodable {
				return fmt.Errorf("%w: %w", errGarbage, err)
			}
			continue
		}
		undecodable = 0
		if !s.handleControl(m.Message) {
			if err := handle(timestamp, &m); err != nil {
				return err
			}
		}
		if n := s.in.n.Load(); s.ackEvery > 0 && n-s.ackSent >= s.ackEvery {
			if s.control(&message.Ack{SequenceNumber: uint32(n)}) == nil {
				s.ackSent = n
			}
		}
	}
}

// decode reads a message's body; go-rtmp panics on some malformed ones.
func (s *session) decode(kind byte, body []byte) (m message.Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("rtmp: a message cannot be read: %v", v)
		}
	}()
	s.decoder.Reset(bytes.NewReader(body))
	err = s.decoder.Decode(message.TypeID(kind), &m)
	return m, err
}

// handleControl acts on what is about the connection itself; it reports whether msg was.
func (s *session) handleControl(msg message.Message) (handled bool) {
	switch msg := msg.(type) {
	case *message.SetChunkSize:
		s.chunks.size = int(min(msg.ChunkSize, maxMessage)) // larger ones mean the same (5.4.1)
	case *message.WinAckSize:
		// Half of the window, so that the peer never runs into its end.
		s.ackEvery = int64(max(msg.Size/2, 1024))
	case *message.Ack:
		s.acknowledged(msg.SequenceNumber)
	case *message.UserCtrl:
		if ping, ok := msg.Event.(*message.UserCtrlEventPingRequest); ok {
			// A ping that cannot be answered now finds a busy connection anyway.
			_ = s.control(&message.UserCtrl{Event: &message.UserCtrlEventPingResponse{Timestamp: ping.Timestamp}})
		}
	case *message.AbortMessage:
		s.chunks.abort(msg.ChunkStreamID)
	case *message.SetPeerBandwidth:
	default:
		return false
	}
	return true
}

// acknowledged takes an Acknowledgement (5.4.3), a count of bytes modulo 2^32 for most. nginx's
// rtmp module and its descendants begin at 0 again at 0xf0000000 bytes
// (ngx_rtmp_handler.c, ngx_rtmp_recv), so what was read is the sum of what the count grew by, and
// where that is more than was sent, the peer has begun again and has read at most that. What is
// too much then goes with the first Acknowledgement that finds less on the way.
func (s *session) acknowledged(number uint32) {
	grown := int64(number - s.ackNumber)
	s.ackNumber = number
	s.acked.Store(min(s.acked.Load()+grown, s.out.offered.Load()))
	now := time.Now()
	s.ackedAt.Store(&now)
	s.ackedCount.Add(1)
}

// close ends the connection at once and waits for the streamer's goroutine. The
// reader ends by itself, with an error. Call once.
func (s *session) close() {
	_ = s.tcp.Close() // it is being thrown away
	_ = s.cs.Close()  // always nil
	<-s.cs.Done()
}

// closeWrite says that no more will come, so that the peer's last words do not meet
// a closed socket and destroy what it has not read yet.
func (s *session) closeWrite() {
	for _, conn := range []any{s.conn, s.tcp.Conn} {
		if c, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite() // the connection is over either way
		}
	}
}
