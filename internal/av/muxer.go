package av

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// MuxerOptions describe a container to write.
type MuxerOptions struct {
	// Format is "matroska", "mp4", "mpegts" or "flv", or any other muxer of libavformat.
	Format string
	// Path is the file to make; it must not exist. Or Write takes the bytes in order (nothing is
	// ever rewritten); it borrows them for the call, may block, and its error ends the
	// muxer. One of the two.
	Path  string
	Write func([]byte) error
	// Tracks in the order of Packet.Track.
	Tracks []media.Track
	// FragmentDuration is how much a crash may cost in mp4 and matroska; 0 means 1 s.
	FragmentDuration time.Duration
	// StartAtZero shifts all tracks alike so that the first packet's PTS becomes 0; of sound
	// without pictures, whose track says what timecode counts, the beginning of its frame.
	// In mpegts and flv, which know no negative time, it becomes as much later as decoding
	// order and the sound's first packet need. mp4 files always start at zero, and the
	// sound's first packet (21 ms) may be cut there; offsets stay exact.
	StartAtZero bool
	// Timecode writes the studio time of the first picture into the file, as the tag
	// "timecode" (hh:mm:ss:ff, not drop frame, from the studio's start), and Created, where
	// set, as its creation time. The header then waits for the first packet.
	Timecode bool
	Created  time.Time
	// Options are libavformat's own.
	Options map[string]string
}

// Muxer writes packets to a container. Packets of each track come in DTS order, tracks
// interleaved by time, as outputs.Feed gives them; the muxer holds back nothing but
// the running fragment, and in mp4 and mov files the last picture, so that a stalled track
// delays no other.
type Muxer struct {
	opt     MuxerOptions
	ctx     *astiav.FormatContext
	io      *astiav.IOContext
	opaque  unsafe.Pointer // of io, by which libavformat names this muxer
	file    muxFile        // nil without a path
	end     ending
	pkt     *astiav.Packet
	streams []*astiav.Stream
	offset  []int64       // subtracted, in each track's time base
	last    []int64       // last DTS, in the stream's time base
	lead    time.Duration // of studio time before the packets'
	begun   bool
	early   []*media.Packet // sound before the first picture
	held    []*media.Packet // of each track the picture that waits for the next; in a hybrid only
	flushed time.Duration
	scratch []byte
	failed  error // sticky
	written int64
	header  bool
}

// NewMuxer makes the container and writes its header.
func NewMuxer(opt MuxerOptions) (*Muxer, error) {
	m := &Muxer{opt: opt}
	if err := m.open(); err != nil {
		made := m.file != nil
		m.free()
		if made {
			_ = os.Remove(opt.Path) // a header at most; the error that matters is err
		}
		if m.failed != nil {
			err = m.failed
		}
		return nil, fmt.Errorf("av: write %s: %w", m.where(), err)
	}
	return m, nil
}

func (m *Muxer) where() string {
	if m.opt.Path != "" {
		return filepath.Base(m.opt.Path)
	}
	return m.opt.Format
}

func (m *Muxer) open() error {
	if (m.opt.Path == "") == (m.opt.Write == nil) {
		return errors.New("a path or a writer is needed")
	}
	if len(m.opt.Tracks) == 0 {
		return errors.New("there are no tracks")
	}
	m.opt.StartAtZero = m.opt.StartAtZero || m.hybrid() // no edit list, no other start
	if m.opt.FragmentDuration <= 0 {
		m.opt.FragmentDuration = time.Second
	}
	var err error
	if m.ctx, err = astiav.AllocOutputFormatContext(nil, m.opt.Format, ""); err != nil {
		return fmt.Errorf("format %q is not supported", m.opt.Format)
	}
	for _, t := range m.opt.Tracks {
		if err := m.addStream(t); err != nil {
			return err
		}
	}
	m.pkt = astiav.AllocPacket()
	m.offset, m.last = make([]int64, len(m.opt.Tracks)), make([]int64, len(m.opt.Tracks))
	m.held = make([]*media.Packet, len(m.opt.Tracks))
	for i := range m.last {
		m.last[i] = astiav.NoPtsValue
	}
	size := 64 << 10
	var seek astiav.IOContextSeekFunc
	if m.opt.Path != "" {
		if err := m.openFile(); err != nil {
			return err
		}
		seek = m.seek
	} else if m.opt.Format == "mpegts" {
		size = 20 * 7 * 188 // whole SRT and UDP payloads
	}
	if err := m.openIO(size, seek); err != nil {
		return err
	}
	if m.opt.Timecode {
		return nil
	}
	return m.writeHeader()
}

func (m *Muxer) writeHeader() error {
	dict := astiav.NewDictionary()
	defer dict.Free()
	for k, v := range m.settings() {
		if err := dict.Set(k, v, 0); err != nil {
			return reason(err)
		}
	}
	if err := m.ctx.WriteHeader(dict); err != nil {
		return reason(err)
	}
	m.header = true
	if left := dict.Get("", nil, astiav.NewDictionaryFlags(astiav.DictionaryFlagIgnoreSuffix)); left != nil {
		return fmt.Errorf("option %q is not known to %s", left.Key(), m.opt.Format)
	}
	m.io.Flush()
	return m.failed
}

