package av

import (
	"errors"
	"io"
	"io/fs"
)

// muxFile is the file that a muxer writes: an *os.File, or what a test puts before one.
type muxFile interface {
	io.WriterAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Close() error
}

// ending orders what Close writes. Formats end with an index behind everything and with
// changes at the beginning of the file, and libavformat makes the changes first: of a
// fragmented MP4, whose header becomes a part of the data, nothing could be read between the
// change and the end of the index, nor for ever where the disk is full by then or the power
// fails. So what would change bytes that were there before is kept back until the index
// is on the disk, and left undone when that fails: then the file is what it was, with half
// an index behind it that readers pass over.
type ending struct {
	at     int64 // where the next write goes
	ending bool
	from   int64 // the file's size when the end began
	held   []heldWrite
}

// heldWrite is a change of what is there already: a few bytes of a header.
type heldWrite struct {
	at    int64
	bytes []byte
}

// beginEnd comes before the trailer.
func (m *Muxer) beginEnd() {
	if m.file == nil || m.failed != nil {
		return
	}
	info, err := m.file.Stat()
	if err != nil {
		m.failed = bare(err)
		return
	}
	m.end.ending, m.end.from = true, info.Size()
}

// finishEnd comes after the trailer.
func (m *Muxer) finishEnd() {
	held := m.end.held
	m.end.held = nil
	if m.failed != nil || len(held) == 0 {
		return
	}
	if err := m.file.Sync(); err != nil {
		m.failed = bare(err)
		return
	}
	for _, h := range held {
		if _, err := m.file.WriteAt(h.bytes, h.at); err != nil {
			m.failed = bare(err)
			return
		}
	}
}

// writeFile writes b where the muxer stands.
func (m *Muxer) writeFile(b []byte) error {
	e := &m.end
	if n := e.from - e.at; e.ending && n > 0 {
		n = min(n, int64(len(b)))
		e.held = append(e.held, heldWrite{e.at, append([]byte(nil), b[:n]...)})
		e.at += n
		b = b[n:]
	}
	if len(b) == 0 {
		return nil
	}
	n, err := m.file.WriteAt(b, e.at)
	e.at += int64(n)
	return bare(err)
}

// bare is a file system's error, which may be nil, without the path around it.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
