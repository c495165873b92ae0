package document

import (
	"errors"
	"fmt"
	"strings"

	"crosspoint.studio/crosspoint/scenes"
)

// ErrNoPath is what Save returns for a show that has no file yet.
var ErrNoPath = errors.New("the show has no file yet: save it under a name")

// ErrRunning refuses to change the show while something is delivered.
var ErrRunning = errors.New("something is live or recording, and another show would end it: stop it first, then open the show")

// ErrWriting refuses to change the show while a stopped recording is still being written.
var ErrWriting = errors.New("what was recorded is still being written, and another show would cut it short: that ends by itself, open the show then")

// ErrChanged is a file that another program wrote since it was opened or saved here.
var ErrChanged = errors.New("the file was changed by another program since it was opened: nothing was written; save under another name, or under the same one to replace it")

// LockedError is a show file that another running program has open.
type LockedError struct {
	Path string
	PID  int // 0 when that program does not tell
}

func (e *LockedError) Error() string {
	who := "another Crosspoint"
	if e.PID != 0 {
		who += fmt.Sprintf(" (process %d)", e.PID)
	}
	return fmt.Sprintf("%s has %s open: changes made here can only be saved under another name", who, e.Path)
}

// SilentDiskError is a show file whose disk has not answered in time.
type SilentDiskError struct{ Path string }

func (e *SilentDiskError) Error() string {
	return fmt.Sprintf("the disk of %s does not answer", e.Path)
}

// MistakesError is a file that is no show that can be opened. Every mistake is a line of
// its text.
type MistakesError struct {
	Path     string
	Mistakes []scenes.Mistake
}

func (e *MistakesError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not a show that can be opened; it was left as it is, and what runs goes on:", e.Path)
	for _, m := range e.Mistakes {
		b.WriteString("\n" + m.String())
	}
	return b.String()
}
