package leaks

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A goroutine that ends late is no leak, where goleak by itself takes it for one; one that
// stays is.
func TestFind(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	end := make(chan struct{})
	go func() { <-end }()
	if err := find(0, ignore); err == nil || !strings.Contains(err.Error(), "leaks.TestFind") {
		t.Errorf("a goroutine that stays: %v", err)
	}
	time.AfterFunc(time.Second, func() { close(end) })
	VerifyNone(t, ignore)
}
