package ui

import (
	"fmt"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/app/engine"
)

// askClose ends the window at once when nothing is lost by it, and asks in the bar
// otherwise; everything goes on until the answer.
func (w *window) askClose() {
	w.clear()
	w.desk.settle(w.askLoss)
}

func (w *window) askLoss() {
	s, info := w.desk.state, w.files.info()
	save := answer{caption: "Save and close", tip: "Save the show, then close", do: func() { w.files.save(w.quit) }}
	lose := answer{caption: "Close without saving", tip: "Close; the changes since the last save are lost", risky: true, do: w.quitUnsaved}
	stay := answer{caption: "Stay", tip: "Leave everything as it is (Esc)"}
	text := joined(w.projector.audience(), lossText(s))
	switch {
	case text != "" && info.Dirty:
		if s.Busy() {
			save.caption, lose.caption = "Stop everything, save and close", "Stop and close without saving"
		}
		w.place.bar.ask(text+" "+showName(info.Name)+" is not saved.", save, lose, stay)
	case s.Delivering():
		w.place.bar.ask(text, answer{caption: "Stop everything and close", tip: "End every stream and recording in order, then close", risky: true, do: w.quit}, stay)
	case s.Busy():
		w.place.bar.ask(text, answer{caption: "Close all the same", tip: "Close when it is written, or in a minute: what is not written by then is lost", risky: true, do: w.quit}, stay)
	case text != "" && replaysText(s) == "":
		w.place.bar.ask(text, answer{caption: "Close all the same", tip: "Close; the projector ends with it", risky: true, do: w.quit}, stay)
	case text != "":
		w.place.bar.ask(text, answer{caption: "Close all the same", tip: "Try to save it once more, then close: what cannot be saved then is lost", risky: true, do: w.quit}, stay)
	case info.Dirty:
		w.place.bar.ask(showName(info.Name)+" has changes that are not saved.", save, lose, stay)
	default:
		w.quit()
	}
}

// joined are sentences, without those that are empty, as one text.
func joined(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

// lossText says what the end of the studio would end, cut short or lose: what is delivered, still
// being written, and replays that wait to be saved; "" is nothing.
func lossText(s *engine.State) string {
	if s == nil {
		return ""
	}
	var parts []string
	switch {
	case s.Live && (s.Recording || s.RecordingISO()):
		parts = append(parts, "You are live and recording.")
	case s.Live:
		parts = append(parts, "You are live.")
	case s.Recording:
		parts = append(parts, "You are recording.")
	case s.RecordingISO():
		parts = append(parts, "You are recording sources on their own.")
	}
	if len(s.Writing) > 0 {
		parts = append(parts, writingText(s.Writing))
	}
	if text := replaysText(s); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// writingText says which stopped recordings are still being written: at least one.
func writingText(names []string) string {
	text, are := "“"+names[0]+"”", "is"
	if more := len(names) - 1; more > 0 {
		text, are = fmt.Sprintf("%s and %d more", text, more), "are"
	}
	return text + " " + are + " still being written to disk, which ends by itself."
}

// replaysText says that replays wait to be saved, which are in memory alone; "" is none.
func replaysText(s *engine.State) string {
	switch {
	case s == nil || s.Replay.Waiting == 0:
		return ""
	case s.Replay.Waiting == 1:
		return "A replay is not saved yet and may be lost."
	}
	return fmt.Sprintf("%d replays are not saved yet and may be lost.", s.Replay.Waiting)
}
