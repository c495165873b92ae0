package whip

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/outputs"
)

var (
	testSPS = []byte{0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0x8c}
	testPPS = []byte{0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80}
)

func nal(header byte, size int) []byte {
	return append([]byte{0, 0, 0, 1, header}, bytes.Repeat([]byte{0xab}, size-1)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// What is cut is joined to the same again, whatever the sizes; delimiters and filler
// go, and a keyframe without parameter sets gets the track's.
func TestPayloadRoundTrip(t *testing.T) {
	idr, aud := byte(0x65), []byte{0, 0, 0, 1, 9, 0x10}
	for _, c := range []struct {
		name     string
		in, want []byte
	}{
		{"small", nal(0x41, 100), nal(0x41, 100)},
		{"exactly one payload", nal(0x41, maxPayload), nal(0x41, maxPayload)},
		{"one byte more", nal(0x41, maxPayload+1), nal(0x41, maxPayload+1)},
		{"large", nal(idr, 300_000), join(testSPS, testPPS, nal(idr, 300_000))},
		{"slices", join(nal(0x41, 700), nal(0x41, 700), nal(0x41, 3000), nal(0x41, 20)), join(nal(0x41, 700), nal(0x41, 700), nal(0x41, 3000), nal(0x41, 20))},
		{"own parameter sets", join(aud, testSPS, testPPS, testPPS, nal(6, 30), nal(idr, 5000)), join(testSPS, testPPS, testPPS, nal(6, 30), nal(idr, 5000))},
		{"long parameter sets", join(testSPS, nal(0x68, 2000), nal(idr, 50)), join(testSPS, nal(0x68, 2000), nal(idr, 50))},
		{"filler", join(nal(0x41, 50), nal(12, 5000)), nal(0x41, 50)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cut := newH264Payloader(media.Track{Extradata: join(testSPS, testPPS)})
			a := h264Assembler{decoding: true}
			var got []unit
			parts := cut.payloads(&media.Packet{Data: c.in})
			for i, part := range parts {
				if part.size() > maxPayload {
					t.Errorf("payload %d has %d bytes", i, part.size())
				}
				a.push(&rtp.Packet{Header: rtp.Header{Marker: i == len(parts)-1}, Payload: part.join(nil)}, false, func(u unit) { got = append(got, u) })
			}
			if len(got) != 1 || !bytes.Equal(got[0].data, c.want) {
				t.Fatalf("%d units, not the one that was sent", len(got))
			}
			if got[0].keyframe != h264.Has(c.in, h264.TypeIDR) {
				t.Errorf("keyframe %v", got[0].keyframe)
			}
		})
	}
}

// After a loss nothing comes out before the next keyframe, whole pictures only.
func TestLossWaitsForKeyframe(t *testing.T) {
	var order reorder
	var a h264Assembler
	var got []unit
	need := false
	cut := newH264Payloader(media.Track{})
	seq := uint16(65530)
	now := time.Unix(1e9, 0)
	picture := func(stamp uint32, au []byte, lose int) {
		parts := cut.payloads(&media.Packet{Data: au})
		for i, part := range parts {
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: stamp, Marker: i == len(parts)-1}, Payload: part.join(nil)}
			seq++
			if i == lose {
				continue
			}
			now = now.Add(reorderPatience / 8)
			order.push(p, now, func(p *rtp.Packet, gap bool) {
				need = a.push(p, gap, func(u unit) { got = append(got, u) })
			})
		}
	}
	key := join(testSPS, testPPS, nal(0x65, 5000))
	picture(1, nal(0x41, 100), -1) // no keyframe yet
	if len(got) != 0 || !need {
		t.Fatalf("%d units before the first keyframe, keyframe wanted %v", len(got), need)
	}
	picture(2, key, -1)
	picture(3, nal(0x41, 5000), 2)
	picture(4, nal(0x41, 5000), -1)
	picture(5, nal(0x41, 5000), -1)
	if len(got) != 1 || !need || order.lost != 1 {
		t.Fatalf("%d units after the loss, want 1; keyframe wanted %v; lost %d, want 1", len(got), need, order.lost)
	}
	picture(6, key, -1)
	picture(7, nal(0x41, 100), -1)
	if len(got) != 3 || need || got[1].rtpTime != 6 || got[2].rtpTime != 7 {
		t.Fatalf("%d units in all, want 3; keyframe wanted %v", len(got), need)
	}
}

