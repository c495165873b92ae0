package ui

import (
	"slices"

	"crosspoint.studio/crosspoint/app/engine"
)

// sendAsked queues a command of the palette. One that stops something that runs is asked about
// first, in the words of the button that does the same; what is the command's name there.
func (w *window) sendAsked(what string, cmd engine.Command) {
	question := stopQuestion(w.desk.state, cmd)
	if question == "" {
		w.desk.send(cmd)
		return
	}
	w.place.bar.ask(what+": "+question,
		answer{caption: "Yes", tip: "Do it now", risky: true, do: func() { w.desk.send(cmd) }},
		answer{caption: "No", tip: "Leave it as it is (Esc)"})
}

// stopQuestion is the question before a command; "" for one that stops nothing.
func stopQuestion(s *engine.State, cmd engine.Command) string {
	if s == nil {
		return ""
	}
	switch c := cmd.(type) {
	case *engine.StopLive:
		if running(s.Destinations, c.Destinations, c.Group) {
			return oneOrAll(len(c.Destinations) > 0 || c.Group != "", askLive)
		}
	case *engine.StopRecording:
		if running(s.Recordings, c.Recordings, "") {
			return oneOrAll(len(c.Recordings) > 0, askRecording)
		}
	case *engine.StopISO:
		if running(s.ISOs, c.Sources, "") {
			return askStop
		}
	case *engine.StopReplay:
		if s.Replay.Running {
			return askReplay
		}
	case *engine.RemoveDestination:
		if running(s.Destinations, []string{c.ID}, "") {
			return askRemove
		}
	case *engine.RemoveRecording:
		if running(s.Recordings, []string{c.ID}, "") {
			return askRemove
		}
	}
	return ""
}

func oneOrAll(some bool, all string) string {
	if some {
		return askStop
	}
	return all
}

// running reports whether one of those named, of a group, or without both of all runs.
func running(list []engine.DestinationState, ids []string, group string) bool {
	return slices.ContainsFunc(list, func(d engine.DestinationState) bool {
		named := slices.Contains(ids, d.ID) || group != "" && d.Group == group
		return d.Started && (named || len(ids) == 0 && group == "")
	})
}