// openFile makes the file, which must not exist.
func (m *Muxer) openFile() error {
	f, err := os.OpenFile(m.opt.Path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return bare(err)
	}
	m.file = f
	return nil
}

// settings are the options of the format, ours first.
func (m *Muxer) settings() map[string]string {
	s := map[string]string{}
	switch m.opt.Format {
	case "mp4", "mov":
		s["frag_duration"] = strconv.FormatInt(m.opt.FragmentDuration.Microseconds(), 10)
		s["movflags"] = "+default_base_moof+delay_moov"
		if m.file != nil {
			// Fragments until the end, then one index over all: an ordinary file when
			// all went well, a playable one whenever it did not (FFmpeg 7.1's movenc).
			// With delay_moov or use_editlist 7.1.5 writes a wrong final index, so there
			// are no edit lists: pictures begin at 0 by negative composition offsets
			// (ISO/IEC 14496-12 8.6.1.3, version 1), sound as put sees to.
			s["movflags"] = "+hybrid_fragmented+default_base_moof+negative_cts_offsets"
		}
	case "matroska", "webm":
		s["cluster_time_limit"] = strconv.FormatInt(m.opt.FragmentDuration.Milliseconds(), 10)
		if m.file == nil {
			s["live"] = "1"
		}
	case "flv":
		if m.file == nil {
			s["flvflags"] = "no_duration_filesize"
		}
	}
	for k, v := range m.opt.Options {
		s[k] = v
	}
	return s
}

var codecIDs = map[media.Codec]astiav.CodecID{
	media.H264: astiav.CodecIDH264, media.HEVC: astiav.CodecIDHevc, media.AV1: astiav.CodecIDAv1, media.ProRes: astiav.CodecIDProres,
	media.AAC: astiav.CodecIDAac, media.Opus: astiav.CodecIDOpus, media.MP3: astiav.CodecIDMp3, media.FLAC: astiav.CodecIDFlac,
}

// maxEarly bounds the sound held back for the first picture, some 20 s.
const maxEarly = 1000

// begin fixes the shift of all tracks by the first packet.
func (m *Muxer) begin(p *media.Packet) {
	m.begun = true
	if !m.opt.StartAtZero {
		return
	}
	// The shift is a whole number of pictures where there are pictures: rounded to
	// each track's own units it would move them against each other.
	tb, zero := m.opt.Tracks[p.Track].TimeBase, p.PTS
	for _, t := range m.opt.Tracks {
		if p.Audio && !t.Codec.IsAudio() {
			zero = media.Rescale(p.PTS, tb, t.TimeBase)
			if media.Rescale(zero, t.TimeBase, tb) < p.PTS {
				zero++ // the first picture that may follow
			}
			tb = t.TimeBase
			break
		}
	}
	if n, fps, ok := m.soundFrame(p); ok {
		zero = media.SampleAt(n, fps, m.opt.Tracks[p.Track].SampleRateHz)
	}
	lead := int64(0)
	if m.opt.Format == "mpegts" || m.opt.Format == "flv" {
		lead = max(p.PTS-p.DTS, 0)
		for _, t := range m.opt.Tracks {
			if t.Codec.IsAudio() { // a packet may begin before the picture it belongs to
				lead = max(lead, media.Rescale(int64(t.Delay+1024), t.TimeBase, tb)+1)
			}
		}
	}
	for i, t := range m.opt.Tracks {
		m.offset[i] = media.Rescale(zero-lead, tb, t.TimeBase)
	}
}

// WritePacket writes one packet. An error (a full disk, a failing Write) is reported
// at once or with one of the next packets of the fragment, and again by every later call.
func (m *Muxer) WritePacket(p *media.Packet) error {
	if m.failed != nil {
		return m.error(m.failed)
	}
	if p.Track < 0 || p.Track >= len(m.streams) {
		return fmt.Errorf("av: write %s: there is no track %d", m.where(), p.Track)
	}
	if m.hybrid() && !m.begun && p.Audio && m.hasVideo() && len(m.early) < maxEarly {
		// libavformat takes the first packet's time for zero, and it must be a picture's.
		m.early = append(m.early, p)
		return nil
	}
	if !m.begun {
		if !m.header {
			m.tag(p)
			if err := m.writeHeader(); err != nil {
				m.failed = err
				return m.error(err)
			}
		}
		m.begin(p)
		if err := m.put(p, p.Duration); err != nil {
			return err
		}
		for _, e := range m.early {
			if err := m.put(e, e.Duration); err != nil {
				return err
			}
		}
		m.early = nil
		return nil
	}
	if !m.hybrid() || m.opt.Tracks[p.Track].Codec.IsAudio() {
		return m.put(p, p.Duration)
	}
	// A fragment may end behind any picture, and FFmpeg 7.1's movenc begins the next at that
	// picture's time and duration: after pictures that were left out, one would be shown
	// where they are missing. So each waits for the next, to last until then.
	last := m.held[p.Track]
	m.held[p.Track] = p
	if last == nil {
		return nil
	}
	return m.put(last, max(last.Duration, p.DTS-last.DTS))
}

