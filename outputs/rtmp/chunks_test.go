package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// readAll is what one end reads of the bytes behind a handshake: "timestamp:bytes" of each
// picture or block of sound, with an error at the end of which the text must have in it what is
// wanted.
func readAllChunks(t *testing.T, b []byte) (got []string, err error) {
	t.Helper()
	shaken := append([]byte{3}, make([]byte, 2*1536)...)
	conn := &countedConn{Conn: deadConn{Reader: bytes.NewReader(append(shaken, b...))}}
	s, err := newSession(conn, conn, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	err = s.read(func(timestamp uint32, m *gortmp.ChunkMessage) error {
		var payload io.Reader
		switch msg := m.Message.(type) {
		case *message.VideoMessage:
			payload = msg.Payload
		case *message.AudioMessage:
			payload = msg.Payload
		default:
			return nil
		}
		body, err := io.ReadAll(payload)
		got = append(got, fmt.Sprintf("%d:%d", timestamp, len(body)))
		for i, v := range body {
			if v != byte(i) {
				t.Errorf("message %d has %d at place %d", len(got), v, i)
				break
			}
		}
		return err
	})
	return got, err
}

func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// cut puts a message of video into chunks of 128 bytes on chunk stream 6, as peers do it: type
// says how much of the header there is, time is a timestamp or a delta, and repeat whether what
// follows repeats an extended one.
func cut(format byte, time uint32, repeat bool, body []byte) []byte {
	b := []byte{format<<6 | 6}
	if format < 3 {
		b = append(b, be24(min(time, extendedTime))...)
	}
	if format < 2 {
		b = append(append(b, be24(uint32(len(body)))...), 9)
	}
	if format == 0 {
		b = append(b, 1, 0, 0, 0)
	}
	long := time >= extendedTime
	if long && (format < 3 || repeat) {
		b = binary.BigEndian.AppendUint32(b, time)
	}
	for i := 0; i < len(body); i += 128 {
		if i > 0 {
			b = append(b, 0xc6)
			if long && repeat {
				b = binary.BigEndian.AppendUint32(b, time)
			}
		}
		b = append(b, body[i:min(i+128, len(body))]...)
	}
	return b
}

func TestChunks(t *testing.T) {
	body := counted(300)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	const late, wrapping = 1<<24 + 16, 1<<32 - 20
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
		fault string // in the error at the end
	}{
		{"absolute time", join(cut(0, 40, true, body), cut(0, 80, true, body)), "40:300 80:300", "EOF"},
		{"deltas", join(cut(0, 40, true, body), cut(1, 33, true, body[:7]), cut(2, 34, true, body[:7])), "40:300 73:7 107:7", "EOF"},
		{"no header at all: the same delta", join(cut(0, 40, true, body), cut(1, 33, true, body), cut(3, 0, true, body)), "40:300 73:300 106:300", "EOF"},
		{"after type 0 the delta is its time (5.3.1.2.4)", join(cut(0, 23, true, body), cut(3, 0, true, body)), "23:300 46:300", "EOF"},
		{"the last short time", join(cut(0, 1<<24-2, true, body), cut(1, 33, true, body)), "16777214:300 16777247:300", "EOF"},
		{"the first long time", join(cut(0, 1<<24-1, true, body), cut(0, 1<<24, true, body)), "16777215:300 16777216:300", "EOF"},
		{"long time, repeated in each chunk", join(cut(0, late, true, body), cut(0, late+33, true, body), cut(1, 34, true, body[:5])), "16777232:300 16777265:300 16777299:5", "EOF"},
		{"long time, not repeated", join(cut(0, late, false, body), cut(0, late+33, false, body)), "16777232:300 16777265:300", "EOF"},
		{"long delta, and the same again", join(cut(0, 5, true, body), cut(1, late, true, body), cut(3, late, true, body)), "5:300 16777237:300 33554469:300", "EOF"},
		{"the time begins anew after 49.7 days", join(cut(0, wrapping, true, body), cut(1, 33, true, body), cut(1, 33, true, body)), "4294967276:300 13:300 46:300", "EOF"},
		{"an empty message", join(cut(0, 40, true, nil), cut(1, 33, true, body)), "40:0 73:300", "EOF"},
		{"many empty messages", bytes.Repeat(cut(0, 40, true, nil), 50), strings.TrimSpace(strings.Repeat("40:0 ", 50)), "EOF"},
		{"chunks become larger", join(chunk(2, 1, 0, []byte{0x7f, 0xff, 0xff, 0xff}), cut(0, 40, true, body[:128]), cut(0, 41, true, body[:100])), "40:128 41:100", "EOF"},
		{"taken back in the middle", join(cut(0, 40, true, body)[:12+128], chunk(2, 2, 0, []byte{0, 0, 0, 6}), cut(0, 80, true, body)), "80:300", "EOF"},
		{"a message within another", join(cut(0, 40, true, body)[:12+128], cut(0, 80, true, body)), "", "makes no sense"},
		{"a stream without a beginning", cut(3, 0, true, body), "", "makes no sense"},
		{"chunk streams of two and three bytes", join([]byte{0x00, 0x09}, cut(0, 7, true, body[:9])[1:], []byte{0x01, 0x09, 0x02}, cut(0, 8, true, body[:9])[1:], []byte{0xc0, 0x09}, body[:9]), "7:9 8:9 14:9", "EOF"},
		{"cut off", cut(0, 40, true, body)[:200], "", "EOF"},
	} {
		got, err := readAllChunks(t, c.bytes)
		if strings.Join(got, " ") != c.want || err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %s, %v; want %s, %s", c.name, strings.Join(got, " "), err, c.want, c.fault)
		}
	}
}

