package engine

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// copying is a copier that is recorded, of an input that sends H.264 at 30 fps.
type copying struct {
	*copier
	in    *input
	queue *media.PacketQueue
	said  []string
	track media.Track
}

func newCopying() *copying {
	c := &copying{in: &input{}, queue: media.NewPacketQueue(media.RecordLimits, true)}
	c.track = media.Track{Codec: media.H264, Width: 64, Height: 48, Extradata: []byte{1}}
	c.copier = newCopier(media.NewRational(30, 1), func(why string) { c.said = append(c.said, why) })
	c.adopt(c.in)
	c.use(1)
	c.describe(c.in, []media.Track{c.track}, "")
	c.add(c.queue, 0)
	return c
}

// picture puts picture n, a keyframe each second.
func (c *copying) picture(n int64, hidden bool) {
	at := media.TickTime(n, c.fps)
	c.put(c.in, sources.CodedPacket{Data: []byte{byte(n)}, PTS: at, DTS: at, Keyframe: n%30 == 0, Hidden: hidden, Track: c.track})
}

// show shows picture n at its tick.
func (c *copying) show(n int64) {
	at := media.TickTime(n, c.fps)
	c.shown(c.timeline(), at, n, 0, true)
}

// tick is one without anything fresh.
func (c *copying) tick(n int64) { c.watch(c.in, media.TickTime(n, c.fps), true) }

// handed is how many packets have come out.
func (c *copying) handed() int { return int(c.queue.Stats().Accepted) }

// TestCopySaysThatItHasDied: whatever keeps packets from being handed on is told once, and taken
// back when it goes on or nobody waits for it any more.
func TestCopySaysThatItHasDied(t *testing.T) {
	t.Parallel()
	play := func(c *copying, from, to int64) {
		for n := from; n < to; n++ {
			c.picture(n, false)
			c.tick(n)
			c.show(n)
		}
	}
	for _, k := range []struct {
		name string
		then func(c *copying)
		want []string
	}{
		{"another source, which is not coded", func(c *copying) {
			other := &input{}
			c.adopt(other)
			c.plain(c.in) // the one before: nothing to do with it
			c.plain(other)
			c.plain(other)
		}, []string{"it does not arrive coded any more"}},
		{"another source, of which nothing can be passed on", func(c *copying) {
			other := &input{}
			c.adopt(other)
			c.describe(other, nil, "it is coded as vp9")
		}, []string{"it is coded as vp9"}},
		{"packets come, no picture is shown", func(c *copying) {
			for n := int64(30); n < 400; n++ {
				c.picture(n, false)
				c.tick(n)
			}
		}, []string{"nothing of what it sends can be brought to its pictures"}},
		{"it is shown again", func(c *copying) {
			for n := int64(30); n < 240; n++ {
				c.picture(n, false)
				c.tick(n)
			}
			c.show(30)
		}, []string{"nothing of what it sends can be brought to its pictures", ""}},
		{"hidden packets alone", func(c *copying) {
			for n := int64(30); n < 30*22; n++ {
				c.picture(n, true)
				c.tick(n)
			}
		}, []string{"nothing of what it sends can be brought to its pictures"}},
		{"paused for long", func(c *copying) {
			c.picture(30, false) // read ahead
			for n := int64(30); n < 3000; n++ {
				c.tick(n)
			}
			c.picture(31, false)
			c.tick(3000)
		}, nil},
		{"a keyframe only every ten seconds", func(c *copying) {
			c.restart(c.in)
			for n := int64(31); n < 330; n++ {
				at := media.TickTime(n, c.fps)
				c.put(c.in, sources.CodedPacket{Data: []byte{1}, PTS: at, DTS: at, Track: c.track})
				c.tick(n)
				c.show(n)
			}
		}, nil},
		{"stopped", func(c *copying) {
			c.describe(c.in, nil, "it has become strange")
			c.remove(c.streams[0])
		}, []string{"it has become strange", ""}},
	} {
		c := newCopying()
		play(c, 0, 30)
		if len(c.said) != 0 || c.handed() != 30 {
			t.Fatalf("%s: %d packets, said %q", k.name, c.handed(), c.said)
		}
		if k.then(c); !slices.Equal(c.said, k.want) {
			t.Errorf("%s: said %q, want %q", k.name, c.said, k.want)
		}
	}
}

