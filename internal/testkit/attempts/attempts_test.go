package attempts

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A try that fails with an excuse is made again; one that fails without is the outcome.
func TestRun(t *testing.T) {
	leaveForCalm(t, 0)
	var order []string
	var dirs []string
	tries := 0
	Run(t, 3, func(a *T) {
		tries++
		dir := a.TempDir()
		dirs = append(dirs, dir)
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
		a.Cleanup(func() { order = append(order, "second") })
		a.Cleanup(func() { order = append(order, "first") })
		a.Excuse(func() string { order = append(order, "asked"); return "it was busy" })
		if tries == 1 {
			a.Errorf("a failure of the first try")
			a.Fatal("its last")
		}
		if a.Failed() {
			t.Error("the second try begins failed")
		}
	})
	if tries != 2 {
		t.Errorf("%d tries, want 2", tries)
	}
	if want := []string{"asked", "first", "second", "asked", "first", "second"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	failures, excuse := attempt(t, func(a *T) {
		a.Excuse(func() string { return "" })
		a.Error("wrong")
		a.FailNow()
		t.Error("FailNow goes on")
	})
	if quiet := excuse == "" || strings.HasPrefix(excuse, "the machine stalled") || strings.HasPrefix(excuse, "others had"); !quiet || len(failures) != 2 || !strings.Contains(failures[0], "attempts_test.go") || !strings.Contains(failures[0], "wrong") {
		t.Errorf("failures %q, excuse %q", failures, excuse)
	}
}
