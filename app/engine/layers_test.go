package engine

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestSimulcastRefusals: what cannot be sent along is said before anything opens, and
// nothing of the destination goes on running.
func TestSimulcastRefusals(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"low","video":{"width":80,"height":44,"bitrate_kbps":100,"preset":"ultrafast"}},
			{"id":"hevc","video":{"codec":"hevc","width":80,"height":44,"bitrate_kbps":100}},{"id":"big","video":{"bitrate_kbps":400}}],
		"destinations":[
			{"id":"plain","kind":"fake","settings":{"to":"x"},"simulcast":["low"]},
			{"id":"two","kind":"webrtc","settings":{"to":"x"},"simulcast":["low","hevc"]},
			{"id":"mixed","kind":"webrtc","settings":{"to":"x"},"simulcast":["hevc"]},
			{"id":"rising","kind":"webrtc","settings":{"to":"x"},"simulcast":["big"]},
			{"id":"late","kind":"webrtc","settings":{"to":"x"},"simulcast":["low"],"delay_seconds":5}]}`)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["webrtc"]
		k.Layers = 1
		o.OutputKinds["webrtc"] = k
	})
	stop := s.live(t)
	defer stop()
	s.must(t, &GoLive{})
	for id, want := range map[string]string{
		"plain": "0 further renditions, not 1", "two": "1 further renditions, not 2", "mixed": "simulcast has one codec",
		"rising": "not smaller", "late": "delayed destination",
	} {
		st := s.until(t, id+" has failed", func(st *State) bool { return destinationOf(st, id).Report.State == outputs.Failed })
		if d := destinationOf(st, id); !strings.Contains(d.Problem, want) {
			t.Errorf("%s: %q, want %q", id, d.Problem, want)
		}
	}
	s.until(t, "no encode runs", func(st *State) bool { return len(st.Renditions) == 0 })
}

// TestSimulcastWithBackup: a backup of a kind that cannot send further renditions sends
// the first, and the encode of the others ends with the destination.
func TestSimulcastWithBackup(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"low","video":{"width":80,"height":44,"bitrate_kbps":100,"preset":"ultrafast"}}],
		"destinations":[{"id":"d","kind":"webrtc","settings":{"to":"first","mode":"permanent"},"simulcast":["low"],
			"backups":[{"name":"other","kind":"fake","settings":{"to":"second"}}]}]}`)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["webrtc"]
		k.Layers = 2
		o.OutputKinds["webrtc"] = k
	})
	stop := s.live(t)
	defer stop()
	s.must(t, &GoLive{})
	st := s.until(t, "the backup carries it", func(st *State) bool {
		d := destinationOf(st, "d")
		return d.Chain != nil && d.Chain.Active == 1 && d.Report.State == outputs.Confirmed
	})
	if n := len(st.Renditions); n != 2 {
		t.Errorf("%d encodes run, want 2", n)
	}
	s.must(t, &StopLive{})
	s.until(t, "it has stopped", func(st *State) bool {
		return destinationOf(st, "d").Report.State == outputs.Idle && len(st.Renditions) == 0
	})
}
