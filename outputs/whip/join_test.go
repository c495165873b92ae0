package whip

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/media"
)

// What a stream is when its sender's reports come late, for one track only, or never: the
// times that are handed on make no step, none goes back, and sound stays with the pictures.
func TestJoinWithoutReports(t *testing.T) {
	const (
		video, audio = 0, 1
		length       = 6 * time.Second
		frame        = time.Second / 25
	)
	for _, c := range []struct {
		name    string
		reports map[time.Duration][]int // what is reported, and when it arrives
		slow    time.Duration           // by how much the keyframe is longer on its way
		within  time.Duration           // of sound and picture
	}{
		{"before the first unit", map[time.Duration][]int{0: {video, audio}}, 0, 0},
		{"in time", map[time.Duration][]int{time.Second: {video, audio}}, 0, 0},
		{"late", map[time.Duration][]int{2500 * time.Millisecond: {video, audio}, 3500 * time.Millisecond: {video, audio}}, 70 * time.Millisecond, maxDrift},
		{"late, sound first", map[time.Duration][]int{2500 * time.Millisecond: {audio, video}, 3500 * time.Millisecond: {audio, video}}, 70 * time.Millisecond, maxDrift},
		{"of sound alone", map[time.Duration][]int{0: {audio}}, 70 * time.Millisecond, maxDrift},
		{"of pictures alone", map[time.Duration][]int{0: {video}}, 70 * time.Millisecond, maxDrift},
		{"never", nil, 70 * time.Millisecond, maxDrift},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &ingest{log: slog.New(slog.DiscardHandler)}
			for i, codec := range []media.Codec{media.H264, media.Opus} {
				row, ok := findCodec(codec)
				if !ok {
					t.Fatalf("no %v", codec)
				}
				in.tracks = append(in.tracks, newIngestTrack(i, row.kind(), row, ""))
				in.tracks[i].asked = time.Now().Add(time.Hour) // there is no connection to ask over
			}
			sink := &collector{ended: make(chan struct{})}
			j := &joiner{in: in, sink: sink}
			began := time.Now()
			theirs := began.Add(-31 * time.Hour) // the sender's clock is another
			begin := [2]uint32{4000000000, 77}
			rtpTime := func(track int, at time.Duration) uint32 {
				return begin[track] + uint32(media.UnitsIn(at, in.tracks[track].codec.timeBase()))
			}
			type arrival struct {
				at   time.Duration
				take func(now time.Time)
			}
			var list []arrival
			for n := range int(length / frame) {
				at := time.Duration(n) * frame
				late := 13700 * time.Microsecond
				body := []byte{0x41, 0x9a, 1, 2, 3}
				if n == 0 {
					body, late = []byte{0x65, 0x88, 1, 2, 3}, late+c.slow
				}
				// The keyframe holds those behind it up.
				list = append(list, arrival{max(at+late-time.Millisecond, 14700*time.Microsecond+c.slow), func(now time.Time) {
					j.take(event{track: video, arrival: now, packet: &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: uint16(n), Timestamp: rtpTime(video, at)}, Payload: body}})
				}})
			}
			for n := range int(length / (20 * time.Millisecond)) {
				at := time.Duration(n) * 20 * time.Millisecond
				list = append(list, arrival{at + 4*time.Millisecond, func(now time.Time) {
					j.take(event{track: audio, arrival: now, packet: &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: rtpTime(audio, at)}, Payload: []byte{0xfc}}})
				}})
			}
			for at, tracks := range c.reports {
				list = append(list, arrival{at, func(now time.Time) {
					for _, i := range tracks {
						j.take(event{track: i, arrival: now, report: &rtcp.SenderReport{NTPTime: ntpTime(theirs.Add(at)), RTPTime: rtpTime(i, at)}})
					}
				}})
			}
			slices.SortStableFunc(list, func(a, b arrival) int { return int(a.at - b.at) })
			for _, a := range list {
				a.take(began.Add(a.at))
			}
			zero := [2]time.Duration{-1, -1} // each track's time of what was sent at 0
			count := [2]int{}
			for _, p := range sink.packets {
				sent := time.Duration(count[p.Track]) * []time.Duration{frame, 20 * time.Millisecond}[p.Track]
				if count[p.Track] == 0 {
					zero[p.Track] = p.Time
					if p.Track == video && !p.Keyframe {
						t.Error("the first picture is no keyframe")
					}
				} else if step := p.Time - sent - zero[p.Track]; step.Abs() > 50*time.Microsecond {
					t.Fatalf("track %d, %v after its start: a step of %v", p.Track, sent, step)
				}
				count[p.Track]++
			}
			if count != [2]int{int(length / frame), int(length / (20 * time.Millisecond))} {
				t.Fatalf("%v packets came", count)
			}
			if off := (zero[audio] - zero[video]).Abs(); off > c.within+50*time.Microsecond {
				t.Errorf("sound and picture are %v apart, want at most %v", off, c.within)
			}
		})
	}
}

// A mapping by arrival that reports contradict by more than is heard is given up.
func TestJoinFarFromItsReports(t *testing.T) {
	tl := timeline{timeBase: media.Rational{Num: 1, Den: 48000}}
	epoch := time.Now()
	tl.assume(epoch, epoch.Add(100*time.Millisecond), 0)
	if tl.report(epoch, epoch.Add(90*time.Millisecond), 0) {
		t.Error("10 ms moved a mapping by arrival")
	}
	if !tl.report(epoch, epoch.Add(80*time.Millisecond), 0) || tl.pts(0) != 3840 {
		t.Errorf("20 ms moved it to %d, want 3840", tl.pts(0))
	}
	tl.assume(epoch, epoch, 0)
	if tl.pts(0) != 3840 {
		t.Error("an arrival moved a mapping by a report")
	}
}
