package ui

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestWorkersAreBoundedAndWaitedFor(t *testing.T) {
	defer leaks.VerifyNone(t, goleak.IgnoreCurrent())
	w := newWorkers()
	release := make(chan struct{})
	for i := range workLimit {
		if !w.start(func() { <-release }) {
			t.Fatalf("work %d was refused", i)
		}
	}
	if w.start(func() {}) {
		t.Errorf("more than %d pieces of work ran at once", workLimit)
	}
	alone := make(chan struct{})
	if !w.startAlone(func() { close(alone) }) {
		t.Error("work of its own was refused because of other work")
	} else {
		<-alone
	}
	if w.close(time.Millisecond) {
		t.Error("close did not wait for work that runs")
	}
	close(release)
	if !w.close(5 * time.Second) {
		t.Error("work that ended was waited for")
	}
	if w.start(func() {}) {
		t.Error("work was taken after the end")
	}
}
