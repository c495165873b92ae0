package record

import (
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// TestProRes: a MOV file of ProRes with two sound tracks, cut at any picture, since each is a
// keyframe.
func TestProRes(t *testing.T) {
	t.Parallel()
	feed := newFastFeed(t)
	sound := feed.coded.Tracks[1]
	sound.Title = "Clean"
	e, err := av.NewVideoEncoder(av.VideoEncoderOptions{Encoder: "prores_ks", Preset: "proxy", Width: 320, Height: 180, FPS: media.NewRational(clipFPS, 1), BitrateBPS: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	feed.coded.Tracks = []media.Track{e.Track(), feed.coded.Tracks[1], sound}
	var packets []*media.Packet
	pool := media.NewFramePool(media.I420, 320, 180, 1)
	for _, p := range feed.coded.Packets {
		if p.Audio {
			q := *p
			q.Track = 2
			packets = append(packets, p, &q)
			continue
		}
		f := pool.Get()
		f.Fill(60, 120, 140)
		framecode.Draw(f, 1, uint32(p.PTS))
		list, err := e.Encode(f, p.PTS, false)
		f.Release()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, list...)
	}
	rest, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	feed.coded.Packets = append(packets, rest...)
	feed.sort()
	dir := t.TempDir()
	o := newRecorder(t, map[string]any{"path": dir + "/show.mov"})
	var ev events
	o.files = ev.add
	o.Split(media.TickTime(31, media.NewRational(clipFPS, 1)))
	if err := o.Run(t.Context(), feed); err != nil {
		t.Fatal(err)
	}
	list := ev.closed()
	if len(list) != 2 || list[0].Holds.Packets[0] != 31 {
		t.Fatalf("files %+v", list)
	}
	wantPictures(t, list, upTo(0, everyPicture))
	for _, f := range list {
		if _, err := files.Check(t.Context(), f.Path, f.Holds); err != nil {
			t.Error(err)
		}
	}
}

// TestOtherCodecs: HEVC with B-frames, and AV1 with Opus, are cut, paused and found good.
func TestOtherCodecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		encoder   string
		audio     media.Codec
		container string
		cut       int64
		preset    string
	}{{"libx265", media.AAC, "mp4", 20, ""}, {"libx265", media.AAC, "ts", 20, ""}, {"libsvtav1", media.Opus, "mkv", clipFPS, "8"}} { // SVT-AV1 makes no keyframe on demand
		t.Run(c.encoder+" "+c.container, func(t *testing.T) {
			const seconds = 4
			video, err := av.NewVideoEncoder(av.VideoEncoderOptions{Encoder: c.encoder, Width: 320, Height: 180, FPS: media.NewRational(clipFPS, 1), BitrateBPS: 8_000_000, Preset: c.preset, GOP: clipFPS, BFrames: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer video.Close()
			audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{Codec: c.audio, BitrateBPS: 96_000})
			if err != nil {
				t.Fatal(err)
			}
			defer audio.Close()
			feed := &fastFeed{coded: testkit.Coded{Tracks: []media.Track{video.Track(), audio.Track()}}}
			add := func(track int, list []*media.Packet, err error) {
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range list {
					q := *p
					q.Track, q.Audio = track, track == 1
					feed.coded.Packets = append(feed.coded.Packets, &q)
				}
			}
			pool := media.NewFramePool(media.I420, 320, 180, 4)
			for n := range int64(seconds * clipFPS) {
				f := pool.Get()
				f.Fill(60, 120, 140)
				framecode.Draw(f, 1, uint32(n))
				list, err := video.Encode(f, n, n == c.cut)
				f.Release()
				add(0, list, err)
			}
			list, err := video.Flush()
			add(0, list, err)
			list, err = audio.Encode(make([]float32, seconds*media.SampleRateHz*media.Channels), 0)
			add(1, list, err)
			list, err = audio.Flush()
			add(1, list, err)
			feed.sort()
			feed.coded.Packets = feed.coded.Packets[slices.IndexFunc(feed.coded.Packets, func(p *media.Packet) bool { return !p.Audio }):]

			o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show." + c.container})
			var ev events
			o.files = ev.add
			o.Split(media.TickTime(c.cut, media.NewRational(clipFPS, 1)))
			o.Pause(2*time.Second, true)
			o.Pause(3*time.Second, false)
			if err := o.Run(t.Context(), feed); err != nil {
				t.Fatal(err)
			}
			files := ev.closed()
			if len(files) != 2 || files[0].Holds.Packets[0] != c.cut {
				t.Fatalf("files %+v", files)
			}
			wantPictures(t, files, slices.Concat(upTo(0, 2*clipFPS), upTo(3*clipFPS, seconds*clipFPS)))
			for _, f := range files {
				if _, err := check(t.Context(), f.Path, f.Holds); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