// A machine that stood still while a packet was missing gives its repetition time to come.
func TestStandstillIsNotLoss(t *testing.T) {
	var r reorder
	var got []uint16
	gaps := 0
	now := time.Unix(1e9, 0)
	push := func(number uint16, after time.Duration) {
		now = now.Add(after)
		r.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: number}}, now, func(p *rtp.Packet, gap bool) {
			got = append(got, p.SequenceNumber)
			if gap {
				gaps++
			}
		})
	}
	push(1, 0)
	push(3, 5*time.Millisecond)
	push(4, 2*time.Second)
	push(2, 30*time.Millisecond)
	if !slices.Equal(got, []uint16{1, 2, 3, 4}) || gaps != 0 || r.lost != 0 {
		t.Errorf("%v came out with %d gaps, %d lost", got, gaps, r.lost)
	}
	push(6, 10*time.Millisecond)
	for number := uint16(7); number < 31; number++ {
		push(number, 20*time.Millisecond)
	}
	if gaps != 0 {
		t.Errorf("after %v it was given up", 24*20*time.Millisecond)
	}
	push(31, 20*time.Millisecond)
	if gaps != 1 || r.lost != 1 {
		t.Errorf("in the end %d gaps and %d lost, want one", gaps, r.lost)
	}
}

// After an outage with many gaps the stream is not behind by all of them together.
func TestGapsAreWaitedForTogether(t *testing.T) {
	var r reorder
	var got []uint16
	now := time.Unix(1e9, 0)
	for number := uint16(65400); number != 400; number++ {
		now = now.Add(10 * time.Millisecond)
		if number > 65450 && number%3 != 0 || number == 99 { // until the outage ends at 0
			continue
		}
		r.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: number}}, now, func(p *rtp.Packet, _ bool) { got = append(got, p.SequenceNumber) })
	}
	if last := got[len(got)-1]; last != 399 || r.lost != 57 {
		t.Errorf("the last that came out is %d, %d lost, want 399 and 57", last, r.lost)
	}
	if !slices.IsSortedFunc(got, func(a, b uint16) int { return int(int16(a - b)) }) {
		t.Error("packets came out in another order")
	}
	late := r
	late.waiting = map[uint16]held{}
	// One that comes late into a gap does not make the gap wait anew.
	push := func(number uint16, after time.Duration) {
		now = now.Add(after)
		late.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: number}}, now, func(p *rtp.Packet, _ bool) { got = append(got, p.SequenceNumber) })
	}
	push(405, 10*time.Millisecond)
	for range 4 {
		push(405, 99*time.Millisecond) // again
	}
	push(402, 50*time.Millisecond)
	push(406, 60*time.Millisecond)
	if got := got[len(got)-3:]; !slices.Equal(got, []uint16{402, 405, 406}) {
		t.Errorf("%v came out last, want 402, 405, 406", got)
	}
}

func FuzzH264Assembler(f *testing.F) {
	f.Add([]byte{0x7c, 0x85, 1, 2}, []byte{0x7c, 0x45, 3}, true)
	f.Add([]byte{24, 0, 2, 0x67, 1, 0, 9}, []byte{1}, false)
	f.Fuzz(func(t *testing.T, one, two []byte, gap bool) {
		a := h264Assembler{decoding: true}
		emit := func(u unit) {
			if len(u.data) == 0 {
				t.Error("an empty unit")
			}
		}
		a.push(&rtp.Packet{Payload: one}, false, emit)
		a.push(&rtp.Packet{Payload: two, Header: rtp.Header{Marker: true}}, gap, emit)
	})
}

// tap is a TrackLocalContext that notes when packets are written.
type tap struct {
	at      []time.Duration
	packets []rtp.Header
	start   time.Time
}

func (*tap) CodecParameters() []webrtc.RTPCodecParameters {
	return []webrtc.RTPCodecParameters{{RTPCodecCapability: codecTable[0].capability(h264Fmtp("42e01f")), PayloadType: 96}}
}
func (*tap) HeaderExtensions() []webrtc.RTPHeaderExtensionParameter { return nil }
func (*tap) SSRC() webrtc.SSRC                                      { return 1 }
func (*tap) SSRCRetransmission() webrtc.SSRC                        { return 0 }
func (*tap) SSRCForwardErrorCorrection() webrtc.SSRC                { return 0 }
func (t *tap) WriteStream() webrtc.TrackLocalWriter                 { return t }
func (*tap) ID() string                                             { return "tap" }
func (*tap) RTCPReader() interceptor.RTCPReader                     { return nil }
func (*tap) Write(b []byte) (int, error)                            { return len(b), nil }
func (t *tap) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	t.at = append(t.at, time.Since(t.start))
	t.packets = append(t.packets, *h)
	return len(payload), nil
}

func tapped(t testing.TB) (*stream, *tap) {
	t.Helper()
	row, _ := findCodec(media.H264)
	track := media.Track{Codec: media.H264, TimeBase: media.Rational{Num: 1, Den: 25}, FPS: media.Rational{Num: 25, Den: 1}}
	local, err := webrtc.NewTrackLocalStaticRTP(row.capability(h264Fmtp("42e01f")), "video", "x")
	if err != nil {
		t.Fatal(err)
	}
	out := &tap{start: time.Now()}
	if _, err := local.Bind(out); err != nil {
		t.Fatal(err)
	}
	s := &stream{plannedTrack: plannedTrack{track: track, codec: row}, local: local, payload: newH264Payloader(track), bundle: newBundle()}
	return s, out
}

