//go:build !mediadebug

package media

// frameDebug is empty in release builds; see frame_debug.go.
type frameDebug struct{}

func (frameDebug) allocated(*Frame) {}
func (frameDebug) freed(*Frame)     {}
func (frameDebug) where() string {
	return " (build with -tags mediadebug to see where it was allocated)"
}

// LiveFrames lists the frames not yet released, with where each was allocated: always nil
// unless built with -tags mediadebug.
func LiveFrames() []string { return nil }
