package ts

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// A stream goes on past the end of MPEG-TS time, 2^33 of 1/90000 s or 26.5 hours after its
// beginning: pictures keep their distance, the clock reference goes on, and no counter misses.
func TestTimeGoesOnAfterItsEnd(t *testing.T) {
	t.Parallel()
	const wrap = 1 << 33
	clip := testkit.FeedClip(t)
	var raw []byte
	mux, err := av.NewMuxer(av.MuxerOptions{
		Format: "mpegts", Tracks: clip.Tracks, StartAtZero: true, Options: muxOptions(0),
		Write: func(b []byte) error {
			raw = append(raw, b...)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The second second lies right before the end, the rest follows it.
	const jump = 95440 * time.Second
	pictures := 0
	for _, p := range clip.Packets {
		q := *p
		if q.Time >= time.Second {
			tb := clip.Tracks[q.Track].TimeBase
			by := media.UnitsIn(jump, tb)
			q.PTS, q.DTS, q.Time = q.PTS+by, q.DTS+by, q.Time+jump
		}
		if !q.Audio {
			pictures++
		}
		if err := mux.WritePacket(&q); err != nil {
			t.Fatal(err)
		}
	}
	if err := mux.Close(); err != nil {
		t.Fatal(err)
	}

	leads := testkit.ClockLeads(raw)
	if len(leads) < pictures/4 {
		t.Errorf("%d of %d pictures have a clock reference", len(leads), pictures)
	}
	for _, lead := range leads {
		if lead != pcrLead {
			t.Errorf("a picture is to be decoded %v after its clock reference, want %v", lead, pcrLead)
		}
	}

	next := map[uint16]byte{}
	var times []int64 // PTS of pictures
	var clock int64 = -1
	wraps := 0
	for b := raw; len(b) >= packetBytes; b = b[packetBytes:] {
		pid := uint16(b[1]&0x1f)<<8 | uint16(b[2])
		payload := b[4:packetBytes]
		if b[3]&0x20 != 0 {
			if n := int(b[4]); n > 6 && b[5]&0x10 != 0 { // program clock reference
				pcr := int64(b[6])<<25 | int64(b[7])<<17 | int64(b[8])<<9 | int64(b[9])<<1 | int64(b[10])>>7
				if clock >= 0 && (pcr-clock+wrap)%wrap > 95450*90000 {
					t.Errorf("the clock reference runs backwards, from %d to %d", clock, pcr)
				}
				if pcr < clock {
					wraps++
				}
				clock = pcr
			}
			payload = payload[1+int(b[4]):]
		}
		if b[3]&0x10 == 0 {
			continue
		}
		if want, known := next[pid]; known && want != b[3]&15 {
			t.Fatalf("PID %d has counter %d, want %d", pid, b[3]&15, want)
		}
		next[pid] = (b[3]&15 + 1) & 15
		if b[1]&0x40 != 0 && len(payload) > 14 && payload[3]&0xf0 == 0xe0 && payload[7]&0x80 != 0 { // a picture's PES packet
			p := payload[9:]
			times = append(times, int64(p[0]>>1&7)<<30|int64(p[1])<<22|int64(p[2]>>1)<<15|int64(p[3])<<7|int64(p[4]>>1))
		}
	}
	if len(times) != pictures || wraps != 1 {
		t.Fatalf("%d pictures of %d have a time, the clock reference wrapped %d times", len(times), pictures, wraps)
	}
	large := 0
	for i := 1; i < len(times); i++ {
		switch step := (times[i] - times[i-1] + wrap) % wrap; {
		case step == int64(jump/time.Second)*90000+6000:
			large++
		case step != 6000: // at 15 pictures a second
			t.Errorf("picture %d is %d after the one before", i, step)
		}
	}
	if large != 1 {
		t.Errorf("the jump came %d times", large)
	}
}
