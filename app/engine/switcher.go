package engine

import (
	"fmt"
	"math"

	"crosspoint.studio/crosspoint/scenes"
)

// TransitionMode says who moves the transition.
type TransitionMode uint8

// Transition modes.
const (
	AtRest TransitionMode = iota + 1
	Auto                  // AUTO runs it, a step per tick
	Manual                // the T-bar was moved and let go, or an AUTO halted
)

func (m TransitionMode) String() string { return [...]string{"", "rest", "auto", "manual"}[m] }

// MarshalText makes modes readable in statistics and journals.
func (m TransitionMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *TransitionMode) UnmarshalText(text []byte) error {
	for *m = AtRest; *m <= Manual; *m++ {
		if m.String() == string(text) {
			return nil
		}
	}
	return fmt.Errorf("there is no transition mode %q", text)
}

// Switcher is the one state machine behind CUT, AUTO, the T-bar and fade to black,
// whichever surface moves them. It is a value: copying it copies the state.
// Programme and preview name scenes or sources; "" is black.
//
// Rules where the trade differs: a second AUTO halts the transition where it is
// and a third continues it; CUT during a transition completes it at once; a
// preview chosen during a transition waits for its end and then replaces the
// flip-flop, so what is being mixed in never jumps on air.
type Switcher struct {
	Program string `json:"program"`
	Preview string `json:"preview"`

	Mode TransitionMode `json:"mode"`
	// Lever is the T-bar's place, 0..1; RestsAt is the end it started from, 0 or 1.
	Lever   float64 `json:"lever"`
	RestsAt float64 `json:"rests_at"`

	// AutoLeft of AutoTotal steps remain; the run began at AutoFrom.
	AutoLeft  int     `json:"auto_left"`
	AutoTotal int     `json:"auto_total"`
	AutoFrom  float64 `json:"auto_from"`

	// FadedOut is what FTB is going to: true is black. Black is how far, 0..1, moved
	// by BlackStep per tick.
	FadedOut  bool    `json:"faded_out"`
	Black     float64 `json:"black"`
	BlackStep float64 `json:"black_step"`

	// KeysOnly: a transition moves the keys that are tied to it and leaves the
	// background; the buses do not swap.
	KeysOnly bool `json:"keys_only"`
	// Completed counts transitions and cuts that reached their end.
	Completed int64 `json:"-"`

	// Chosen is a preview chosen during a transition, where HasChosen.
	Chosen    string `json:"chosen"`
	HasChosen bool   `json:"has_chosen"`
}

// SwitcherState is a switcher with what its next transition moves: all of it that is not in
// the show, in the form in which journals have it.
type SwitcherState struct {
	Switcher
	Next Next `json:"next"`
	// Transition is what the transition under way began with; nil is that of the show.
	Transition *scenes.Transition `json:"transition,omitempty"`
}

// NewSwitcher is at rest with the given buses.
func NewSwitcher(program, preview string) Switcher {
	return Switcher{Program: program, Preview: preview, Mode: AtRest}
}

// Progress is how much of the incoming picture shows, 0..1; 0 at rest.
func (s *Switcher) Progress() float64 { return math.Abs(s.Lever - s.RestsAt) }

// InTransition reports that a transition is neither at its start nor at its end.
func (s *Switcher) InTransition() bool { p := s.Progress(); return p > 0 && p < 1 }

// Crossing reports that both buses are on air.
func (s *Switcher) Crossing() bool { return s.InTransition() && !s.KeysOnly }

// SetPreview chooses what is next.
func (s *Switcher) SetPreview(id string) {
	if s.Mode != AtRest {
		s.Chosen, s.HasChosen = id, true
		return
	}
	s.Preview = id
}

// Cut takes the preview to programme now; a transition under way is completed.
func (s *Switcher) Cut() { s.complete(s.RestsAt) }

// CutTo puts id on programme now; a transition under way is abandoned, and keys stay
// as they are. The preview stays, or becomes what was chosen during the transition; where
// that is id, it becomes what was on programme: a double click on a cell chooses first.
func (s *Switcher) CutTo(id string) {
	before := s.Program
	s.Program = id
	s.rest(s.RestsAt)
	if s.Preview == id {
		s.Preview = before
	}
}

// Auto starts, halts or continues the transition; frames is the length of a whole one.
func (s *Switcher) Auto(frames int) {
	if s.Mode == Auto {
		s.Mode = Manual
		return
	}
	frames = max(frames, 1)
	s.AutoFrom = s.Progress()
	s.AutoTotal = max(int(math.Ceil((1-s.AutoFrom)*float64(frames)-1e-9)), 1)
	s.AutoLeft = s.AutoTotal
	s.Mode = Auto
}

// SetLever moves the T-bar by hand to x, 0..1, which takes over from AUTO. The far
// end completes the transition and becomes the new start; the near end abandons it.
func (s *Switcher) SetLever(x float64) {
	if math.IsNaN(x) {
		return
	}
	x = min(max(x, 0), 1)
	switch {
	case x == s.RestsAt:
		s.rest(x)
	case x == 1-s.RestsAt:
		s.complete(x)
	default:
		s.Lever, s.Mode, s.AutoLeft = x, Manual, 0
	}
}

// FadeToBlack sends the programme to black or back, over frames ticks from wherever
// the fade is.
func (s *Switcher) FadeToBlack(black bool, frames int) {
	s.FadedOut = black
	s.BlackStep = 1 / float64(max(frames, 1))
}

// Step advances one tick. Call it once per tick, after the tick's commands.
func (s *Switcher) Step() {
	if s.Mode == Auto {
		s.AutoLeft--
		if s.AutoLeft <= 0 {
			s.complete(1 - s.RestsAt)
		} else {
			p := 1 - (1-s.AutoFrom)*float64(s.AutoLeft)/float64(s.AutoTotal)
			s.Lever = math.Abs(s.RestsAt - p)
		}
	}
	switch {
	case s.FadedOut && s.Black < 1:
		s.Black = approach(s.Black, 1, s.BlackStep)
	case !s.FadedOut && s.Black > 0:
		s.Black = approach(s.Black, 0, s.BlackStep)
	}
}

// approach moves v towards to by step; the last bit of rounding is not a step.
func approach(v, to, step float64) float64 {
	if math.Abs(to-v) <= step+1e-9 {
		return to
	}
	return v + math.Copysign(step, to-v)
}

// complete swaps the buses, unless only keys move, and rests the lever at the given end.
func (s *Switcher) complete(end float64) {
	if !s.KeysOnly {
		s.Program, s.Preview = s.Preview, s.Program
	}
	s.Completed++
	s.rest(end)
}

func (s *Switcher) rest(end float64) {
	s.Mode, s.Lever, s.RestsAt, s.AutoLeft, s.AutoTotal, s.AutoFrom = AtRest, end, end, 0, 0, 0
	if s.HasChosen {
		s.Preview, s.Chosen, s.HasChosen = s.Chosen, "", false
	}
}
