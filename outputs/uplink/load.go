package uplink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// The stream that loads a path: small colour bars, each picture a keyframe, so that any of
// them may be left out, with filler to the wanted rate.
const (
	width, height = 320, 180
	pictureRate   = 30
	soundBPS      = 64_000
	// soundUnits are audio frames in a block of AAC.
	soundUnits = 1024
	// catchUp is how late the stream may be before it is no longer made up for.
	catchUp = 500 * time.Millisecond
)

var (
	fps     = media.NewRational(pictureRate, 1)
	soundTB = media.NewRational(1, media.SampleRateHz)
)

// clip is a second of it without filler.
type clip struct {
	tracks   []media.Track
	pictures [][]byte
	sounds   [][]byte
}

// encodeClip makes it with real encoders.
func encodeClip() (clip, error) {
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: width, Height: height, FPS: fps, BitrateBPS: 400_000, GOP: 1, BFrames: 0, Threads: 1,
	})
	if err != nil {
		return clip{}, fmt.Errorf("uplink: the stream to measure with cannot be made: %w", err)
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{BitrateBPS: soundBPS})
	if err != nil {
		return clip{}, fmt.Errorf("uplink: the stream to measure with cannot be made: %w", err)
	}
	defer audio.Close()
	c := clip{tracks: []media.Track{video.Track(), audio.Track()}}
	add := func(list *[][]byte, packets []*media.Packet, err error) error {
		for _, p := range packets {
			*list = append(*list, p.Data)
		}
		return err
	}
	bars := barsFrame()
	defer bars.Release()
	for n := range int64(pictureRate) {
		packets, err := video.Encode(bars, n, true)
		if err := add(&c.pictures, packets, err); err != nil {
			return clip{}, fmt.Errorf("uplink: the stream to measure with cannot be made: %w", err)
		}
	}
	packets, err := video.Flush()
	if err := add(&c.pictures, packets, err); err != nil {
		return clip{}, fmt.Errorf("uplink: the stream to measure with cannot be made: %w", err)
	}
	packets, err = audio.Encode(make([]float32, media.SampleRateHz*media.Channels), 0)
	if err := add(&c.sounds, packets, err); err != nil {
		return clip{}, fmt.Errorf("uplink: the stream to measure with cannot be made: %w", err)
	}
	if len(c.pictures) == 0 || len(c.sounds) == 0 {
		return clip{}, fmt.Errorf("uplink: the stream to measure with has %d pictures and %d blocks of sound", len(c.pictures), len(c.sounds))
	}
	return c, nil
}

// barsFrame is 75 % colour bars (ITU-R BT.471-1) in BT.709.
func barsFrame() *media.Frame {
	f := media.NewFramePool(media.I420, width, height, 1).Get()
	values := [...][3]byte{ // Y, Cb, Cr: white, yellow, cyan, green, magenta, red, blue, black
		{180, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52}, {63, 193, 204}, {51, 109, 212}, {28, 212, 120}, {16, 128, 128},
	}
	for i, p := range f.Planes[:3] {
		w, h := width, height
		if i > 0 {
			w, h = w/2, h/2
		}
		for row := range h {
			for x := range w {
				p.Data[row*p.Stride+x] = values[x*len(values)/w][i]
			}
		}
	}
	return f
}

// load is a feed of the clip, over and over, at the rate that a climb decides. The output
// takes from it with one goroutine and tells it how it goes with others.
type load struct {
	clip    clip
	climbed chan struct{} // closed when all is known
	taken   func()        // told when the far end has acknowledged something

	mu       sync.Mutex
	climb    *climb // guarded by mu
	done     bool   // guarded by mu
	measured bool   // guarded by mu; the far end has acknowledged something

	// Of the goroutine that calls Next.
	start            time.Time
	pictures, sounds int64 // next
}

// Tracks implements outputs.Feed. The rate is the most that is tried: outputs size their
// buffers by it.
func (l *load) Tracks() []media.Track {
	tracks := append([]media.Track(nil), l.clip.tracks...)
	tracks[0].BitrateBPS = int(l.climb.max) // never changed
	return tracks
}

// Next implements outputs.Feed.
func (l *load) Next(ctx context.Context) (*media.Packet, error) {
	if l.start.IsZero() {
		l.start = time.Now()
	}
	if now := time.Since(l.start); now-media.TickTime(l.pictures, fps) > catchUp {
		l.pictures = media.UnitsIn(now, fps.Inv())
		l.sounds = media.UnitsIn(now, soundTB) / soundUnits
	}
	sound := media.TimeOf(l.sounds*soundUnits, soundTB) < media.TickTime(l.pictures, fps)
	p := l.picture
	if sound {
		p = l.sound
	}
	packet := p()
	timer := time.NewTimer(time.Until(l.start.Add(packet.Time)))
	defer timer.Stop()
	select {
	case <-l.climbed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	if sound {
		l.sounds++
		return packet, nil
	}
	l.pictures++
	l.mu.Lock()
	size := int((l.climb.offered - soundBPS) / pictureRate / 8)
	l.mu.Unlock()
	packet.Data = filled(packet.Data, size)
	return packet, nil
}

func (l *load) picture() *media.Packet {
	n := l.pictures
	at := media.TickTime(n, fps)
	return &media.Packet{Data: l.clip.pictures[n%int64(len(l.clip.pictures))], PTS: n, DTS: n, Duration: 1, Keyframe: true, Time: at, Made: at}
}

func (l *load) sound() *media.Packet {
	n := l.sounds
	at := media.TimeOf(n*soundUnits, soundTB)
	return &media.Packet{
		Track: 1, Audio: true, Data: l.clip.sounds[n%int64(len(l.clip.sounds))],
		PTS: n * soundUnits, DTS: n * soundUnits, Duration: soundUnits, Keyframe: true, Time: at, Made: at,
	}
}

// filled is a picture of at least size bytes: behind its slices comes filler data (ITU-T
// H.264 7.3.2.7), which decoders skip.
func filled(picture []byte, size int) []byte {
	head := []byte{0, 0, 0, 1, 12}
	n := size - len(picture) - len(head) - 1
	if n <= 0 {
		return picture
	}
	out := make([]byte, 0, size)
	out = append(append(out, picture...), head...)
	out = append(out, bytes.Repeat([]byte{0xff}, n)...)
	return append(out, 0x80) // rbsp_trailing_bits
}

// Queued implements outputs.Feed: what is late is not sent later.
func (l *load) Queued() time.Duration { return 0 }

// RequestKeyframe implements outputs.Feed: every picture is one.
func (l *load) RequestKeyframe() {}

// Report implements outputs.Feed.
func (l *load) Report(outputs.Report) {}

// Watch implements outputs.ProgressWatcher.
func (l *load) Watch(p outputs.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.measured {
		if p.AckedBytes <= 0 {
			return // outputs tell of nothing too, from their first moment on
		}
		l.measured = true
		l.taken()
	}
	if !l.done && l.climb.look(time.Now(), p) {
		l.done = true
		close(l.climbed)
	}
}