// A large keyframe is spread over half a frame's time, in bursts; when the next picture
// comes, or the end, the rest leaves at once.
func TestPacing(t *testing.T) {
	for _, end := range []string{"nothing", "picture", "close"} {
		synctest.Test(t, func(t *testing.T) {
			s, out := tapped(t)
			p := newPacer(func(err error) { t.Error(err) })
			if err := p.send(s, &media.Packet{PTS: 1, Data: nal(0x65, 200*(maxPayload-2)+1)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
			<-p.turn
			early := len(out.at)
			p.turn <- struct{}{}
			want := 200
			switch end {
			case "nothing":
				time.Sleep(time.Second)
			case "picture":
				want++
				if err := p.send(s, &media.Packet{PTS: 2, Data: nal(0x41, 100)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			if len(out.at) != want || early < 200/4-burst || early > 200/4+burst {
				t.Fatalf("%s: %d packets after 5 of 20 ms, %d in all; want a quarter of 200, and %d", end, early, len(out.at), want)
			}
			last := out.at[199]
			if end != "nothing" && last != 5*time.Millisecond {
				t.Errorf("%s: the last packet left after %v, want 5 ms", end, last)
			}
			if end == "nothing" && (last < 15*time.Millisecond || last > 20*time.Millisecond) {
				t.Errorf("the last packet left after %v, want nearly half of 40 ms", last)
			}
			for i := burst; end == "nothing" && i < 200; i++ {
				if out.at[i] == out.at[i-burst] {
					t.Fatalf("more than %d packets left together", burst)
				}
			}
			if h := out.packets[199]; !h.Marker || h.Timestamp != 3600 || out.packets[198].Marker {
				t.Errorf("the last packet of the picture is %+v", h)
			}
			for i, h := range out.packets {
				if int(h.SequenceNumber) != i {
					t.Fatalf("packet %d has number %d", i, h.SequenceNumber)
				}
			}
		})
	}
}

// A picture of usual size leaves at once.
func TestUsualPictureIsNotSpread(t *testing.T) {
	s, out := tapped(t)
	p := newPacer(func(err error) { t.Error(err) })
	if err := p.send(s, &media.Packet{PTS: 1, Data: nal(0x65, together*(maxPayload-2)+1)}); err != nil {
		t.Fatal(err)
	}
	if len(out.packets) != together {
		t.Errorf("%d packets left at once, want %d", len(out.packets), together)
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
}

// Pictures out of display order are the operator's to mend.
func TestReorderedPicturesAreRefused(t *testing.T) {
	s, _ := tapped(t)
	p := newPacer(func(err error) { t.Error(err) })
	if err := p.send(s, &media.Packet{PTS: 3, Data: nal(0x65, 10)}); err != nil {
		t.Fatal(err)
	}
	if err := p.send(s, &media.Packet{PTS: 1, Data: nal(0x41, 10)}); !outputs.IsPermanent(err) {
		t.Errorf("error %v, want a permanent one", err)
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
}

// Sender reports map every track to one clock, to the nanosecond, at any time and
// however long the studio has been running.
func TestSenderReportsAgree(t *testing.T) {
	video, _ := findCodec(media.H264)
	audio, _ := findCodec(media.Opus)
	v := &stream{plannedTrack: plannedTrack{codec: video}}
	a := &stream{plannedTrack: plannedTrack{codec: audio}}
	for _, at := range []time.Duration{0, time.Second, 12345678901 * time.Nanosecond, 13 * time.Hour, 26*time.Hour + 7*time.Millisecond} {
		clock := studioToNTP{time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)}
		rv, ra := clock.report(clock.zero.Add(at), v), clock.report(clock.zero.Add(at), a)
		if rv.NTPTime != ra.NTPTime {
			t.Fatalf("at %v: NTP %x and %x", at, rv.NTPTime, ra.NTPTime)
		}
		told := ntpToTime(rv.NTPTime).Sub(clock.zero)
		if d := (told - at).Abs(); d > time.Millisecond {
			t.Errorf("at %v: the report speaks of %v", at, told)
		}
		for _, c := range []struct {
			rtpTime uint32
			hz      int64
		}{{rv.RTPTime, 90000}, {ra.RTPTime, 48000}} {
			units := int64(told) * c.hz / int64(time.Second)
			if d := int32(c.rtpTime - uint32(units)); d < -1 || d > 1 {
				t.Errorf("at %v: %d Hz: RTP time is %d units off", at, c.hz, d)
			}
		}
	}
}