// TestCopyOfAnUnsteadySource: one whose parameter sets change at every keyframe fills no folder
// with files; it is told, it is not copied when it is recorded anew, and once it is steady it is.
func TestCopyOfAnUnsteadySource(t *testing.T) {
	t.Parallel()
	c := newCopying()
	begun, n := 0, int64(0)
	play := func(seconds int64, every int64, change bool) (began int) {
		before := begun
		for end := n + 30*seconds; n < end; n++ {
			at := media.TickTime(n, c.fps)
			if n%every == 0 && change {
				c.track.Extradata = []byte{byte(n / every % 2)}
			}
			c.put(c.in, sources.CodedPacket{Data: []byte{1}, PTS: at, DTS: at, Keyframe: n%every == 0, Track: c.track})
			c.tick(n)
			c.show(n)
			for c.queue.Stats().Packets > 0 {
				if p, err := c.queue.Next(t.Context()); err == nil && p.Tracks != nil {
					begun++
				}
			}
		}
		return begun - before
	}
	if began := play(60, 30, true); began != 60 || len(c.said) > 0 {
		t.Errorf("with another each second %d stretches have begun in a minute, said %q", began, c.said)
	}
	if began := play(60, 10, true); began > 60 {
		t.Errorf("with three a second %d stretches have begun in a minute, want one a second at most", began)
	}
	if want := []string{copyUnsteady}; !slices.Equal(c.said, want) {
		t.Errorf("said %q, want %q", c.said, want)
	}
	if ok, why := c.can(); ok || why != copyUnsteady {
		t.Errorf("it can be copied: %v, %q", ok, why)
	}
	before := c.queue.Stats().Accepted
	play(10, 10, false)
	if got := c.queue.Stats().Accepted - before; got < 8*30 {
		t.Errorf("steady again, %d pictures of 300 were handed on", got)
	}
	if want := []string{copyUnsteady, ""}; !slices.Equal(c.said, want) {
		t.Errorf("said %q, want %q", c.said, want)
	}
	if ok, why := c.can(); !ok || why != "" {
		t.Errorf("it cannot be copied: %q", why)
	}
}

// TestCopyOfMuchThatWaits: what has gathered while nothing was shown is handed on little by
// little, whole and in order, and in a time that grows with its number alone.
func TestCopyOfMuchThatWaits(t *testing.T) {
	t.Parallel()
	const pictures = 20_000
	const due = pictures - 29 // after the slate it begins anew with a keyframe
	c := newCopying()
	for n := range int64(pictures) {
		c.picture(n, false)
	}
	c.show(0)
	start := time.Now()
	c.show(pictures)
	if n := c.handed(); n > 1+2*copyDrain {
		t.Errorf("%d packets in one tick", n)
	}
	for n := int64(pictures); c.handed() < due && n < 2*pictures; n++ {
		c.tick(n)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if c.handed() != due || c.bytes != 0 {
		t.Fatalf("%d packets of %d; %d bytes wait", c.handed(), due, c.bytes)
	}
	last := int64(-1)
	for range due {
		p, err := c.queue.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.DTS <= last {
			t.Fatalf("%d is decoded after %d", p.DTS, last)
		}
		last = p.DTS
	}
}

// TestCopyCountsEmptyPackets: those without data take room too.
func TestCopyCountsEmptyPackets(t *testing.T) {
	t.Parallel()
	c := newCopying()
	for n := range int64(2 * copyWaits / copyEntry) {
		c.put(c.in, sources.CodedPacket{Audio: true, Hidden: true, PTS: time.Duration(n), Track: c.track})
	}
	if n := len(c.waiting); n > copyWaits/copyEntry {
		t.Errorf("%d packets wait", n)
	}
}

// TestCopiedISOOfASourceThatIsExchanged: a file that becomes a generator while it is recorded as
// it comes is told of, until its recording is stopped as the sentence says.
func TestCopiedISOOfASourceThatIsExchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "camera.mp4")
	testkit.Clip{Width: 480, Height: 270, FPS: media.NewRational(30, 1), Camera: 1, Seconds: 3}.Write(t, path)
	s := newStudio(t, parse(t, copyShow(dir, "file", `{"loop":true,"path":`+strconv.Quote(path)+`}`)), media.NewRealClock(), realRecords)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	warned := func(st *State) bool {
		return slices.ContainsFunc(st.Warnings, func(w Warning) bool { return strings.Contains(w.Text, "it does not arrive coded any more") })
	}
	s.until(t, "the file plays", func(st *State) bool { return len(st.Sources) > 0 && st.Sources[0].Frames > 3 })
	s.must(t, &StartISO{Sources: []string{"cam1"}})
	s.until(t, "it is recorded as it comes", func(st *State) bool { return st.ISOs[0].Copied && st.ISOs[0].Report.State == outputs.Confirmed })
	s.must(t, UpdateSource{scenes.Source{ID: "cam1", Kind: "synthetic", Settings: []byte(`{"camera":1}`)}})
	s.until(t, "it is told", warned)
	s.must(t, &StopISO{Sources: []string{"cam1"}})
	s.until(t, "that is over", func(st *State) bool { return !warned(st) })
	s.must(t, &StartISO{Sources: []string{"cam1"}})
	s.until(t, "it is encoded", func(st *State) bool {
		return st.ISOs[0].Started && !st.ISOs[0].Copied && st.ISOs[0].Report.State == outputs.Confirmed
	})
	cancel()
	finish(t, done, time.Minute)
}

