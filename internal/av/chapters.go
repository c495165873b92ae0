package av

// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// Chapter is a named place in a file.
type Chapter struct {
	// At and End are on the file's own timeline, which begins at 0, to the millisecond. End
	// may be left 0 in what is written: the next chapter's beginning, or the file's end.
	At, End time.Duration
	Title   string // UTF-8
}

// SetChapters gives the chapters, in order of time, that Close writes into the file's
// trailer: Matroska and MP4 and MOV files have them (MP4 and MOV as Nero's "chpl", at most
// 255 of them, since the QuickTime form is a track that has to be there from the file's
// beginning); MPEG-TS and FLV know none and ignore them. length is the file's. Call it at
// most once, before Close.
func (m *Muxer) SetChapters(list []Chapter, length time.Duration) error {
	if err := setChapters(m.ctx, list, length); err != nil {
		return m.error(err)
	}
	return nil
}

func setChapters(ctx *astiav.FormatContext, list []Chapter, length time.Duration) error {
	c := cFormat(ctx)
	for i, h := range list {
		end := h.End
		if end == 0 {
			end = length
			if i+1 < len(list) {
				end = list[i+1].At
			}
		}
		title := C.CString(h.Title)
		e := C.cp_chapter(c, C.int64_t(i+1), C.int64_t(h.At.Milliseconds()), C.int64_t(max(end, h.At).Milliseconds()), title)
		C.free(unsafe.Pointer(title))
		if e < 0 {
			return fmt.Errorf("chapter %d: %w", i+1, reason(astiav.Error(e)))
		}
	}
	return nil
}

// Chapters are those of the file.
func (in *Input) Chapters() []Chapter { return chaptersOf(in.ctx) }

func chaptersOf(ctx *astiav.FormatContext) []Chapter {
	c := cFormat(ctx)
	list := make([]Chapter, 0, int(C.cp_chapters(c)))
	for i := range cap(list) {
		var start, end C.int64_t
		title := C.cp_chapter_at(c, C.int(i), &start, &end)
		list = append(list, Chapter{time.Duration(start) * time.Millisecond, time.Duration(end) * time.Millisecond, C.GoString(title)})
	}
	return list
}

// cFormat is the context behind go-astiav's, which is the only field of its struct and has
// no accessor in v0.39.0 (the version is pinned; TestChapters would crash at once).
func cFormat(ctx *astiav.FormatContext) *C.AVFormatContext {
	return (*struct{ c *C.AVFormatContext })(unsafe.Pointer(ctx)).c
}
