package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// TestScheduleOfAClockThatIsSetBack: a clock that goes by a time again, which was carried out,
// starts and stops nothing, and that is told; a time that is written anew counts again.
func TestScheduleOfAClockThatIsSetBack(t *testing.T) {
	s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}}],
		"destinations":[{"id":"d","name":"Evening","kind":"fake","settings":{"to":"d"},"start_at":"2026-05-01T20:00:00Z","stop_at":"2026-05-01T20:30:00Z"}]}`), media.NewRealClock(), nil)
	// keepTimes is of the tick goroutine, which does not run here.
	s.ctx = t.Context()
	starts := func(text string) Command {
		d, _ := s.show.Destination("d")
		d.StartAt = text
		return PutDestination{d}
	}
	for _, c := range []struct {
		what    string
		command Command // given before the clock is looked at; nil: none
		at      string  // what the clock says
		started bool
		told    string // part of the warning; empty: there is none
	}{
		{"before", nil, "19:59:59", false, ""},
		{"it starts", nil, "20:00:01", true, ""},
		{"it stops", nil, "20:30:01", false, ""},
		{"set back", nil, "19:59:58", false, ""},
		{"the start again", nil, "20:00:01", false, "Evening went live at 20:00 on 1 May already"},
		{"by hand", GoLive{}, "20:00:02", true, ""},
		{"the stop again", nil, "20:30:01", true, "Evening was stopped at 20:30 on 1 May already"},
		{"stopped by hand", StopLive{}, "20:30:02", false, ""},
		{"another time", starts("2026-05-01T20:40:00Z"), "20:40:01", true, ""},
		{"stopped by hand again", StopLive{}, "20:40:02", false, ""},
		{"set back a little", nil, "20:39:58", false, ""},
		{"and its start again", nil, "20:40:01", false, "Evening went live at 20:40 on 1 May already"},
		{"set back once more", nil, "20:39:58", false, "Evening went live at 20:40 on 1 May already"},
		{"the same moment, written anew", starts("2026-05-01T22:40:00+02:00"), "20:40:01", true, ""},
		{"stopped before it is set back", StopLive{}, "20:40:02", false, ""},
		{"set back and started by hand", GoLive{}, "20:39:58", true, ""},
		{"by the start, running", nil, "20:40:01", true, ""},
	} {
		if c.command != nil {
			must(t, s.Engine, c.command)
		}
		now, err := time.Parse(time.RFC3339, "2026-05-01T"+c.at+"Z")
		if err != nil {
			t.Fatal(err)
		}
		s.keepTimes(now)
		if got := s.Engine.outs.started("d"); got != c.started {
			t.Errorf("%s: it is started: %v, want %v", c.what, got, c.started)
		}
		text := ""
		for _, w := range s.warn.all() {
			text += w.Text
		}
		if c.told == "" && text != "" || !strings.Contains(text, c.told) {
			t.Errorf("%s: told %q, want %q", c.what, text, c.told)
		}
	}
	s.Engine.outs.close()
	s.comp.Close()
}

// TestScheduleRunsNoProgramOfAStranger: with ProgramsByHand a program that was not started
// since the show was opened is not run by the clock, not that of a backup either; without, and
// once it was started by hand, it is. Another program is another.
func TestScheduleRunsNoProgramOfAStranger(t *testing.T) {
	const fake = `"kind":"fake","settings":{"to":"d","program":"%s"}`
	for _, c := range []struct {
		name, primary, backup string
		unasked, before       bool // ProgramsByHand is off; started and stopped by hand before
		becomes               string
		want                  bool
	}{
		{name: "none", want: true},
		{name: "a program", primary: "sh"},
		{name: "a backup's", backup: "sh"},
		{name: "on a server", primary: "sh", unasked: true, want: true},
		{name: "started before", primary: "sh", before: true, want: true},
		{name: "another since", primary: "sh", before: true, becomes: "rm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			destination := func(program string) string {
				return fmt.Sprintf(`{"id":"d","name":"Evening",`+fake+`,"start_at":"2026-05-01T20:00:00Z","backups":[{"name":"b",`+fake+`}]}`, program, c.backup)
			}
			s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}}],
				"destinations":[`+destination(c.primary)+`]}`), media.NewRealClock(), func(o *Options) { o.ProgramsByHand = !c.unasked })
			s.ctx = t.Context() // keepTimes is of the tick goroutine, which does not run here
			if c.before {
				must(t, s.Engine, GoLive{})
				must(t, s.Engine, StopLive{})
			}
			if c.becomes != "" {
				var d scenes.Destination
				if err := json.Unmarshal([]byte(destination(c.becomes)), &d); err != nil {
					t.Fatal(err)
				}
				must(t, s.Engine, PutDestination{Destination: d})
			}
			for _, at := range []string{"2026-05-01T19:59:59Z", "2026-05-01T20:00:01Z"} {
				now, err := time.Parse(time.RFC3339, at)
				if err != nil {
					t.Fatal(err)
				}
				s.keepTimes(now)
			}
			told := ""
			for _, w := range s.warn.all() {
				told += w.Text
			}
			if got := s.Engine.outs.started("d"); got != c.want || got == strings.Contains(told, "runs a program") {
				t.Errorf("started: %v, want %v; told %q", got, c.want, told)
			}
			s.Engine.outs.close()
			s.comp.Close()
		})
	}
}
