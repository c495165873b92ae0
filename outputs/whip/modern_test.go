package whip

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/media/hevc"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// encodedClip is two seconds of pictures in a codec, one unit a picture, from this
// program's own encoders.
var encodedClip = map[media.Codec]func() ([][]byte, error){
	media.HEVC: sync.OnceValues(func() ([][]byte, error) { return encodeClip("libx265", media.HEVC) }),
	media.AV1:  sync.OnceValues(func() ([][]byte, error) { return encodeClip("libsvtav1", media.AV1) }),
}

func encodeClip(encoder string, codec media.Codec) ([][]byte, error) {
	const w, h = 320, 180
	enc, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: encoder, Codec: codec, Width: w, Height: h, FPS: media.NewRational(clipFPS, 1), BitrateBPS: 600_000, GOP: clipFPS, BFrames: 0,
	})
	if err != nil {
		return nil, fmt.Errorf("make the %s clip: %w", codec, err)
	}
	defer enc.Close()
	pool := media.NewFramePool(media.I420, w, h, 64)
	var units [][]byte
	add := func(packets []*media.Packet, err error) error {
		for _, p := range packets {
			units = append(units, p.Data)
		}
		return err
	}
	for n := range int64(2 * clipFPS) {
		f := pool.Get()
		f.Fill(40, 128, 128)
		for i := range f.Planes[0].Data {
			f.Planes[0].Data[i] = byte(i*3 + int(n)*5 + (i>>7)*int(n))
		}
		err := add(enc.Encode(f, n, n%clipFPS == 0))
		f.Release()
		if err != nil {
			return nil, err
		}
	}
	return units, add(enc.Flush())
}

// obuLength is the length of the first OBU of b, which says its size.
func obuLength(b []byte) int {
	at := 1 + int(b[0]>>2&1)
	size := 0
	for i := 0; at < len(b) && i < 8; i++ {
		c := b[at]
		at++
		size |= int(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return at + size
		}
	}
	return -1
}

func modernPlayout(t testing.TB, codec media.Codec, length time.Duration) *playout {
	t.Helper()
	units, err := encodedClip[codec]()
	if err != nil {
		t.Fatal(err)
	}
	if len(units) != 2*clipFPS {
		t.Fatalf("the %s clip has %d pictures", codec, len(units))
	}
	p := newPlayout(t, length)
	p.clip = &clipMedia{video: units, audio: p.clip.audio}
	p.tracks[0].Codec = codec
	return p
}

// canonicalUnit is a unit as a receiver gets it.
func canonicalUnit(codec media.Codec, b []byte) []byte {
	var out []byte
	if codec == media.HEVC {
		for nal := range h264.NALUnits(b) {
			if hevc.Type(nal) != hevc.TypeAUD {
				out = h264.AppendStartCode(out, nal)
			}
		}
		return out
	}
	for len(b) > 0 {
		n := obuLength(b)
		if b[0]>>3&15 != 2 { // temporal delimiters are not sent
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// HEVC and AV1 arrive as they were, unit by unit.
func TestModernCodecsArriveExactly(t *testing.T) {
	for _, codec := range []media.Codec{media.HEVC, media.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { modernCodecArrivesExactly(a, codec) })
		})
	}
}

