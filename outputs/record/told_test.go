//go:build linux

package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestChaptersAreTold: as soon as there are new ones, of every file, and not for each cut when
// cuts are none.
func TestChaptersAreTold(t *testing.T) {
	t.Parallel()
	for chapters, want := range map[string]int{"marks": 2, "cuts": 7, "none": 0} {
		o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv", "split_minutes": 4.0 / 60, "chapters": chapters})
		var e events
		o.files = e.add
		feed := newFastFeed(t)
		feed.before = func(p *media.Packet) {
			if p.Audio || !p.Keyframe {
				return
			}
			o.Mark(outputs.Mark{At: p.Time, Name: "Wide", Cut: true})
			if p.Time == 2*time.Second || p.Time == 6*time.Second {
				o.Mark(outputs.Mark{At: p.Time, Name: "Goal"})
			}
		}
		if err := o.Run(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, v := range e.list {
			if !v.Closed && len(v.Chapters) > 0 {
				told++
			}
		}
		if told != want {
			t.Errorf("%s: told %d times, want %d", chapters, told, want)
		}
	}
}

// TestKeyframesWithoutNews: where every picture is a keyframe, many marks cost nothing, and what
// is kept for another disk does not grow.
func TestKeyframesWithoutNews(t *testing.T) {
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv"})
	for i := range 1000 {
		o.Mark(outputs.Mark{At: time.Duration(i) * time.Millisecond, Name: "Goal"})
	}
	s := newSession(t.Context(), o, newFastFeed(t), "", "show")
	s.cur, s.spans = &segment{begun: true, part: 1, end: time.Second, mux: nowhereMuxer{}, holds: outputs.Contents{Packets: make([]int64, 2)}}, []span{{}}
	s.noteMarks()
	if n := testing.AllocsPerRun(100, s.noteMarks); n > 0 {
		t.Errorf("%v allocations where there is no new mark", n)
	}
	s.cur.synced.Store(1 << 40) // all is on the platter
	for i := range int64(1000) {
		at := time.Duration(i) * time.Second / 50
		if err := s.put(&media.Packet{PTS: i, DTS: i, Time: at, Keyframe: true}); err != nil {
			t.Fatal(err)
		}
		if len(s.tail) > 2*50*int(trimEvery)/int(time.Second)+2 || len(s.tail) != len(s.tailKeys) {
			t.Fatalf("%d packets are kept after %v", len(s.tail), at)
		}
	}
}

// nowhereMuxer writes nothing.
type nowhereMuxer struct{ muxer }

func (nowhereMuxer) WritePacket(*media.Packet) error { return nil }
func (nowhereMuxer) SetTimecodeLead(time.Duration)   {}
func (nowhereMuxer) SetSoundLead(int, int)           {}
func (nowhereMuxer) Written() int64                  { return 0 }

// deafDisk does not say how much room there is; it counts how often it is asked.
type deafDisk struct {
	disk
	asked int
}

func (d *deafDisk) Free(string) (int64, error) {
	d.asked++
	return 0, errors.New("no answer")
}

// TestNextFileIsNotTriedAtEveryKeyframe: where the next file cannot be made the present one
// goes on, that is said, and it is tried again after a while only.
func TestNextFileIsNotTriedAtEveryKeyframe(t *testing.T) {
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv", "split_minutes": 1.0 / 60})
	d := &deafDisk{disk: realDisk{}}
	o.disk = d
	s := newSession(t.Context(), o, newFastFeed(t), "", "show")
	present := &segment{begun: true, part: 1, path: "show.mkv"}
	s.begun, s.cur, s.spans, s.parts = true, present, []span{{}}, 1
	for i := range int64(25) {
		s.turn(&media.Packet{PTS: i * 25, DTS: i * 25, Time: time.Duration(i) * time.Second, Keyframe: true})
	}
	if d.asked != 3 { // at 1, 11 and 21 s
		t.Errorf("the next file was tried %d times in 25 s, want 3", d.asked)
	}
	if s.cur != present || !strings.Contains(s.warning, "the recording goes on in this one") {
		t.Errorf("it goes on in %+v and says %q", s.cur, s.warning)
	}
}
