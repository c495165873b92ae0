package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// steerable is a delivery with two ingests that share an encode, without their outputs.
func steerable(clock media.Clock) (v *delivery, video *videoRunner) {
	const bps = 6_000_000
	v = &delivery{d: &deliveries{e: &Engine{clock: clock}}}
	video = &videoRunner{track: media.Track{BitrateBPS: bps}, users: map[*delivery]int{}}
	video.wanted.Store(bps)
	for i := range 2 {
		v.legs = append(v.legs, &leg{v: v, index: i, link: &link{video: video}, congestion: outputs.NewCongestion(bps, 0)})
		video.join(v)
	}
	return v, video
}

// narrow plays a network of 3 Mb/s in front of which a second of stream waits.
func narrow(l *leg, d time.Duration) {
	for at := time.Duration(0); at < d; at += outputs.ProgressEvery {
		l.Watch(outputs.Progress{AckedBytes: 1 + int64(at.Seconds()*3_000_000/8), UnackedBytes: 6_000_000 / 8})
		time.Sleep(outputs.ProgressEvery)
	}
}

// TestSteeringKnowsTheEncoder: what takes no effect, since the encode is shared or another
// ingest is active, is not taken for what the encoder makes.
func TestSteeringKnowsTheEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, video := steerable(media.NewRealClock())
		recording, at := &delivery{}, func(what string, least, most int64) {
			t.Helper()
			if got := video.aim(); got < least || got > most {
				t.Errorf("%s the encoder aims at %d b/s, want %d to %d", what, got, least, most)
			}
		}
		video.join(recording)
		narrow(v.legs[0], 30*time.Second)
		at("beside a recording", 6_000_000, 6_000_000)
		video.leave(recording)
		narrow(v.legs[0], 700*time.Millisecond)
		at("alone, on 3 Mb/s,", 2_400_000, 3_000_000)
		video.join(recording)
		video.leave(recording)
		narrow(v.legs[0], 700*time.Millisecond)
		at("after another recording", 2_400_000, 3_000_000)
		narrow(v.legs[1], 30*time.Second)
		v.active.Store(1)
		v.legs[0].letGo()
		at("let go", 6_000_000, 6_000_000)
		narrow(v.legs[1], 700*time.Millisecond)
		at("with the other ingest", 2_400_000, 3_000_000)
	})
}

// TestSteeringNotInARender: there the bitrate would follow the speed of the machine.
func TestSteeringNotInARender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, video := steerable(media.NewVirtualClock())
		narrow(v.legs[0], 2*time.Second)
		v.legs[0].SetBitrate(1_000_000)
		if got := video.aim(); got != 6_000_000 {
			t.Errorf("the encoder aims at %d b/s", got)
		}
	})
}
