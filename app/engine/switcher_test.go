package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// act applies one letter of a script: c cut, C cut to x, B cut to b, a auto, s step, [ ] the
// T-bar to either end, h to the middle, p preview y, P preview x, f fade to black.
func act(s *Switcher, r rune) {
	switch r {
	case 'c':
		s.Cut()
	case 'C':
		s.CutTo("x")
	case 'B':
		s.CutTo("b")
	case 'a':
		s.Auto(4)
	case 's':
		s.Step()
	case '[':
		s.SetLever(0)
	case ']':
		s.SetLever(1)
	case 'h':
		s.SetLever(0.5)
	case 'p':
		s.SetPreview("y")
	case 'P':
		s.SetPreview("x")
	case 'f':
		s.FadeToBlack(!s.FadedOut, 4)
	}
}

func TestSwitcher(t *testing.T) {
	for _, c := range []struct {
		script, what     string
		program, preview string
		mode             TransitionMode
		progress         float64
	}{
		{"", "at rest", "a", "b", AtRest, 0},
		{"c", "cut swaps", "b", "a", AtRest, 0},
		{"cc", "two cuts are none", "a", "b", AtRest, 0},
		{"C", "cut to another leaves preview", "x", "b", AtRest, 0},
		{"B", "cut to what is on preview swaps", "b", "a", AtRest, 0},
		{"PC", "so does a double click, which chooses first", "x", "a", AtRest, 0},
		{"a", "auto shows nothing before its first step", "a", "b", Auto, 0},
		{"as", "a quarter after one of four steps", "a", "b", Auto, 0.25},
		{"asss", "three quarters", "a", "b", Auto, 0.75},
		{"assss", "done after four", "b", "a", AtRest, 0},
		{"asssss", "nothing more happens", "b", "a", AtRest, 0},
		{"assssassss", "and back", "a", "b", AtRest, 0},
		{"assa", "a second auto halts", "a", "b", Manual, 0.5},
		{"assass", "halted it stays", "a", "b", Manual, 0.5},
		{"assaa", "a third continues", "a", "b", Auto, 0.5},
		{"assaass", "to its end", "b", "a", AtRest, 0},
		{"assc", "cut completes a running auto", "b", "a", AtRest, 0},
		{"assC", "cut to another abandons it", "x", "b", AtRest, 0},
		{"h", "the T-bar halfway", "a", "b", Manual, 0.5},
		{"h[", "back to its start aborts", "a", "b", AtRest, 0},
		{"h]", "to the far end completes", "b", "a", AtRest, 0},
		{"h]h", "and that end is the new start", "b", "a", Manual, 0.5},
		{"h]h]", "back to it aborts", "b", "a", AtRest, 0},
		{"h]h[", "and the other completes", "a", "b", AtRest, 0},
		{"]", "one throw", "b", "a", AtRest, 0},
		{"hs", "let go it stays", "a", "b", Manual, 0.5},
		{"hass", "auto goes on from the hand's place", "b", "a", AtRest, 0},
		{"has", "at its own rate", "a", "b", Auto, 0.75},
		{"assh", "the hand takes over from auto", "a", "b", Manual, 0.5},
		{"hc", "cut completes what the hand began", "b", "a", AtRest, 0},
		{"p", "preview chooses", "a", "y", AtRest, 0},
		{"asp", "not what is being mixed in", "a", "b", Auto, 0.25},
		{"aspsss", "but what comes after", "b", "y", AtRest, 0},
		{"hp[", "after an abort too", "a", "y", AtRest, 0},
		{"aspc", "and after a cut", "b", "y", AtRest, 0},
		{"asPC", "a double click on another keeps what was on programme", "x", "a", AtRest, 0},
		{"hPC", "with the T-bar too", "x", "a", AtRest, 0},
		{"aspC", "cut to another than was chosen", "x", "y", AtRest, 0},
		{"asB", "cut to what is being mixed in swaps", "b", "a", AtRest, 0},
		{"aspB", "unless another was chosen", "b", "y", AtRest, 0},
	} {
		t.Run(c.script+" "+c.what, func(t *testing.T) {
			s := NewSwitcher("a", "b")
			for _, r := range c.script {
				act(&s, r)
			}
			if s.Program != c.program || s.Preview != c.preview || s.Mode != c.mode || math.Abs(s.Progress()-c.progress) > 1e-9 {
				t.Errorf("%s: got %s/%s %v at %v, want %s/%s %v at %v", c.what,
					s.Program, s.Preview, s.Mode, s.Progress(), c.program, c.preview, c.mode, c.progress)
			}
		})
	}
}

func TestFadeToBlackRunsAndTurns(t *testing.T) {
	s := NewSwitcher("a", "b")
	var got []string
	for _, r := range "fssfsssfssssss" {
		act(&s, r)
		if r == 's' {
			got = append(got, fmt.Sprint(s.Black))
		}
	}
	want := "0.25 0.5 0.25 0 0 0.25 0.5 0.75 1 1 1"
	if strings.Join(got, " ") != want {
		t.Errorf("black went %s, want %s", strings.Join(got, " "), want)
	}
}

// TestSwitcherInvariants: whatever the order of hands, the lever is 0..1, it rests at
// an end, and an AUTO ends.
func TestSwitcherInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSwitcher("a", "b")
		for _, r := range rapid.SliceOfN(rapid.SampledFrom([]rune("cCBas[]hpPf")), 1, 60).Draw(t, "script") {
			act(&s, r)
			if !(s.Lever >= 0 && s.Lever <= 1) || s.RestsAt != 0 && s.RestsAt != 1 {
				t.Fatalf("lever %v, rest %v", s.Lever, s.RestsAt)
			}
			if s.Mode == AtRest && s.Progress() != 0 {
				t.Fatalf("at rest with progress %v", s.Progress())
			}
			if !(s.Black >= 0 && s.Black <= 1) {
				t.Fatalf("black %v", s.Black)
			}
		}
		if s.Mode == Manual {
			s.Auto(4)
		}
		for range 5 {
			s.Step()
		}
		if s.Mode != AtRest {
			t.Fatalf("mode %v after every transition had time to end", s.Mode)
		}
	})
}
