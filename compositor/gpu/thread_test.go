package gpu

import (
	"testing"
)

// TestOpenWhenNeeded: without a GPU the context is made by the first job, and Close works
// before and after.
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
	if !present() && (before.Version != "" || !before.Software) {
		t.Errorf("without a GPU the context was made at once: %+v", before)
	}
}
