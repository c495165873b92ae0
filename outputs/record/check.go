package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	// soundShort is how many blocks of sound a file may lack of those given to it: the ones
	// that are over before its first picture.
	soundShort = 4
	// startApart and endApart are how far the beginnings and the ends of pictures and sound
	// may lie apart: what the sound's decoder needs before (decoderNeeds) and a block, and what
	// encoders hold at an end.
	startApart = 150 * time.Millisecond
	endApart   = time.Second
	// hole is the longest step between two pictures or two blocks of sound that is not told
	// as a hole when it is not known what was written.
	hole = 2 * time.Second
)

// files are what package outputs asks of a kind that writes files.
var files = outputs.Files{Check: check, Finish: finishFile}

// trackCheck is what a check has seen of one stream.
type trackCheck struct {
	audio        bool
	packets      int64
	keyframes    int64
	start, end   time.Duration
	ordered      bool // lastDTS is set
	lastDTS      time.Duration
	lastKey, gop time.Duration
	step         time.Duration
}

// check implements outputs.Files. The file's pages are dropped from memory first, so that
// what is read is what the disk has.
func check(ctx context.Context, path string, want outputs.Contents) (outputs.FileCheck, error) {
	var c outputs.FileCheck
	err := politely(func() (err error) {
		forget(path)
		defer forget(path) // others need the memory more
		if c.Length, err = checkPackets(ctx, path, want); err != nil {
			return err
		}
		c.SHA256, c.Bytes, err = sum(ctx, path)
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return c, err
}

// checkPackets reads a file to its end.
func checkPackets(ctx context.Context, path string, want outputs.Contents) (time.Duration, error) {
	in, err := av.OpenInput(ctx, path, av.InputOptions{AllStreams: true})
	if err != nil {
		return 0, fmt.Errorf("it cannot be opened: %w", plain(err))
	}
	defer in.Close()
	tracks := map[int]*trackCheck{}
	var order []*trackCheck
	for _, s := range in.Streams() {
		t := &trackCheck{audio: s.SampleRateHz > 0, start: -1}
		tracks[s.Index] = t
		order = append(order, t)
	}
	p := av.NewInputPacket()
	defer p.Free()
	for {
		switch err := in.ReadPacket(p); {
		case errors.Is(err, io.EOF):
			return judge(order, want)
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err != nil:
			return 0, fmt.Errorf("it cannot be read beyond %v: %w", furthest(order).Round(time.Second), plain(err))
		}
		if err := tracks[p.Stream].see(p); err != nil {
			return 0, fmt.Errorf("at %v %w", p.PTS.Round(time.Millisecond), err)
		}
	}
}

// plain is an error without our own preface.
func plain(err error) error {
	if u := errors.Unwrap(err); u != nil && strings.HasPrefix(err.Error(), "av: ") {
		return u
	}
	return err
}

// see is one packet.
func (t *trackCheck) see(p *av.InputPacket) error {
	switch {
	case p.Corrupt:
		return errors.New("a packet is cut")
	case !p.HasPTS && !p.HasDTS:
		return errors.New("a packet has no time")
	case !p.HasDTS: // Matroska keeps none, and what is made up for them begins late
	case t.ordered && p.DTS <= t.lastDTS:
		return fmt.Errorf("the time runs backwards, from %v to %v", t.lastDTS.Round(time.Millisecond), p.DTS.Round(time.Millisecond))
	case p.HasPTS && p.PTS < p.DTS-time.Millisecond:
		return errors.New("a picture is shown before it is decoded")
	}
	if t.packets == 0 {
		t.start, t.lastKey = p.PTS, p.PTS
		if !t.audio && !p.Keyframe {
			return errors.New("the file does not begin with a keyframe")
		}
	}
	if p.HasDTS {
		if t.ordered {
			t.step = max(t.step, p.DTS-t.lastDTS)
		}
		t.ordered, t.lastDTS = true, p.DTS
	}
	t.packets++
	t.start = min(t.start, p.PTS)
	t.end = max(t.end, p.PTS+p.Duration)
	if p.Keyframe {
		t.keyframes++
		t.gop = max(t.gop, p.PTS-t.lastKey)
		t.lastKey = p.PTS
	}
	return nil
}

func furthest(tracks []*trackCheck) (end time.Duration) {
	for _, t := range tracks {
		end = max(end, t.end)
	}
	return end
}

// judge compares what was found with what there should be.
func judge(tracks []*trackCheck, want outputs.Contents) (time.Duration, error) {
	if want.Packets != nil && len(want.Packets) != len(tracks) {
		return 0, fmt.Errorf("it has %d tracks of %d", len(tracks), len(want.Packets))
	}
	var video *trackCheck
	for i, t := range tracks {
		what := "packets of sound"
		if !t.audio {
			what = "pictures"
			if video == nil {
				video = t
			}
		}
		if t.packets == 0 && (want.Packets == nil || want.Packets[i] > soundShort) {
			return 0, fmt.Errorf("track %d is empty", i+1)
		}
		if want.Packets == nil {
			if t.step > hole {
				return 0, fmt.Errorf("track %d has a hole of %v", i+1, t.step.Round(time.Millisecond))
			}
			continue
		}
		if short := want.Packets[i] - t.packets; short < 0 || short > 0 && !t.audio || short > soundShort {
			return 0, fmt.Errorf("it has %d %s of %d", t.packets, what, want.Packets[i])
		}
	}
	if video == nil {
		return furthest(tracks), nil
	}
	length := video.end - video.start
	if want.Packets != nil {
		switch {
		case video.keyframes != want.Keyframes:
			return 0, fmt.Errorf("it has %d keyframes of %d", video.keyframes, want.Keyframes)
		case video.gop > want.LongestGOP+10*time.Millisecond:
			return 0, fmt.Errorf("keyframes are %v apart instead of %v", video.gop.Round(time.Millisecond), want.LongestGOP.Round(time.Millisecond))
		case (length - want.Length).Abs() > 100*time.Millisecond:
			return 0, fmt.Errorf("it lasts %v instead of %v", length.Round(time.Millisecond), want.Length.Round(time.Millisecond))
		}
	}
	for i, t := range tracks {
		if !t.audio || t.packets == 0 || want.Packets != nil && want.Packets[i] < 2*soundShort {
			continue
		}
		var from, to time.Duration
		if i < len(want.SoundFrom) && i < len(want.SoundTo) {
			from, to = want.SoundFrom[i], want.SoundTo[i]
		}
		if off := (t.start - video.start - from).Abs(); off > startApart {
			return 0, fmt.Errorf("the sound of track %d begins %v from the pictures", i+1, off.Round(time.Millisecond))
		}
		if off := (t.end - video.end - to).Abs(); off > endApart {
			return 0, fmt.Errorf("the sound of track %d ends %v from the pictures", i+1, off.Round(time.Millisecond))
		}
	}
	return length, nil
}

// sum is a file's SHA-256.
func sum(ctx context.Context, path string) (text string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close() // only read
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for ctx.Err() == nil {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
	return "", 0, ctx.Err()
}

// finishFile implements outputs.Files.
func finishFile(ctx context.Context, path string, chapters []outputs.Chapter) (changed bool, err error) {
	c, ok := containers[strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")]
	if !ok || c.format == "mpegts" {
		return false, nil // as whole as it ever is
	}
	opt := av.RemuxOptions{Format: c.format}
	for _, v := range chapters {
		opt.Chapters = append(opt.Chapters, av.Chapter{At: v.At, Title: v.Name})
	}
	// On the same volume, for the renaming; whoever looks sees one whole file or the other.
	aside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".finishing")
	_ = os.Remove(aside) // of a try that was cut short as well
	err = politely(func() error {
		if err := roomFor(path); err != nil {
			return err
		}
		if err := av.Remux(ctx, path, aside, opt); err != nil {
			return err
		}
		if err := same(ctx, path, aside); err != nil {
			_ = os.Remove(aside) // the original is kept
			return err
		}
		return os.Rename(aside, path)
	})
	if errors.Is(err, av.ErrNothing) {
		// Killed before the first fragment was written: an empty file would only puzzle.
		return true, errors.Join(outputs.ErrEmpty, os.Remove(path))
	}
	if err != nil {
		return false, fmt.Errorf("%s stays as it is: %w", filepath.Base(path), plain(err))
	}
	_ = realDisk{}.SyncDir(filepath.Dir(path)) // some file systems cannot; both names have good files
	return true, nil
}

// roomFor: a copy of the file leaves what recordings leave.
func roomFor(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	free, err := realDisk{}.Free(filepath.Dir(path))
	if err == nil && free < info.Size()+stopBelow {
		err = fmt.Errorf("finishing it takes room for %s for a while, and only %s are free", megabytes(info.Size()+stopBelow), megabytes(free))
	}
	return err
}

// same: the copy has no fewer whole packets than could be read of the original.
func same(ctx context.Context, original, made string) error {
	count := func(path string) (n [2]int, err error) {
		in, err := av.OpenInput(ctx, path, av.InputOptions{AllStreams: true})
		if err != nil {
			return n, err
		}
		defer in.Close()
		p := av.NewInputPacket()
		defer p.Free()
		for in.ReadPacket(p) == nil {
			if !p.Corrupt {
				n[min(p.Stream, 1)]++
			}
		}
		return n, ctx.Err()
	}
	from, err := count(original)
	if err != nil {
		return err
	}
	to, err := count(made)
	if err != nil {
		return err
	}
	if to[0] < from[0] || to[1] < from[1] {
		return fmt.Errorf("the finished copy has %d and %d packets of %d and %d", to[0], to[1], from[0], from[1])
	}
	return nil
}