// What this end writes past 2^24 and 2^32 ms comes out as it was, by our reader and so by the
// rules that TestChunks has. (Only after a hole of 2^24 ms, 4 h 40 min, would the writer, which is
// go-rtmp's, leave out what readers may expect.)
func TestLongTimesAreWritten(t *testing.T) {
	out := &bytes.Buffer{}
	shaken := append([]byte{3}, make([]byte, 2*1536)...)
	conn := &countedConn{Conn: recordedConn{deadConn{Reader: bytes.NewReader(shaken)}, out}}
	s, err := newSession(conn, conn, true)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	send := func(at uint32, size int) {
		t.Helper()
		if err := s.write(t.Context(), csVideo, at, 1, &message.VideoMessage{Payload: bytes.NewReader(counted(size))}); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%d:%d", at, size))
	}
	const big = chunkSize + 10 // two chunks
	for _, at := range []uint32{0, 40, 1<<24 - 2, 1<<24 - 1, 1 << 24, 1<<24 + 40} {
		send(at, big)
	}
	for at := uint32(1<<24 + 40); at < 1<<32-1<<24; {
		at += 1<<24 - 2
		send(at, 10)
	}
	for _, at := range []uint32{1<<32 - 20, 13, 46} {
		send(at, big)
	}
	if err := s.flush(t.Context(), csVideo); err != nil {
		t.Fatal(err)
	}
	s.close()
	sent := out.Bytes()[1+2*1536:] // what was shaken
	got, err := readAllChunks(t, sent)
	if strings.Join(got, " ") != strings.Join(want, " ") || !errors.Is(err, io.EOF) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// recordedConn keeps what is written.
type recordedConn struct {
	deadConn
	out *bytes.Buffer
}

func (c recordedConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// A server cannot make a publisher hold more than an answer can be.
func TestServerThatNeverEndsAMessage(t *testing.T) {
	shaken := append([]byte{3}, make([]byte, 2*1536)...)
	endless := append([]byte{3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0}, bytes.Repeat([]byte{0xc3}, 12<<20)...)
	conn := &countedConn{Conn: deadConn{Reader: bytes.NewReader(append(shaken, endless...))}}
	s, err := newSession(conn, conn, true)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(s, target{host: "example.com", port: "1935"})
	c.run()
	err = <-c.over
	if n := s.in.n.Load(); n > 2*answerBudget || !errors.Is(err, errBudget) {
		t.Errorf("%d bytes were read, and then: %v", n, err)
	}
	if text := c.target.explain(phaseLive, err).Error(); !strings.Contains(text, "example.com:1935 sends data that makes no sense") {
		t.Errorf("the operator reads %q", text)
	}
	s.close()
}
