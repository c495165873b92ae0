package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// recordPatience is how long a recording waits for a stream's second track before it
// begins with one.
const recordPatience = 2 * time.Second

// recording writes one stream to a file, beginning with its first keyframe. The
// connection's goroutine hands packets over and never waits for the disk; a goroutine
// of its own writes.
type recording struct {
	s       *stream
	tracks  []media.Track
	held    []*media.Packet // before the tracks are known to be complete
	queue   *media.PacketQueue
	since   time.Time
	writing sync.WaitGroup
}

func newRecording(s *stream) *recording { return &recording{s: s, since: time.Now()} }

// describe says what track i is. A container's tracks are fixed: what comes after its
// beginning is left out.
func (c *recording) describe(i int, t media.Track) {
	if c.queue != nil {
		return
	}
	for len(c.tracks) <= i {
		c.tracks = append(c.tracks, media.Track{})
	}
	c.tracks[i] = t
}

func (c *recording) packet(p *media.Packet, pts time.Duration) {
	q := *p
	q.Time = pts
	if c.queue != nil {
		if q.Track < len(c.tracks) {
			c.queue.Put(&q)
		}
		return
	}
	c.held = append(c.held, &q)
	if c.complete() || time.Since(c.since) > recordPatience {
		c.begin()
	}
}

// complete: there are pictures and sound, and a rate could be measured.
func (c *recording) complete() bool {
	video, audio := false, false
	for _, t := range c.tracks {
		video = video || t.Codec != "" && !t.Codec.IsAudio()
		audio = audio || t.Codec.IsAudio()
	}
	return video && audio && len(c.held) > 3*settle
}

// begin opens the file and writes what was held.
func (c *recording) begin() {
	s := c.s
	s.mu.Lock()
	fps, _ := s.video.rate()
	s.recordingName = fmt.Sprintf("%s %s %s %d.mkv", s.began.Format("2006-01-02 15-04-05"), s.protocol, fileName(s.name), s.id)
	path := filepath.Join(s.r.opt.RecordDir, s.recordingName)
	s.mu.Unlock()
	video := false
	for i := range c.tracks {
		c.tracks[i] = forContainer(c.tracks[i], fps)
		video = video || !c.tracks[i].Codec.IsAudio()
	}
	c.queue = media.NewPacketQueue(media.RecordLimits, video)
	queue, tracks := c.queue, c.tracks
	c.writing.Go(func() {
		if err := write(path, tracks, queue); err != nil {
			s.r.log.Warn("rehearsal recording failed; the stream is received without it", "reason", err)
			s.mu.Lock()
			s.recordingName = ""
			s.mu.Unlock()
			queue.Close()
			for _, err := queue.Next(context.Background()); err == nil; _, err = queue.Next(context.Background()) {
			}
		}
	})
	for _, p := range c.held {
		c.queue.Put(p)
	}
	c.held = nil
}

// write is the recording's goroutine.
func write(path string, tracks []media.Track, queue *media.PacketQueue) error {
	m, err := av.NewMuxer(av.MuxerOptions{Format: "matroska", Path: path, Tracks: tracks, StartAtZero: true})
	if err != nil {
		return err
	}
	for {
		p, err := queue.Next(context.Background()) // ends with Close
		if errors.Is(err, io.EOF) {
			return m.Close()
		}
		if err := m.WritePacket(p); err != nil {
			_ = m.Close() // the same error
			return err
		}
	}
}

// close ends the file and waits for it.
func (c *recording) close() {
	if c.queue == nil && len(c.held) > 0 {
		c.begin()
	}
	if c.queue != nil {
		c.queue.Close()
	}
	c.writing.Wait()
}

// forContainer completes a received track's description.
func forContainer(t media.Track, fps media.Rational) media.Track {
	t.Delay = 0 // received time stamps are those of what the decoder gives
	if t.Codec.IsAudio() {
		if t.SampleRateHz == 0 {
			t.SampleRateHz = media.SampleRateHz
		}
		if t.Channels == 0 {
			t.Channels = media.Channels
		}
		if t.Codec == media.Opus && len(t.Extradata) == 0 {
			t.Extradata = opusHead(t.Channels)
		}
		return t
	}
	if fps.IsSet() {
		t.FPS = fps
	} else if !t.FPS.IsSet() {
		t.FPS = media.Rational{Num: 30, Den: 1}
	}
	return t
}

// opusHead is the header of RFC 7845 5.1 for a stream whose beginning is of no
// interest: no pre-skip, 48 kHz, no gain, mapping family 0.
func opusHead(channels int) []byte {
	return []byte{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, byte(channels), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0}
}

// fileName keeps what every file system takes.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
}
