//go:build !mediadebug

package media

// frameDebug is empty in release builds; see frame_debug.go.
type frameDebug struct{}

func (frameDebug) allocated(*Frame) {}
func (frameDebug) freed(*Frame)     {}
func (frameDebug) where() string {
	return " (build with -tags mediadebug to see where it was allocated)"
}

// LiveFrames is how many frames have not been released: always 0 unless built
// with -tags mediadebug. Each entry says where the frame was allocated.
func LiveFrames() []string { return nil }
