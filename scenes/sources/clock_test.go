package sources

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

func virtual(fps media.Rational) Options {
	opt := hd(640, 360, fps)
	opt.Clock = media.NewVirtualClock()
	return opt
}

func TestClockConforms(t *testing.T) {
	conforms(t, Clock(), `{"format":"hh:mm:ss"}`, virtual(fps25), 5, 0)
	conforms(t, Clock(), `{"format":"timecode"}`, virtual(fps2997), 40, 0)
	conforms(t, Clock(), `{"format":"hh:mm:ss"}`, hd(640, 360, fps25), 1, 0)
}

func TestClockOnAVirtualClock(t *testing.T) {
	a := capture(t, Clock(), `{}`, virtual(fps25), 4, 0)
	b := capture(t, Clock(), `{"timezone":"Asia/Tokyo"}`, virtual(fps25), 4, 0)
	face, err := newClockFace(&defaultClock(t).set.textStyle, "hh:mm:ss")
	if err != nil {
		t.Fatal(err)
	}
	for n, f := range a.frames {
		if want := time.Duration(n) * time.Second; f.PTS != want {
			t.Errorf("picture %d is at %v", n, f.PTS)
		}
		want := face.picture(time.Unix(int64(n), 0).UTC().Format("15:04:05"))
		if !bytes.Equal(f.Planes[0].Data, want.Planes[0].Data) || !bytes.Equal(f.Planes[0].Data, b.frames[n].Planes[0].Data) {
			t.Errorf("picture %d does not show 00:00:0%d", n, n)
		}
	}
}

// defaultClock is a clock with default settings.
func defaultClock(t *testing.T) *clock {
	t.Helper()
	src, err := Clock().New(nil, virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	return src.(*clock)
}

func TestClockTimecodeCountsFrames(t *testing.T) {
	sink := capture(t, Clock(), `{"format":"timecode"}`, virtual(fps2997), 33, 0)
	face, err := newClockFace(&defaultClock(t).set.textStyle, "timecode")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{0: "00:00:00:00", 29: "00:00:00:29", 30: "00:00:01:00", 32: "00:00:01:02"} {
		f := sink.frames[n]
		if f.PTS != media.TickTime(int64(n), fps2997) {
			t.Errorf("picture %d is at %v", n, f.PTS)
		}
		if !bytes.Equal(f.Planes[0].Data, face.picture(want).Planes[0].Data) {
			t.Errorf("picture %d does not show %s", n, want)
		}
	}
}

func TestClockOnARealClockChangesWithTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, err := Clock().New(json.RawMessage(`{"timezone":"UTC"}`), hd(640, 360, fps25))
		if err != nil {
			t.Fatal(err)
		}
		c := src.(*clock)
		c.opt.Clock = media.NewRealClock()
		time.Sleep(300 * time.Millisecond) // of the bubble's time: the first second is under way
		sink := newRecorder(Live, 10, 10)
		opened := time.Now()
		work := start(t, src, sink)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		work.cancel()
		<-work.done
		defer sink.release()
		want := []time.Duration{0, 700 * time.Millisecond, 1700 * time.Millisecond, 2700 * time.Millisecond}
		if len(sink.pts) != len(want) {
			t.Fatalf("pictures at %v, want at %v", sink.pts, want)
		}
		for i := range want {
			if sink.pts[i] != want[i] {
				t.Errorf("picture %d is at %v, want %v", i, sink.pts[i], want[i])
			}
		}
		face, err := newClockFace(&c.set.textStyle, "hh:mm:ss")
		if err != nil {
			t.Fatal(err)
		}
		last := face.picture(opened.Add(2700 * time.Millisecond).UTC().Format("15:04:05"))
		if !bytes.Equal(sink.frames[3].Planes[0].Data, last.Planes[0].Data) {
			t.Error("the last picture does not show the time")
		}
	})
}

func TestClockKeepsItsSize(t *testing.T) {
	sink := capture(t, Clock(), `{"font":"DejaVu Serif","outline_width":2,"box":"#000","format":"timecode"}`, virtual(fps25), 30, 0)
	for n, f := range sink.frames {
		if f.Width != sink.frames[0].Width || f.Height != sink.frames[0].Height {
			t.Fatalf("picture %d is %dx%d, the first %dx%d", n, f.Width, f.Height, sink.frames[0].Width, sink.frames[0].Height)
		}
	}
}

func TestClockRefusesWrongSettings(t *testing.T) {
	for _, raw := range []string{`{"format":"12h"}`, `{"timezone":"Mars/Olympus"}`, `{"text":"x"}`} {
		if _, err := Clock().New(json.RawMessage(raw), Options{}); err == nil {
			t.Errorf("%s was accepted", raw)
		}
	}
}
