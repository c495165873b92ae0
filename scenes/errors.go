package scenes

import (
	"fmt"
	"strings"
)

// Mistake is one thing wrong with a show file.
type Mistake struct {
	Path    string `json:"path"`    // where, for example $.scenes[1].layers[0].source
	Message string `json:"message"` // what, for the operator
}

func (m Mistake) String() string { return m.Path + ": " + m.Message }

// InvalidError is a document that is no show. It has at least one mistake.
type InvalidError struct{ Mistakes []Mistake }

func (e *InvalidError) Error() string {
	const most = 3
	var b strings.Builder
	for i, m := range e.Mistakes {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Mistakes)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(m.String())
	}
	return b.String()
}

// NewerFormatError is a show written by a later version of the program. It is
// never loaded and never overwritten.
type NewerFormatError struct{ Format int }

func (e *NewerFormatError) Error() string {
	return fmt.Sprintf("this show has format %d, made by a newer version of Crosspoint (this one reads up to %d); update Crosspoint or save under another name", e.Format, Format)
}

// InUseError is a removal that would leave something without what it refers to.
type InUseError struct {
	ID    string
	Users []string // for the operator, for example `scene "wide"`
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%q is still used by %s", e.ID, strings.Join(e.Users, ", "))
}

// UnknownError is an id that names nothing.
type UnknownError struct{ What, ID string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.ID) }
