package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/asticode/go-astiav"
)

// ErrNothing is Remux's when a file has a header at most, and nothing behind it.
var ErrNothing = errors.New("there is no picture and no sound in it")

// ErrPart is Remux's when much of a file is behind what could be read of it.
var ErrPart = errors.New("it can be read in part only")

// What the end of a file may have that cannot be read: the running fragment, what the
// writer had not synced, and an index that was being written.
const (
	cutBytes     = 2 << 20 // a fragment, where there is more going on than before
	cutTime      = 3 * time.Second
	indexPerItem = 32 // bytes for a packet, in MP4's stsz, ctts and co64
)

// mostHeader is more than any container's header takes.
const mostHeader = 64 << 10

// headerOnly: the file is empty, or the beginning of a Matroska or MP4 file that ends before its
// first cluster (RFC 9559 5.1.3) or fragment (ISO/IEC 14496-12 8.8.4).
func headerOnly(path string) bool {
	info, err := os.Stat(path)
	if err == nil && info.Size() == 0 {
		return true
	}
	if err != nil || info.Size() < 8 || info.Size() > mostHeader {
		return false
	}
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) < 8 {
		return false
	}
	switch {
	case bytes.HasPrefix(raw, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		return !bytes.Contains(raw, []byte{0x1f, 0x43, 0xb6, 0x75})
	case bytes.HasPrefix(raw[4:], []byte("ftyp")):
		return !bytes.Contains(raw, []byte("moof"))
	}
	return false
}

// RemuxOptions say how Remux writes.
type RemuxOptions struct {
	// Format is libavformat's name of the container: "matroska", "mp4", "mov", "mpegts".
	Format string
	// Chapters replace those of the source, unless nil.
	Chapters []Chapter
}

// Remux copies every picture and sound packet of the file from, as far as it can be read,
// into the new file to, which must not exist: with an index, a length and chapters where
// the container has them. It is for files whose writer was killed. What cannot be
// read at from's end is left out without an error, a packet that is known to be cut too;
// but not more than such an end leaves (ErrPart).
// The new file has been synced to disk when Remux returns; on an error it has been
// removed. It blocks; ctx ends it.
func Remux(ctx context.Context, from, to string, opt RemuxOptions) error {
	in, err := OpenInput(ctx, from, InputOptions{AllStreams: true})
	if err != nil {
		if headerOnly(from) {
			err = ErrNothing // which demuxers cannot open
		}
		return err
	}
	defer in.Close()
	err = remux(in, from, to, opt)
	if err != nil {
		return fmt.Errorf("av: copy %s: %w", Where(from), err)
	}
	return nil
}

func remux(in *Input, from, to string, opt RemuxOptions) (err error) {
	m := &Muxer{opt: MuxerOptions{Format: opt.Format, Path: to}}
	made := false
	defer func() {
		m.free()
		if err == nil {
			err = m.failed
		}
		if err != nil && made {
			_ = os.Remove(to) // of no use; the error that matters is err
		}
	}()
	if m.ctx, err = astiav.AllocOutputFormatContext(nil, opt.Format, ""); err != nil {
		return fmt.Errorf("format %q is not supported", opt.Format)
	}
	index := map[int]int{}
	for _, s := range in.all {
		st := m.ctx.NewStream(nil)
		if err := s.params.Copy(st.CodecParameters()); err != nil {
			return reason(err)
		}
		if opt.Format != "mov" { // where the tag tells the kinds of ProRes apart
			st.CodecParameters().SetCodecTag(0)
		}
		old := in.ctx.Streams()[s.Index]
		st.SetTimeBase(old.TimeBase())
		st.SetAvgFrameRate(old.AvgFrameRate())
		st.SetSampleAspectRatio(old.SampleAspectRatio())
		if err := copyTitle(st, old); err != nil {
			return err
		}
		index[s.Index] = len(m.streams)
		m.streams = append(m.streams, st)
	}
	if err := m.keepTags(in); err != nil {
		return err
	}
	if err := m.openFile(); err != nil {
		return err
	}
	made = true
	if err := m.openIO(64<<10, m.seek); err != nil {
		return err
	}
	if err := m.ctx.WriteHeader(nil); err != nil {
		return reason(err)
	}
	m.header = true
	length, err := m.copyPackets(in, index, from)
	if err != nil {
		return err
	}
	chapters := opt.Chapters
	if chapters == nil {
		chapters = in.Chapters()
	}
	if err := setChapters(m.ctx, chapters, length); err != nil {
		return err
	}
	return m.Close()
}