// release writes the pictures that waited for another.
func (m *Muxer) release() error {
	for i, p := range m.held {
		m.held[i] = nil
		if p == nil || m.failed != nil {
			continue
		}
		if err := m.put(p, p.Duration); err != nil {
			return err
		}
	}
	return nil
}

func (m *Muxer) put(p *media.Packet, duration int64) error {
	t := m.opt.Tracks[p.Track]
	pts, dts := p.PTS-m.offset[p.Track], p.DTS-m.offset[p.Track]
	if m.opt.StartAtZero && t.Codec.IsAudio() && pts+p.Duration <= -int64(t.Delay) {
		return nil // over before the start
	}
	if m.opt.StartAtZero && m.hybrid() && t.Codec.IsAudio() && pts < 0 {
		// Sound of the first picture that began before it: cut in time, not in content,
		// by less than a packet; all that follows is exact.
		if pts+duration <= 0 {
			return nil
		}
		pts, dts, duration = 0, 0, pts+duration
	}
	st := m.streams[p.Track]
	// FromData keeps no padding behind the data, which libav's parsers read.
	m.scratch = append(append(m.scratch[:0], p.Data...), make([]byte, C.AV_INPUT_BUFFER_PADDING_SIZE)...)
	m.pkt.Unref()
	if err := m.pkt.FromData(m.scratch); err != nil {
		return m.error(reason(err))
	}
	defer m.pkt.Unref()
	m.pkt.SetSize(len(p.Data))
	m.pkt.SetStreamIndex(p.Track)
	m.pkt.SetPts(pts)
	m.pkt.SetDts(dts)
	m.pkt.SetDuration(duration)
	m.pkt.RescaleTs(astiav.NewRational(int(t.TimeBase.Num), int(t.TimeBase.Den)), st.TimeBase())
	// Where the container's clock is coarse (1 ms), two packets may fall together.
	if d := m.pkt.Dts(); m.last[p.Track] != astiav.NoPtsValue && d <= m.last[p.Track] {
		m.pkt.SetDts(m.last[p.Track] + 1)
		if m.pkt.Pts() < m.last[p.Track]+1 {
			m.pkt.SetPts(m.last[p.Track] + 1)
		}
	}
	m.last[p.Track] = m.pkt.Dts()
	flags := astiav.PacketFlags(0)
	if p.Keyframe {
		flags = flags.Add(astiav.PacketFlagKey)
	}
	m.pkt.SetFlags(flags)
	err := m.ctx.WriteFrame(m.pkt)
	if m.file == nil || p.Time-m.flushed >= 100*time.Millisecond || p.Time < m.flushed {
		m.io.Flush()
		m.flushed = p.Time
	}
	if m.failed != nil {
		return m.error(m.failed)
	}
	if err != nil {
		m.failed = reason(err)
		return m.error(m.failed)
	}
	return nil
}

func (m *Muxer) error(err error) error { return fmt.Errorf("av: write %s: %w", m.where(), err) }

// Flush ends the running fragment and hands everything over.
func (m *Muxer) Flush() error {
	if err := m.release(); err != nil {
		return err
	}
	if m.failed == nil {
		if err := m.ctx.WriteFrame(nil); err != nil && m.failed == nil {
			m.failed = reason(err)
		}
		m.io.Flush()
	}
	if m.failed != nil {
		return m.error(m.failed)
	}
	return nil
}

// Written is how many bytes have been handed to the file or to Write.
func (m *Muxer) Written() int64 { return m.written }

// Close writes the trailer, syncs the file to disk, and frees the muxer. Its error is
// the first one there was. Whenever it is cut short, by an error, a kill or the power, the file
// is one that Remux can finish: see ending.
func (m *Muxer) Close() error {
	_ = m.release() // its error is kept in m.failed
	if m.header {
		m.beginEnd()
		if err := m.ctx.WriteTrailer(); err != nil && m.failed == nil {
			m.failed = reason(err)
		}
		m.io.Flush()
		m.finishEnd()
	}
	if m.file != nil && m.failed == nil {
		if err := m.file.Sync(); err != nil {
			m.failed = err
		}
	}
	m.free()
	if m.failed != nil {
		return m.error(m.failed)
	}
	return nil
}

func (m *Muxer) free() {
	if m.pkt != nil {
		m.pkt.Free()
		m.pkt = nil
	}
	if m.ctx != nil {
		m.ctx.Free()
		m.ctx = nil
	}
	m.freeIO()
	if m.file != nil {
		if err := m.file.Close(); err != nil && m.failed == nil {
			m.failed = err
		}
		m.file = nil
	}
}
