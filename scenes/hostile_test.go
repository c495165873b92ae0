package scenes

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// many is what text gives for 0 to n-1, with commas between.
func many(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(i))
	}
	return b.String()
}

// TestHostileShowsAreRefusedSoon: the time for a file goes with its size, not with its square, and
// what is listed of its mistakes is bounded.
func TestHostileShowsAreRefusedSoon(t *testing.T) {
	const n = 100_000
	// Of processor time, of which a busy machine gives less in a second. Of the square, half of these
	// take more than that on two cores; now 1.4 s at most, and 7 s under the race detector.
	const soon = 20 * time.Second
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	scene := func(id int, layers string) string { return fmt.Sprintf(`{"id":"s%d","layers":[%s]}`, id, layers) }
	for _, c := range []struct{ what, show, want string }{
		{"unknown keys", `{"format":2,` + many(n, func(i int) string { return fmt.Sprintf(`"key%d":1`, i) }) + `}`, "there is no such setting here"},
		{"unknown keys of a source", `{"format":2,"sources":[{"id":"a","kind":"x",` + many(n, func(i int) string { return fmt.Sprintf(`"key%d":1`, i) }) + `}]}`, "there is no such setting here"},
		{"repeated keys", `{"format":2,` + many(n, func(int) string { return `"name":"x"` }) + `}`, "is written twice here"},
		{"wrong types", `{"format":2,"sources":[` + many(n, func(int) string { return "1" }) + `]}`, "must be an object"},
		{"bad references", `{"format":2,"sources":[` + many(n, func(i int) string { return fmt.Sprintf(`{"id":"source-with-a-long-name-%d","kind":"x"}`, i) }) +
			`],"scenes":[{"id":"s","layers":[` + many(n, func(i int) string { return fmt.Sprintf(`{"source":"sauce-with-a-long-name-%d"}`, i) }) + `]}]}`, ""},
		{"bad references of few sources", `{"format":2,"sources":[` + many(200, func(i int) string { return fmt.Sprintf(`{"id":"source-%d","kind":"x"}`, i) }) +
			`],"iso":{"sources":[` + many(n, func(i int) string { return fmt.Sprintf(`"sauce-%d"`, i) }) + `]}}`, "there is no source"},
		{"stretched scenes", `{"format":2,"sources":[{"id":"a","kind":"x"}],"scenes":[` + many(1000, func(i int) string {
			return scene(i, many(100, func(int) string { return fmt.Sprintf(`{"source":"s%d","fit":"stretch","width":10}`, i+1) }))
		}) + `,` + scene(1000, `{"source":"a"}`) + `]}`, "more than 256 layers"},
		{"rings", `{"format":2,"scenes":[` + many(n, func(i int) string {
			return scene(i, fmt.Sprintf(`{"source":"s%d"},{"source":"s0"}`, (i+1)%n))
		}) + `]}`, "a scene cannot contain itself"},
		{"many levels", `{"format":2,"x":` + strings.Repeat("[", 9000) + many(n, func(int) string { return "[1e999]" }) + strings.Repeat("]", 9000) + `}`, "too long or too large"},
		{"more entries than any show", `{"format":2,"sources":[` + many(2_000_000, func(int) string { return "1" }) + `]}`, "has more entries than any show"},
	} {
		t.Run(c.what, func(t *testing.T) {
			began := spent()
			_, err := Parse([]byte(c.show))
			if d := spent() - began; d > soon {
				t.Errorf("%d bytes took %v of processor time", len(c.show), d)
			}
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("it is not refused: %v", err)
			}
			if len(invalid.Mistakes) > maxMistakes+1 {
				t.Errorf("%d mistakes are listed", len(invalid.Mistakes))
			}
			if c.want == "" {
				return
			}
			for _, m := range invalid.Mistakes {
				if strings.Contains(m.Message, c.want) {
					return
				}
			}
			t.Errorf("%.2000s; want %q in it", err, c.want)
		})
	}
}

// TestManyMistakesAreTheFirst: of the keys that do not exist those are listed that come first, every time.
func TestManyMistakesAreTheFirst(t *testing.T) {
	show := `{"format":2,"scenes":[{"id":"s",` + many(300, func(i int) string { return fmt.Sprintf(`"key%d":1`, i) }) + `}],"renditions":[{"id":"r","bitrate":1}]}`
	for range 3 {
		got := Validate([]byte(show), nil)
		if len(got) != maxMistakes+1 {
			t.Fatalf("%d mistakes, want %d and a sentence that there are more", len(got), maxMistakes)
		}
		for i, m := range got[:maxMistakes] {
			if want := fmt.Sprintf("$.scenes[0].key%d", i); m.Path != want {
				t.Fatalf("mistake %d is of %s, want %s", i, m.Path, want)
			}
		}
		if want := (Mistake{"$", "there are more mistakes than these 100"}); got[maxMistakes] != want {
			t.Errorf("the last is %v, want %v", got[maxMistakes], want)
		}
	}
	exactly := `{"format":2,"scenes":[{"id":"s",` + many(maxMistakes, func(i int) string { return fmt.Sprintf(`"key%d":1`, i) }) + `}]}`
	if got := Validate([]byte(exactly), nil); len(got) != maxMistakes {
		t.Errorf("of %d mistakes %d are listed", maxMistakes, len(got))
	}
}
