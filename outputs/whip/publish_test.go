package whip

import (
	"bytes"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

// Every access unit and Opus packet arrives, equal and in order, and pictures and
// sound keep their distance although pictures leave 130 ms later than sound.
func TestPublishArrivesExactly(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { publishArrivesExactly(a) })
}

func publishArrivesExactly(t testing.TB) {
	s := newTestServer(t, nil)
	feed := newPlayout(t, clipSeconds*time.Second)
	if err := newOutput(t, s.url(), testToken).Run(t.Context(), feed); err != nil {
		t.Fatalf("Run: %v", err)
	}
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Errorf("the stream ended with %v, want nil", err)
	}
	compare(t, feed, sink)

	if got, want := len(sink.tracks), 2; got != want {
		t.Fatalf("%d tracks, want %d", got, want)
	}
	if v := sink.tracks[0]; v.Codec != media.H264 || v.Width != 640 || v.Height != 360 || !h264.Has(v.Extradata, h264.TypePPS) {
		t.Errorf("video track is %+v", v)
	}
	if a := sink.tracks[1]; a.Codec != media.Opus || a.SampleRateHz != 48000 || a.Channels != 2 {
		t.Errorf("audio track is %+v", a)
	}
	if feed.keyframes.Load() == 0 {
		t.Error("no keyframe was requested although the server sends a PLI when it joins")
	}
	r := feed.last()
	if r.State != outputs.Confirmed || r.AckedBytes == 0 || r.AckedBytes > r.SentBytes || r.SentPackets == 0 {
		t.Errorf("last report %+v", r)
	}
	if r.RTT <= 0 || r.RTT > 500*time.Millisecond {
		t.Errorf("RTT %v on loopback", r.RTT)
	}
	// The kernel drops a packet where the reader's buffer is full because it waits for a
	// processor; it was repeated, as everything has arrived.
	if r.LostPercent > 0.5 {
		t.Errorf("lost %.2f %% on loopback", r.LostPercent)
	}
}

// A stream of another profile is agreed on by its own name.
func TestHighProfileIsAgreedOn(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { highProfileIsAgreedOn(a) })
}

func highProfileIsAgreedOn(t testing.TB) {
	s := newTestServer(t, nil)
	feed := newPlayout(t, time.Second)
	feed.tracks[0].Extradata = []byte{
		0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03,
		0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
	}
	if err := newOutput(t, s.url(), testToken).Run(t.Context(), feed); err != nil {
		t.Fatalf("Run: %v", err)
	}
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	compare(t, feed, sink)
}

// compare holds what a sink got against what the feed gave.
func compare(t testing.TB, feed *playout, sink *collector) {
	t.Helper()
	var shift [2]time.Duration
	for kind, audio := range []bool{false, true} {
		sent, got := of(feed.sent, audio), of(sink.packets, audio)
		if len(got) != len(sent) {
			t.Fatalf("audio=%v: %d packets arrived of %d", audio, len(got), len(sent))
		}
		for i := range sent {
			want := sent[i].Data
			if !audio {
				want = canonical(want)
			}
			if !bytes.Equal(got[i].Data, want) {
				t.Fatalf("audio=%v: packet %d differs: %d bytes, want %d", audio, i, len(got[i].Data), len(want))
			}
			if got[i].Keyframe != sent[i].Keyframe {
				t.Errorf("audio=%v: packet %d: keyframe %v, want %v", audio, i, got[i].Keyframe, sent[i].Keyframe)
			}
			d := got[i].Time - sent[i].Time
			if i == 0 {
				shift[kind] = d
			}
			if (d - shift[kind]).Abs() > 20*time.Microsecond {
				t.Fatalf("audio=%v: packet %d moved by %v against the first", audio, i, d-shift[kind])
			}
			if audio && got[i].Duration != sent[i].Duration {
				t.Errorf("packet %d lasts %d samples, want %d", i, got[i].Duration, sent[i].Duration)
			}
		}
	}
	offset := shift[0] - shift[1]
	t.Logf("A/V offset %v", offset)
	if offset.Abs() > time.Millisecond {
		t.Errorf("pictures moved by %v against sound", offset)
	}
}
