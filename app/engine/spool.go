package engine

import (
	"errors"
	"fmt"
	"os"
)

// segmentBytes is how much goes into one file of a spool.
const segmentBytes = 32 << 20

// spool keeps packets on disk, in files without names that the system frees with their
// last use, whatever ends the program. One goroutine uses it.
type spool struct {
	dir    string
	newest *segment
}

// segment is one file of a spool.
type segment struct {
	file *os.File
	size int64
	uses int // packets in it that are still wanted, and 1 while it is the newest
}

// place of a packet on disk.
type spooled struct {
	in   *segment
	at   int64
	size int
}

// write puts data on disk.
func (s *spool) write(data []byte) (spooled, error) {
	if s.newest == nil || s.newest.size >= segmentBytes {
		f, err := os.CreateTemp(s.dir, ".crosspoint-delay-*")
		if err != nil {
			return spooled{}, fmt.Errorf("open a file: %w", bare(err))
		}
		_ = os.Remove(f.Name()) // where open files cannot be removed, close does it
		s.newest.release()
		s.newest = &segment{file: f, uses: 1}
	}
	g := s.newest
	if _, err := g.file.WriteAt(data, g.size); err != nil {
		return spooled{}, fmt.Errorf("write: %w", bare(err))
	}
	p := spooled{g, g.size, len(data)}
	g.size += int64(len(data))
	g.uses++
	return p, nil
}

// take reads a packet back and gives up its place.
func (p spooled) take() ([]byte, error) {
	defer p.in.release()
	data := make([]byte, p.size)
	if _, err := p.in.file.ReadAt(data, p.at); err != nil {
		return nil, fmt.Errorf("read back: %w", bare(err))
	}
	return data, nil
}

// bare is err without the name of a file, which differs each time and tells nobody anything.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// release gives up one use; the last one frees the file.
func (g *segment) release() {
	if g == nil {
		return
	}
	if g.uses--; g.uses == 0 {
		_ = g.file.Close() // it was read; what is in it is not wanted any more
		_ = os.Remove(g.file.Name())
	}
}

func (s *spool) close() {
	s.newest.release()
	s.newest = nil
}