// keepTags copies what recordings say of themselves: when they were made, and the timecode.
func (m *Muxer) keepTags(in *Input) error {
	dict := astiav.NewDictionary()
	places := []*astiav.Dictionary{in.ctx.Metadata()}
	for _, s := range in.ctx.Streams() {
		places = append(places, s.Metadata()) // MP4's timecode is there
	}
	for _, from := range places {
		if from == nil {
			continue
		}
		for _, key := range []string{"creation_time", "timecode"} {
			if e := from.Get(key, nil, astiav.NewDictionaryFlags()); e != nil && dict.Get(key, nil, astiav.NewDictionaryFlags()) == nil {
				if err := dict.Set(key, e.Value(), 0); err != nil {
					dict.Free()
					return reason(err)
				}
			}
		}
	}
	m.ctx.SetMetadata(dict) // the context's from here on
	return nil
}

func copyTitle(to, from *astiav.Stream) error {
	old := from.Metadata()
	if old == nil {
		return nil
	}
	meta := astiav.NewDictionary()
	for _, key := range []string{"title", "handler_name", "language"} {
		if e := old.Get(key, nil, 0); e != nil {
			if err := meta.Set(key, e.Value(), 0); err != nil {
				return reason(err)
			}
		}
	}
	to.SetMetadata(meta) // the stream's from here on
	return nil
}

// maxHeld bounds the packets held for a stream's first DTS; H.264 and HEVC reorder by 16
// pictures at most.
const maxHeld = 32

// copying is the way of the packets of one file to another.
type copying struct {
	in     *Input
	m      *Muxer
	index  map[int]int // of in's streams to tracks
	tracks []copiedTrack
	found  int64         // packets
	length time.Duration // of pictures and sound
	read   int64         // how far into the file packets came from
}

// copiedTrack is in the units of the source's stream.
type copiedTrack struct {
	from int              // the source's stream
	last int64            // DTS; NoPtsValue before the first
	held []*astiav.Packet // those before the first DTS
}

// copyPackets returns how long the pictures and sound last; path is in's.
func (m *Muxer) copyPackets(in *Input, index map[int]int, path string) (time.Duration, error) {
	c := &copying{in: in, m: m, index: index, tracks: make([]copiedTrack, len(m.streams))}
	for from, i := range index {
		c.tracks[i] = copiedTrack{from: from, last: astiav.NoPtsValue}
	}
	defer c.free()
	if err := c.run(path); err != nil {
		return 0, err
	}
	return c.length, c.readAll(path)
}

func (c *copying) run(path string) error {
	p := NewInputPacket()
	defer p.Free()
	for {
		switch err := c.in.ReadPacket(p); {
		case err == nil:
			if err := c.take(p); err != nil {
				return err
			}
		case c.in.cancelled() != nil:
			return c.in.cancelled()
		case errors.Is(err, io.EOF) && c.found == 0:
			return c.foundNothing(path)
		case errors.Is(err, io.EOF), c.found > 0: // the end, or where the writing was cut: readAll tells
			return c.end()
		default:
			return err
		}
	}
}

