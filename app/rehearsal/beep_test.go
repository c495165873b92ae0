package rehearsal

import (
	"math"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// tone adds a sine to sound.
func tone(sound []float32, at, length time.Duration, hz, amplitude float64) {
	from := int(at * media.SampleRateHz / time.Second)
	for i := range int(length * media.SampleRateHz / time.Second) {
		if from+i < len(sound) {
			sound[from+i] += float32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/media.SampleRateHz))
		}
	}
}

func TestBeeps(t *testing.T) {
	const picture = time.Second / 30
	cases := []struct {
		name string
		make func([]float32)
		want []time.Duration
	}{
		{"silence", func([]float32) {}, nil},
		{"two", func(s []float32) {
			tone(s, 100*time.Millisecond, picture, 1000, 0.5)
			tone(s, 1100*time.Millisecond, picture, 1000, 0.5)
		}, []time.Duration{100 * time.Millisecond, 1100 * time.Millisecond}},
		{"turned down, among softer tones", func(s []float32) {
			tone(s, 500*time.Millisecond, picture, 1000, 0.1)
			tone(s, 700*time.Millisecond, 60*time.Millisecond, 440, 0.02)
		}, []time.Duration{500 * time.Millisecond}},
		{"a long tone", func(s []float32) { tone(s, 500*time.Millisecond, 300*time.Millisecond, 1000, 0.5) }, nil},
		{"a click", func(s []float32) { tone(s, 500*time.Millisecond, 4*time.Millisecond, 1000, 0.5) }, nil},
		{"no quiet before", func(s []float32) {
			tone(s, 0, 1200*time.Millisecond, 440, 0.2)
			tone(s, 500*time.Millisecond, picture, 1000, 0.2)
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sound := make([]float32, 1200*step)
			c.make(sound)
			got := beeps(sound, picture)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if (got[i] - c.want[i]).Abs() > time.Millisecond {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ flash, beep, want time.Duration }{
		{2 * time.Second, 2*time.Second + 40*time.Millisecond, 40 * time.Millisecond},
		{2 * time.Second, 3*time.Second - 40*time.Millisecond, -40 * time.Millisecond},
		{-time.Second, 2 * time.Second, 0},
	} {
		if got, ok := nearest(c.flash, []time.Duration{c.beep}, time.Second); !ok || got != c.want {
			t.Errorf("flash %v, beep %v: %v, want %v", c.flash, c.beep, got, c.want)
		}
	}
	if _, ok := nearest(0, nil, time.Second); ok {
		t.Error("found a beep in nothing")
	}
}

func TestRates(t *testing.T) {
	for _, text := range []string{"23.976", "24", "25", "29.97", "30", "50", "59.94", "60", "17.5"} {
		want, err := media.ParseRational(text)
		if err != nil {
			t.Fatal(err)
		}
		var c cadence
		for n := range int64(300) {
			at := media.TickTime(n, want)
			c.add(at.Round(time.Millisecond), at) // as RTMP does
		}
		got, variable := c.rate()
		if text == "17.5" { // no rate in use: as measured
			if math.Abs(got.Float()-17.5) > 0.01 {
				t.Errorf("%s: %v", text, got)
			}
		} else if got != want {
			t.Errorf("%s: %v", text, got)
		}
		if variable || c.gaps > 0 || c.backwards > 0 {
			t.Errorf("%s: variable %v, %d gaps, %d backwards", text, variable, c.gaps, c.backwards)
		}
	}
}
