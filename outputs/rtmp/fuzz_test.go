package rtmp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// deadConn is a connection that was read already: writes go nowhere.
type deadConn struct {
	net.Conn
	io.Reader
}

func (c deadConn) Read(b []byte) (int, error)       { return c.Reader.Read(b) }
func (deadConn) Write(b []byte) (int, error)        { return len(b), nil }
func (deadConn) Close() error                       { return nil }
func (deadConn) SetDeadline(time.Time) error        { return nil }
func (deadConn) SetReadDeadline(t time.Time) error  { return nil }
func (deadConn) SetWriteDeadline(t time.Time) error { return nil }

// chunk is a type 0 chunk with a message of up to 127 bytes (RTMP 1.0 section 5.3).
func chunk(csid, kind byte, streamID uint32, body []byte) []byte {
	b := []byte{csid, 0, 0, 0, 0, 0, byte(len(body)), kind, byte(streamID), 0, 0, 0}
	return append(b, body...)
}

func commandBody(t testing.TB, values ...any) []byte {
	buf, err := encodeAMF(values...)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// FuzzChunks lets both ends read whatever comes after the handshake: nothing panics or
// hangs, what is read ends with the input, and a client believes no refusal away.
func FuzzChunks(f *testing.F) {
	shaken := append([]byte{3}, make([]byte, 2*1536)...)
	f.Add(chunk(2, 1, 0, []byte{0, 0, 16, 0}))                                                                                                   // SetChunkSize
	f.Add(chunk(2, 5, 0, []byte{0, 0, 0, 9}))                                                                                                    // WinAckSize
	f.Add(chunk(2, 4, 0, []byte{0, 6, 0, 0, 0, 1}))                                                                                              // Ping
	f.Add(chunk(2, 4, 0, []byte{0, 31, 0, 0, 0, 1}))                                                                                             // an unknown event
	f.Add(chunk(3, 20, 0, commandBody(f, "_result", 1, map[string]any{"fmsVer": "x"}, map[string]any{"code": "NetConnection.Connect.Success"}))) // consent
	f.Add(chunk(3, 20, 0, commandBody(f, "_error", 1, nil, map[string]any{"level": "error", "code": "NetConnection.Connect.Rejected"})))         // refusal
	f.Add(append(chunk(6, 9, 1, []byte{0x17, 1, 0, 0, 0}), 0xc6, 1, 2, 3))                                                                       // a picture, and half a chunk
	f.Add(chunk(3, 20, 0, append(commandBody(f, "onStatus", 0), 10, 0xff, 0xff, 0xff, 0xff)))                                                    // an array of four thousand million
	f.Add(append([]byte{0x3f, 0xff, 0xff}, chunk(3, 17, 0, []byte{0})...))                                                                       // AMF3, on a far chunk stream
	f.Add(bytes.Repeat([]byte{0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 8, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 3))                              // extended timestamps, huge messages
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		for _, client := range []bool{true, false} {
			conn := &countedConn{Conn: deadConn{Reader: bytes.NewReader(append(append([]byte(nil), shaken...), b...))}}
			s, err := newSession(conn, conn, client)
			if err != nil {
				t.Fatalf("handshake: %v", err)
			}
			s.in.budget.Store(1 << 20)
			err = s.read(func(_ uint32, m *gortmp.ChunkMessage) error {
				switch msg := m.Message.(type) {
				case *message.CommandMessage:
					args, _ := readAMF(msg.Body) // what could be read counts
					a := answer{msg.CommandName, msg.TransactionID, args}
					if a.name == "_error" && a.status() == nil {
						t.Errorf("an _error is no error: %v", args)
					}
					_ = a.statusInfo()
				case *message.VideoMessage:
					_, _ = io.Copy(io.Discard, msg.Payload) // must not panic
				}
				return nil
			})
			if err == nil {
				t.Error("reading ended without an error")
			}
			s.close()
		}
	})
}

// FuzzAMF: what was decoded can be encoded, and decodes to the same number of values.
func FuzzAMF(f *testing.F) {
	f.Add(commandBody(f, "connect", 1, map[string]any{"app": "live", "list": []any{"hvc1", "av01"}, "n": nil, "ok": true, "nested": map[string]any{"x": 1.5}}))
	f.Add([]byte{8, 0, 0, 0, 2, 0, 1, 'a', 3, 0, 1, 'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 9}) // an object in an ECMA array
	f.Add([]byte{12, 0, 0, 0, 1, 'x', 13, 6, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 1, 'T', 0, 0, 9})
	f.Add(bytes.Repeat([]byte{10, 0, 0, 0, 1}, 40)) // nested deeper than anybody needs
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := decodeAMF(b)
		if err != nil && !errors.Is(err, errAMF) {
			t.Fatalf("an error of another kind: %v", err)
		}
		_ = amfString(values, 0)
		_ = amfNumber(amfObject(values, 1), "x")
		buf, err := encodeAMF(values...)
		if err != nil {
			return // a string that is too long for AMF0, for example
		}
		again, err := decodeAMF(buf.Bytes())
		if err != nil || len(again) != len(values) {
			t.Errorf("%d values became %d: %v", len(values), len(again), err)
		}
	})
}

// FuzzLogin: whatever a server says of a login, there is an end, and the password stays here.
func FuzzLogin(f *testing.F) {
	f.Add("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=c2E=&challenge=Y2g=&opaque=b3A=")
	f.Add("[ code=403 need auth; authmod=llnw ]")
	f.Add("authmod=llnw ?reason=needauth&nonce=")
	f.Fuzz(func(t *testing.T, description string) {
		l := login{user: "u", password: "pass-word-9"}
		for range 10 {
			again, err := l.next(target{host: "h", app: "live"}, &statusError{"NetConnection.Connect.Rejected", description})
			if bytes.Contains([]byte(l.params), []byte(l.password)) || err != nil && bytes.Contains([]byte(err.Error()), []byte(l.password)) {
				t.Fatalf("the password got out: %q, %v", l.params, err)
			}
			if !again {
				return
			}
		}
		if l.answered {
			t.Error("a challenge is answered over and over")
		} // a server that only ever says "need auth" is left after maxLogins
	})
}
