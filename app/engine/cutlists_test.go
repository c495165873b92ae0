package engine

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

// TestCutListsAreFrameExact: whatever a cut list asks for at a frame is what the programme
// recording shows there, by the counters in both.
func TestCutListsAreFrameExact(t *testing.T) {
	dir := t.TempDir()
	black := true
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists = true
		o.Ticks = 150
		o.Commands = []Timed{
			{7, &StartRecording{}},
			{20, &Cut{}},                       // one > two
			{31, &AutoTake{}},                  // a mix of six frames: two > one
			{50, &Cut{Scene: "both"}},          // only the programme has it
			{60, &AutoTake{}},                  // both > two: not a dissolve of files
			{75, &SetTransition{Kind: "wipe"}}, //
			{76, &AutoTake{}},                  // two > both … again
			{90, &Cut{Scene: "cam1"}},          // a bare source
			{95, &StopISO{Sources: []string{"cam1"}}},
			{105, &FadeToBlack{On: &black}},
			{140, &Cut{Scene: "two"}},
		}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	programme := filepath.Join(dir, "show.mkv")
	files := map[string][]shot{}
	first := map[string]int64{}
	for _, f := range append(append(isoFiles(t, dir, "cam1"), isoFiles(t, dir, "cam2")...), programme) {
		files[f], first[f] = shots(t, f)
	}
	pgm := files[programme]
	if len(pgm) != 143 {
		t.Fatalf("the programme has %d pictures", len(pgm))
	}
	stem := filepath.Join(dir, "show")
	for name, got := range map[string]read{
		"otio": readOTIO(t, stem+".otio"), "edl": readEDL(t, stem+".edl", first), "fcpxml": readFCPXML(t, stem+".fcpxml"),
	} {
		own, mixed := 0, 0
		for i := range int64(len(pgm)) {
			p, ok := got[i]
			switch {
			case !ok:
				mixed++
			case p.file == "":
				if pgm[i] != (shot{}) {
					t.Errorf("%s: frame %d is black, the programme shows %v", name, i, pgm[i])
				}
			default:
				list := files[p.file]
				if int(p.frame) >= len(list) || p.frame < 0 {
					t.Fatalf("%s: frame %d is frame %d of %q, which has %d", name, i, p.frame, p.file, len(list))
				}
				if list[p.frame] != pgm[i] {
					t.Errorf("%s: frame %d is %v of %s, the programme shows %v", name, i, list[p.frame], filepath.Base(p.file), pgm[i])
				}
				if p.file != programme {
					own++
				}
			}
		}
		// One > two > (mix) one, then a bare source for as long as it was recorded.
		if own < 50 || mixed != 5 || len(got) != 143-5 {
			t.Errorf("%s: %d frames from sources, %d mixed, %d listed", name, own, mixed, len(got))
		}
	}
}

// TestCutListsOfWhatRanAlready: a recording that joins an encode which goes on begins with
// the very tick of its start on the virtual clock, and every event of the lists has the
// right picture of the right file, also where the container has no timecode.
func TestCutListsOfWhatRanAlready(t *testing.T) {
	for _, container := range []string{"mkv", "mp4", "ts"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStudio(t, parse(t, strings.ReplaceAll(isoShow(dir), "show.mkv", "show."+container)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 110
				o.Commands = []Timed{
					{0, &StartReplay{}}, // the encode
					{0, &StartISO{}},
					{14, &AutoTake{}}, // a mix of six frames: one > two
					{18, &StartRecording{}},
					{40, &Cut{}},      // two > one
					{60, &AutoTake{}}, // one > two
					{80, &Cut{Scene: "both"}},
				}
			})
			s.run(t, t.Context(), time.Minute)
			for _, w := range s.State().Warnings {
				t.Error(w.Text)
			}
			journal, first, own := wantListsRight(t, dir, "show."+container, true, 0)
			// All but the last frame of the mix, five of the other, and "both" at the end.
			if at := startedAt(journal); first != 18 || at != 18 || own != 80-19-5 {
				t.Errorf("the programme begins at tick %d, started at %d, %d frames are from sources", first, at, own)
			}
		})
	}
}

// TestCutListsBeginWithTheFile: on the real clock a recording takes a keyframe that is
// still in the encoder, and so begins before its start; the lists begin with it.
func TestCutListsBeginWithTheFile(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) {
		dir := a.TempDir()
		doc := strings.NewReplacer(`"preset":"ultrafast"`, `"preset":"veryfast"`, `"keyframe_seconds":0.5`, `"keyframe_seconds":0.25`).Replace(isoShow(dir))
		s := newStudio(a, parse(a, doc), media.NewRealClock(), func(o *Options) {
			realRecords(o)
			o.CutLists = true
		})
		ctx, cancel := context.WithCancel(a.Context())
		defer cancel()
		done := s.start(a, ctx)
		s.must(a, &StartReplay{})
		s.must(a, &StartISO{})
		s.until(a, "it runs", func(st *State) bool { return st.ISOs[1].Report.State == outputs.Confirmed && st.Replay.Held > 0 })
		s.must(a, &StartRecording{})
		start := s.State().Tick
		s.until(a, "some of one", func(st *State) bool { return st.Tick > start+15 })
		s.must(a, &Cut{})
		s.until(a, "some of two", func(st *State) bool { return st.Tick > start+25 })
		s.must(a, &AutoTake{})
		s.until(a, "some of one again", func(st *State) bool { return st.Tick > start+45 })
		cancel()
		finish(a, done, time.Minute)
		journal, first, own := wantListsRight(a, dir, "show.mkv", false, s.State().Counters.Repeated)
		if at := startedAt(journal); first >= at || own < 35 {
			a.Errorf("the programme begins at tick %d, it was started at %d; %d frames are from sources", first, at, own)
		}
	})
}