// TestCopyNeedsAPicture: a source that is known and never decoded is not copied.
func TestCopyNeedsAPicture(t *testing.T) {
	t.Parallel()
	c := newCopying()
	iso := &isoSource{in: &input{done: make(chan struct{}), copier: c.copier}, copier: c.copier}
	iso.in.coded.Store(true)
	if why := iso.awaitCopy(20 * time.Millisecond); why != "no picture of it has been decoded yet" {
		t.Errorf("without a picture it says %q", why)
	}
	iso.in.size.Store(64<<32 | 48)
	if why := iso.awaitCopy(time.Minute); why != "" {
		t.Errorf("with one it says %q", why)
	}
}

// TestCopiedSoundIsPlacedToTheSample: blocks of sound alone lie at the studio's offset to the
// sample, are handed on when they are heard and not before, and begin another stretch with another
// configuration, another turn or behind a hole; a start later has those of its tick.
func TestCopiedSoundIsPlacedToTheSample(t *testing.T) {
	t.Parallel()
	track := media.Track{Codec: media.AAC, SampleRateHz: 44100, Channels: 2, Extradata: []byte{0x12, 0x10}}
	in, c := &input{}, newCopier(media.NewRational(30, 1), func(why string) { t.Error(why) })
	c.adopt(in)
	c.keep(true)
	c.describe(in, []media.Track{track}, "")
	length := media.TimeOf(1024, media.NewRational(1, 44100))
	// Read three quarters of a second ahead, decoded half a second.
	tick, put := int64(0), int64(0)
	play := func(until int64, change func(n int64, p *sources.CodedPacket)) {
		for ; tick < until; tick++ {
			now := media.TickTime(tick, c.fps)
			for ; media.TimeOf(put*1024, media.NewRational(1, 44100)) < now+750*time.Millisecond; put++ {
				p := sources.CodedPacket{Audio: true, Data: []byte{byte(put)}, PTS: media.TimeOf(put*1024, media.NewRational(1, 44100)), Duration: length, Keyframe: true, Track: track}
				if change != nil {
					change(put, &p)
				}
				c.put(in, p)
			}
			c.watch(in, now, true)
			c.heard(c.timeline(), now, media.TickTime(3, c.fps), now+500*time.Millisecond)
		}
	}
	play(40, nil)
	queue := media.NewPacketQueue(media.RecordLimits, false)
	s := c.add(queue, media.TickTime(40, c.fps))
	play(60, nil)
	next := func() *media.Packet {
		if queue.Stats().Packets == 0 {
			t.Fatal("there is none")
		}
		p, err := queue.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const offset = 3 * 1470 // samples
	first := next()
	n := (first.PTS - offset) / 1024
	if start := int64(40 * 1470); first.Tracks == nil || first.PTS > start-3500 || first.PTS < start-3500-2*1024 || first.Tracks[0].TimeBase != media.NewRational(1, 44100) {
		t.Errorf("it begins with sample %d, started at %d, tracks %+v", first.PTS, start, first.Tracks)
	}
	last := first.PTS
	for i := n + 1; queue.Stats().Packets > 0; i++ {
		p := next()
		if p.PTS != offset+i*1024 || p.Data[0] != byte(i) || p.Tracks != nil {
			t.Fatalf("block %d is at %d with %d, want %d (tracks %v)", i, p.PTS, p.Data[0], offset+i*1024, p.Tracks)
		}
		last = p.PTS
	}
	if end := int64(60 * 1470); last >= end || last < end-1024 {
		t.Errorf("at tick 60 it has come to sample %d of %d", last, end)
	}
	// What was read ahead is as it was; from here on each third of a second begins anew.
	from := put
	other := track
	other.Extradata = []byte{0x12, 0x08}
	play(180, func(n int64, p *sources.CodedPacket) {
		switch {
		case n == from+15:
			p.Anew = true
		case n >= from+30:
			p.Track = other
		}
		if n >= from+45 {
			p.PTS += 2 * time.Second
		}
	})
	var begins []int64
	for queue.Stats().Packets > 0 {
		if p := next(); p.Tracks != nil {
			begins = append(begins, int64(p.Data[0]))
		}
	}
	if want := []int64{int64(byte(from + 15)), int64(byte(from + 30)), int64(byte(from + 45))}; !slices.Equal(begins, want) {
		t.Errorf("stretches begin with blocks %d, want %d", begins, want)
	}
	c.remove(s)
}
