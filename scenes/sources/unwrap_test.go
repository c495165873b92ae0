package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// unwrapStep is from packet to packet of longStream, so that 27 hours are few: less than a jump.
const unwrapStep = 9 * time.Second

// longStream is a transport stream that lasts longer than its time stamps do. Pictures are
// shown later after they are decoded, sound comes between them.
func longStream(t *testing.T, length, later time.Duration) []byte {
	t.Helper()
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{Encoder: "libx264", Width: 64, Height: 64, FPS: fps25, BitrateBPS: 100_000, GOP: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer audio.Close()
	f := media.NewFramePool(media.I420, 64, 64, 1).Get()
	f.Fill(100, 128, 128)
	pictures, err := video.Encode(f, 0, true)
	f.Release()
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := video.Flush(); err != nil {
		t.Fatal(err)
	} else if pictures = append(pictures, rest...); len(pictures) != 1 {
		t.Fatalf("one picture became %d packets", len(pictures))
	}
	blocks, err := audio.Encode(make([]float32, 4096*media.Channels), 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tracks := []media.Track{video.Track(), audio.Track()}
	mux, err := av.NewMuxer(av.MuxerOptions{Format: "mpegts", Tracks: tracks, StartAtZero: true, Options: map[string]string{"pes_payload_size": "0"},
		Write: func(b []byte) error {
			out.Write(b)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(p *media.Packet, track int, dts, pts time.Duration) {
		q := *p
		q.Track, q.Time = track, pts
		q.DTS, q.PTS = media.UnitsIn(dts, tracks[track].TimeBase), media.UnitsIn(pts, tracks[track].TimeBase)
		if err := mux.WritePacket(&q); err != nil {
			t.Fatal(err)
		}
	}
	for at := time.Duration(0); at < length; at += unwrapStep {
		put(pictures[0], 0, at, at+later)
		put(blocks[len(blocks)-1], 1, at+unwrapStep/2, at+unwrapStep/2)
	}
	if err := mux.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A transport stream that is received for longer than its time stamps last, 26.5 hours, goes
// on, and begins no new timeline.
func TestTransportStreamsTimeBeginsAgain(t *testing.T) {
	const length = 2*wrapTime + time.Hour
	for what, later := range map[string]time.Duration{"in order": 0, "reordered": unwrapStep / 2} {
		raw := longStream(t, length, later)
		l := &liveInput{kind: "network", url: "long", opt: hd(64, 64, fps25), hardware: "off"}
		open := func() *liveInput {
			l := *l
			l.options = av.InputOptions{Format: "mpegts", ReadFrom: bytes.NewReader(raw)}
			return &l
		}

		// What comes of it, packet by packet.
		in, err := av.OpenInput(t.Context(), "long", open().options)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		f := newFeed(true, true, false)
		var count [2]int
		read := func(ctx context.Context, stream int) error {
			last, first := time.Duration(0), time.Duration(0)
			for {
				it, err := f.get(ctx, stream)
				if err != nil || it.end {
					return err
				}
				if it.pkt == nil {
					continue
				}
				d, wait := it.pkt.DTS-last, it.pkt.PTS-it.pkt.DTS
				if count[stream] == 0 {
					d, first = unwrapStep, wait
				}
				if (d-unwrapStep).Abs() > time.Millisecond || (wait-first).Abs() > time.Millisecond {
					return fmt.Errorf("stream %d: packet %d comes %v behind the one before and is shown %v later", stream, count[stream], d, wait)
				}
				last = it.pkt.DTS
				count[stream]++
				f.recycle(it.pkt)
			}
		}
		player := &livePlayer{liveInput: l, sink: newRecorder(Live, 0, 0), in: in}
		err = together(t.Context(),
			func(ctx context.Context) error { return read(ctx, pictures) },
			func(ctx context.Context) error { return read(ctx, sound) },
			func(ctx context.Context) error { return player.demux(ctx, f) })
		f.close()
		player.close()
		want := int(length / unwrapStep)
		if !errors.Is(err, errStreamEnded) || count[pictures] < want-1 || count[sound] < want-1 {
			t.Errorf("%s: it ended with %v behind %d pictures and %d blocks of sound, want the end behind %d", what, err, count[pictures], count[sound], want)
		}

		// And as the studio sees it.
		sink := newRecorder(Live, 0, 0)
		sink.keepSound = false
		if err := open().run(t.Context(), sink); !errors.Is(err, errStreamEnded) {
			t.Errorf("%s: it ended with %v", what, err)
		}
		if sink.restarts != 0 || sink.numVideo == 0 {
			t.Errorf("%s: %d pictures, and the timeline began anew %d times", what, sink.numVideo, sink.restarts)
		}
		for _, f := range sink.faults {
			t.Errorf("%s: %s", what, f)
		}
	}
}

// A jump of any other length is one still, with the time stamps as they come, also behind the
// end of the 33 bits.
func TestUnwrapLeavesJumpsAlone(t *testing.T) {
	st := &av.Stream{TimeBase: media.NewRational(1, 90000)}
	for _, c := range []struct {
		what      string
		dts, last time.Duration
		seen      bool
		want      time.Duration
	}{
		{"goes on", 10 * time.Second, 9 * time.Second, true, 0},
		{"first of all", 0, 0, false, 0},
		{"begins again", time.Second, wrapTime, true, wrapTime},
		{"began again for the other stream only", wrapTime + time.Second, time.Second, true, -wrapTime},
		{"far back", time.Second, wrapTime / 2, true, 0},
		{"back by nearly as much", 20 * time.Second, wrapTime, true, 0},
	} {
		pkt := av.NewInputPacket()
		defer pkt.Free()
		pkt.DTS, pkt.HasDTS = c.dts, true
		var u unwrap
		u.follow(pictures, pkt, st, [2]time.Duration{c.last, 0}, [2]bool{c.seen, false})
		if u.shift[pictures] != c.want {
			t.Errorf("%s: shifted by %v, want %v", c.what, u.shift[pictures], c.want)
		}
	}
}
