package engine

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestMixThatIsCarriedStays: a mix whose sound a running destination or recording carries, as
// it was started, goes neither by hand nor by Undo or Redo; once that is stopped it does.
func TestMixThatIsCarriedStays(t *testing.T) {
	mix := scenes.Bus{ID: "mix", Name: "Mix 1"}
	dest := func(s *studio, change func(*scenes.Destination)) Command {
		d, _ := s.show.Destination("d")
		change(&d)
		return PutDestination{d}
	}
	plain := `"bus":""`
	remove := RemoveBus{ID: "mix", Cascade: true}
	for _, c := range []struct {
		name                        string
		buses, rendition, d, tracks string
		before                      func(s *studio) []Command
		command                     Command
		by                          string // what carries it; empty: nothing does
	}{
		{"of a destination", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, "Stage"},
		{"that was edited since", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(s *studio) []Command {
			return []Command{GoLive{}, dest(s, func(d *scenes.Destination) { d.Bus = "" })}
		}, remove, "Stage"},
		{"of its rendition", `{"id":"mix","name":"Mix 1"}`, "mix", plain, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, "Stage"},
		{"of a track of a recording", `{"id":"mix","name":"Mix 1"}`, "pgm", plain, `{},{"bus":"mix"}`, func(*studio) []Command { return []Command{GoLive{}, StartRecording{}} }, remove, "Disk"},
		{"of a track that is not sent", `{"id":"mix","name":"Mix 1"}`, "pgm", `"tracks":[{},{"bus":"mix"}]`, "", func(*studio) []Command { return []Command{GoLive{}} }, remove, ""},
		{"of a destination that does not run", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command { return []Command{StartRecording{}} }, remove, ""},
		{"undo of the mix", "", "pgm", plain, "", func(s *studio) []Command {
			return []Command{PutBus{mix}, dest(s, func(d *scenes.Destination) { d.Bus = "mix" }), GoLive{}, Undo{}}
		}, Undo{}, "Stage"},
		{"redo of its removal", `{"id":"mix","name":"Mix 1"}`, "pgm", `"bus":"mix"`, "", func(*studio) []Command {
			return []Command{remove, Undo{}, GoLive{}}
		}, Redo{}, "Stage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},"buses":[`+c.buses+`],
				"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"},"audio":{"bus":"`+c.rendition+`"}}],
				"destinations":[{"id":"d","name":"Stage","kind":"fake","settings":{"to":"d"},`+c.d+`}],
				"recordings":[{"id":"r","name":"Disk","settings":{"to":"r"},"tracks":[`+c.tracks+`]}]}`), media.NewRealClock(), nil)
			// The tick does not run here: nothing is encoded, and what is started goes on until the end.
			s.ctx = t.Context()
			defer s.comp.Close()
			defer s.Engine.outs.close()
			for _, command := range c.before(s) {
				must(t, s.Engine, command)
			}
			err := s.apply(c.command)
			if c.by != "" {
				want := "the mix Mix 1 is the sound of " + c.by + " and would go with this: stop that first"
				if err == nil || err.Error() != want {
					t.Fatalf("%v, want %s", err, want)
				}
				s.publish()
				for _, b := range s.State().Buses {
					if b.ID == "mix" && strings.Join(b.Carried, ", ") != c.by {
						t.Errorf("it is carried by %q, want %s", b.Carried, c.by)
					}
				}
				must(t, s.Engine, StopLive{}, StopRecording{})
				err = s.apply(c.command)
			}
			if _, stays := s.show.Bus("mix"); err != nil || stays {
				t.Errorf("%v; it is still there: %v", err, stays)
			}
		})
	}
}
