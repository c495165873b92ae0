//go:build mediadebug

package media

import (
	"fmt"
	"runtime/debug"
	"sync"
)

var live struct {
	sync.Mutex
	frames map[*Frame]struct{}
}

// frameDebug remembers where a frame was allocated.
type frameDebug struct{ stack string }

func (d *frameDebug) allocated(f *Frame) {
	d.stack = string(debug.Stack())
	live.Lock()
	defer live.Unlock()
	if live.frames == nil {
		live.frames = make(map[*Frame]struct{})
	}
	live.frames[f] = struct{}{}
}

func (d *frameDebug) freed(f *Frame) {
	live.Lock()
	defer live.Unlock()
	delete(live.frames, f)
}

func (d *frameDebug) where() string { return "; allocated at\n" + d.stack }

// LiveFrames lists the frames not yet released, with where each was allocated.
func LiveFrames() []string {
	live.Lock()
	defer live.Unlock()
	var out []string
	for f := range live.frames {
		out = append(out, fmt.Sprintf("%v %dx%d #%d%s", f.Format, f.Width, f.Height, f.Number, f.debug.where()))
	}
	return out
}
