package gpu

import (
	"testing"
)

// TestOpenWhenNeeded: without a GPU the context is made by the first job that needs one,
// which is not one that frees objects, and Close works before and after.
func TestOpenWhenNeeded(t *testing.T) {
	unused, err := OpenWhenNeeded()
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	thread, err := OpenWhenNeeded()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	freed := 0
	free := func(*Context) error { freed++; return nil }
	if err := thread.Free(free); err != nil {
		t.Error(err)
	}
	before := thread.Info()
	var inside Info
	if err := thread.Do(func(ctx *Context) error {
		inside = ctx.info
		return ctx.Check("test")
	}); err != nil {
		t.Fatal(err)
	}
	if after := thread.Info(); after != inside || after.Version == "" {
		t.Errorf("after a job the thread is %+v, the context %+v", after, inside)
	}
	if err := thread.Free(free); err != nil {
		t.Error(err)
	}
	if want := map[bool]int{true: 2, false: 1}[present()]; freed != want {
		t.Errorf("objects were freed %d times, want %d", freed, want)
	}
	if !present() && (before.Version != "" || !before.Software) {
		t.Errorf("without a GPU the context was made at once: %+v", before)
	}
}
