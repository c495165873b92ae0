package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A display that answers and refuses, as another user's does, ends nothing: the show runs
// without a window, and that is said in one line.
func TestRefusingDisplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	display := filepath.Join(dir, "x")
	l, err := net.Listen("unix", display)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// X Window System Protocol, "Connection Setup": failed, a reason of 4 bytes, version 11.0.
			_, _ = c.Read(make([]byte, 4096)) // the client's half, whatever it is
			_, _ = c.Write([]byte{0, 4, 11, 0, 0, 0, 1, 0, 'n', 'o', '!', '\n'})
			_ = c.Close() // it has its answer
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // Accept returns
		wg.Wait()
	})
	r := runCommand(t, dir, "env", "DISPLAY="+display, program(t), "run", "--for", "1s", "demo")
	if r.status != 0 || strings.Contains(r.err, "goroutine") {
		t.Errorf("status %d, and it said:\n%s", r.status, r.err)
	}
	oneLine(t, r, "no display", "running headless")
}