func modernCodecArrivesExactly(t testing.TB, codec media.Codec) {
	s := newTestServer(t, nil)
	feed := modernPlayout(t, codec, 1500*time.Millisecond)
	if err := newOutput(t, s.url(), testToken).Run(t.Context(), feed); err != nil {
		t.Fatalf("Run: %v", err)
	}
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Fatalf("the stream ended with %v", err)
	}
	if sink.tracks[0].Codec != codec || codec == media.HEVC && !hasHEVC(sink.tracks[0].Extradata, func(t byte) bool { return t == hevc.TypeVPS }) {
		t.Errorf("video track is %+v", sink.tracks[0])
	}
	sent, got := of(feed.sent, false), of(sink.packets, false)
	if len(sent) != len(got) || len(sent) < 40 {
		t.Fatalf("%d pictures arrived of %d", len(got), len(sent))
	}
	for i := range sent {
		if want := canonicalUnit(codec, sent[i].Data); !bytes.Equal(got[i].Data, want) {
			t.Fatalf("picture %d differs: %d bytes, want %d: % x, want % x", i, len(got[i].Data), len(want), got[i].Data[:min(16, len(got[i].Data))], want[:min(16, len(want))])
		}
		if got[i].Keyframe != sent[i].Keyframe {
			t.Errorf("picture %d: keyframe %v, want %v", i, got[i].Keyframe, sent[i].Keyframe)
		}
	}
	if len(of(sink.packets, true)) != len(of(feed.sent, true)) {
		t.Errorf("%d blocks of sound arrived of %d", len(of(sink.packets, true)), len(of(feed.sent, true)))
	}
}

// After a loss nothing comes before the next keyframe.
func TestModernLossWaitsForKeyframe(t *testing.T) {
	for _, codec := range []media.Codec{media.HEVC, media.AV1} {
		units, err := encodedClip[codec]()
		if err != nil {
			t.Fatal(err)
		}
		row, _ := findCodec(codec)
		cut, join := row.newPayloader(media.Track{}), row.newAssembler()
		var got []int
		lost := false
		for i, u := range units {
			parts := slices.Clone(cut.payloads(&media.Packet{Data: u, Keyframe: i%clipFPS == 0}))
			for n, part := range parts {
				if i == 10 && n == 0 {
					lost = true
					continue
				}
				p := &rtp.Packet{Header: rtp.Header{Timestamp: uint32(i), Marker: n == len(parts)-1}, Payload: slices.Clone(part.join(nil))}
				join.push(p, lost, func(unit) { got = append(got, i) })
				lost = false
			}
		}
		// The loss of the only packet of picture 10 shows with picture 11.
		if len(got) != 10+clipFPS || got[9] != 9 || got[10] != 30 {
			t.Errorf("%s: got %v", codec, got)
		}
	}
}

// FFmpeg's RTP reader understands how HEVC is cut.
func TestFFmpegReadsHEVC(t *testing.T) {
	t.Parallel()
	units, err := encodedClip[media.HEVC]()
	if err != nil {
		t.Fatal(err)
	}
	port := ports.Even(t)
	sdp := filepath.Join(t.TempDir(), "x.sdp")
	text := fmt.Sprintf("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video %d RTP/AVP 104\r\na=rtpmap:104 H265/90000\r\n", port)
	if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ffmpeg := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-v", "warning", "-protocol_whitelist", "file,udp,rtp", "-i", sdp, "-frames:v", "45", "-f", "null", "-stats", "-")
	var out bytes.Buffer
	ffmpeg.Stderr = &out
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ffmpeg.Wait() }()
	conn, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	row, _ := findCodec(media.HEVC)
	cut := row.newPayloader(media.Track{})
	tick := time.NewTicker(time.Second / (2 * clipFPS)) // twice as fast as life
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	seq := uint16(0)
	for i := 0; ; i++ {
		parts := cut.payloads(&media.Packet{Data: units[i%len(units)], Keyframe: i%clipFPS == 0})
		for n, part := range parts {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 104, SequenceNumber: seq, Timestamp: uint32(i * 3000), SSRC: 7, Marker: n == len(parts)-1}, Payload: part.join(nil)}
			seq++
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = conn.Write(raw) // nobody listens at first
		}
		select {
		case err := <-ended:
			if err != nil || !strings.Contains(out.String(), "frame=   45") {
				t.Errorf("ffmpeg: %v\n%s", err, out.String())
			}
			return
		case <-limit.C:
			_ = ffmpeg.Process.Kill()
			<-ended
			t.Fatalf("ffmpeg did not see 45 pictures:\n%s", out.String())
		case <-tick.C:
		}
	}
}