// take is one packet. Matroska stores no DTS (RFC 9559 10.1: times of showing), and libavformat
// makes none up before it has seen as many pictures as are reordered: the first ones,
// with the first keyframe, come without. They wait for the first that has one.
func (c *copying) take(p *InputPacket) error {
	t := &c.tracks[c.index[p.Stream]]
	c.read = max(c.read, p.pkt.Pos()+int64(p.Size))
	switch {
	case p.Corrupt:
		return nil
	case !p.HasDTS && p.HasPTS && t.last == astiav.NoPtsValue && len(t.held) < maxHeld:
		c.note(p)
		t.held = append(t.held, p.pkt.Clone())
		return nil
	case !p.HasDTS, t.last != astiav.NoPtsValue && p.pkt.Dts() <= t.last:
		return nil
	}
	c.note(p)
	if err := c.release(t, p.pkt.Dts()); err != nil {
		return err
	}
	return c.write(t, p.pkt)
}

// foundNothing: the file ends behind its header, or what is there cannot be read.
func (c *copying) foundNothing(path string) error {
	size, err := withoutZeros(path)
	if err != nil {
		return err
	}
	if size > mostHeader {
		return fmt.Errorf("%w: nothing of %d kB", ErrPart, size>>10)
	}
	return ErrNothing
}

// readAll: the reading ended near the end of the file. It need not, and libavformat does
// not always say so: it takes a disk's fault for the end, and a damaged fragment of MP4 for
// one that goes on to there.
func (c *copying) readAll(path string) error {
	size, err := withoutZeros(path)
	if err != nil {
		return err
	}
	cut := float64(cutBytes + indexPerItem*c.found)
	if c.length > 0 {
		cut += float64(c.read) / c.length.Seconds() * cutTime.Seconds()
	}
	if left := size - c.read; float64(left) > cut {
		return fmt.Errorf("%w: %d MB of %d MB, %v", ErrPart, c.read>>20, size>>20, c.length.Round(time.Second))
	}
	return nil
}

// withoutZeros is a file's size without the zeros at its end, which file systems leave there
// after a power cut.
func withoutZeros(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() // only read
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for size > 0 {
		b := buf[:min(size, int64(len(buf)))]
		if _, err := f.ReadAt(b, size-int64(len(b))); err != nil {
			return 0, err
		}
		if rest := len(bytes.TrimRight(b, "\x00")); rest > 0 {
			return size - int64(len(b)-rest), nil
		}
		size -= int64(len(b))
	}
	return 0, nil
}

func (c *copying) note(p *InputPacket) {
	c.found++
	c.length = max(c.length, p.PTS+p.Duration)
}

// release writes what was held; dts is of the packet after it, from which is counted back.
func (c *copying) release(t *copiedTrack, dts int64) error {
	for i := len(t.held) - 1; i >= 0; i-- {
		dts = min(dts-max(t.held[i].Duration(), 1), t.held[i].Pts())
		t.held[i].SetDts(dts)
	}
	for _, pkt := range t.held {
		if err := c.write(t, pkt); err != nil {
			return err
		}
		pkt.Free()
	}
	t.held = nil
	return nil
}

// end writes what is held of streams that were over before their first DTS.
func (c *copying) end() error {
	for i := range c.tracks {
		t := &c.tracks[i]
		if len(t.held) == 0 {
			continue
		}
		first := t.held[0].Pts()
		for _, pkt := range t.held {
			first = min(first, pkt.Pts())
		}
		if err := c.release(t, first); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) write(t *copiedTrack, pkt *astiav.Packet) error {
	i := c.index[t.from]
	t.last = pkt.Dts()
	pkt.SetStreamIndex(i)
	pkt.SetPos(-1)
	pkt.RescaleTs(c.in.ctx.Streams()[t.from].TimeBase(), c.m.streams[i].TimeBase())
	err := c.m.ctx.WriteInterleavedFrame(pkt)
	if c.m.failed != nil {
		return c.m.failed
	}
	if err != nil {
		return reason(err)
	}
	return nil
}

func (c *copying) free() {
	for _, t := range c.tracks {
		for _, pkt := range t.held {
			pkt.Free()
		}
	}
}
