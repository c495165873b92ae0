package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/yutopp/go-amf0"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// plan is how a feed's tracks become messages, and the timeline of one connection.
// It is used by the sending goroutine alone, but for what never changes.
type plan struct {
	tracks       []media.Track
	video, audio int    // indices; -1 when there is none
	more         []int  // indices of further tracks of sound
	note         string // one sentence on what the server does not take; set when connected
	config       []byte

	started bool
	base    time.Duration // DTS of the connection's first packet
	last    [2]uint32     // newest timestamp of video and audio
	body    []byte        // reused
}

// newPlan checks that RTMP can carry the tracks.
func newPlan(tracks []media.Track) (*plan, error) {
	p := &plan{tracks: tracks, video: -1, audio: -1}
	pictures := 0
	for i, t := range tracks {
		switch {
		case t.Codec.IsAudio() && p.audio < 0:
			p.audio = i
		case t.Codec.IsAudio():
			p.more = append(p.more, i)
		default:
			p.video = i
			pictures++
		}
		var err error
		switch t.Codec {
		case media.H264, media.HEVC, media.AV1:
			p.config, err = configOf(t.Codec, t.Extradata)
		case media.AAC:
			if len(t.Extradata) < 2 {
				err = errors.New("the AAC configuration is missing")
			}
		default:
			return nil, fmt.Errorf("rtmp: RTMP cannot carry %s: choose another rendition, or add one (Outputs, Renditions)", t.Codec)
		}
		if err != nil {
			return nil, fmt.Errorf("rtmp: the encoder's %s configuration cannot be used: %w", t.Codec, err)
		}
	}
	switch sounds := len(p.more) + 1; {
	case pictures > 1:
		return nil, fmt.Errorf("rtmp: RTMP carries one track of pictures, not %d", pictures)
	case sounds > MaxSoundTracks:
		return nil, fmt.Errorf("rtmp: RTMP carries %d tracks of sound at most, not %d", MaxSoundTracks, sounds)
	case p.video < 0 && p.audio < 0:
		return nil, errors.New("rtmp: the stream has neither pictures nor sound, so there is nothing to send")
	}
	return p, nil
}

// settle leaves out what the server does not take.
func (p *plan) settle(c *client) {
	if len(p.more) > 0 && !c.multitrack() {
		p.note = soleTrack(c.target.host, p.sound())
		p.more = nil
	}
}

// sound are the tracks of sound, the first first.
func (p *plan) sound() (tracks []media.Track) {
	if p.audio >= 0 {
		tracks = append(tracks, p.tracks[p.audio])
	}
	for _, i := range p.more {
		tracks = append(tracks, p.tracks[i])
	}
	return tracks
}

func (p *plan) videoCodec() media.Codec {
	if p.video < 0 {
		return ""
	}
	return p.tracks[p.video].Codec
}

// bitrateBPS is what the encoders aim at, all together; a guess when they do not say.
func (p *plan) bitrateBPS() int {
	sum := 0
	for _, t := range p.tracks {
		sum += t.BitrateBPS
	}
	if sum == 0 {
		return 6_000_000
	}
	return sum
}

// ackEvery is how often the server is asked to acknowledge: about every 50 ms of
// stream, so that a server that hangs is noticed within 0.5 s.
func (p *plan) ackEvery() int32 {
	return int32(min(max(p.bitrateBPS()/160, 4<<10), 1<<20))
}

// headers sends the description and the decoder configurations, at time zero.
func (p *plan) headers(ctx context.Context, c *client, userAgent string) error {
	meta := amf0.ECMAArray{"encoder": userAgent}
	if p.video >= 0 {
		t := p.tracks[p.video]
		meta["width"], meta["height"] = t.Width, t.Height
		meta["framerate"] = t.FPS.Float()
		meta["videodatarate"] = float64(t.BitrateBPS) / 1000
		meta["videocodecid"] = float64(codecAVC)
		if cc := fourCC(t.Codec); cc != "" { // Enhanced RTMP: the FourCC as a number
			meta["videocodecid"] = float64(uint32(cc[0])<<24 | uint32(cc[1])<<16 | uint32(cc[2])<<8 | uint32(cc[3]))
		}
	}
	if p.audio >= 0 {
		t := p.tracks[p.audio]
		meta["audiocodecid"] = float64(soundAAC)
		meta["audiodatarate"] = float64(t.BitrateBPS) / 1000
		meta["audiosamplerate"] = t.SampleRateHz
		meta["audiosamplesize"] = 16
		meta["stereo"] = t.Channels == 2
		if len(p.more) > 0 {
			meta["audioTrackIdInfoMap"] = trackInfo(p.sound()[1:])
		}
	}
	if err := c.metadata(ctx, meta); err != nil {
		return err
	}
	if p.video >= 0 {
		if err := c.video(ctx, 0, videoConfig(p.videoCodec(), p.config)); err != nil {
			return err
		}
	}
	for i, t := range p.sound() {
		body := appendAudio(nil, true, t.Extradata)
		if i > 0 {
			body = appendTrackAudio(nil, byte(i), true, t.Extradata)
		}
		if err := c.audio(ctx, 0, body); err != nil {
			return err
		}
	}
	return nil
}

// packet sends one packet and returns how many bytes of media it was; 0 when it was
// left out: sound from before the connection's first picture; -1 of a track that the server
// does not take.
func (p *plan) packet(ctx context.Context, c *client, packet *media.Packet) (int, error) {
	if packet.Track < 0 || packet.Track >= len(p.tracks) {
		return 0, fmt.Errorf("rtmp: a packet is of track %d, which is not known", packet.Track)
	}
	audio := packet.Track != p.video
	id := 0 // of the track of sound
	if audio && packet.Track != p.audio {
		if id = 1 + slices.Index(p.more, packet.Track); id == 0 {
			return -1, nil
		}
	}
	tb := p.tracks[packet.Track].TimeBase
	dts, pts := media.TimeOf(packet.DTS, tb), media.TimeOf(packet.PTS, tb)
	if !p.started {
		p.started, p.base = true, dts
	}
	if dts < p.base && audio {
		return 0, nil
	}
	timestamp, cts := p.stamp(dts, pts, audio)
	if audio {
		if p.body = p.body[:0]; id == 0 {
			p.body = appendAudio(p.body, false, packet.Data)
		} else {
			p.body = appendTrackAudio(p.body, byte(id), false, packet.Data)
		}
		return len(packet.Data), c.audio(ctx, timestamp, p.body)
	}
	if packet.Keyframe {
		if err := p.renew(ctx, c, timestamp, packet.Data); err != nil {
			return 0, err
		}
	}
	p.body = appendVideo(p.body[:0], p.videoCodec(), packet.Keyframe, cts, packet.Data)
	return len(packet.Data), c.video(ctx, timestamp, p.body)
}

// renew sends the decoder configuration again when a keyframe brings another one: another
// encoder has taken over.
func (p *plan) renew(ctx context.Context, c *client, timestamp uint32, keyframe []byte) error {
	config, err := configOf(p.videoCodec(), keyframe)
	if err != nil || bytes.Equal(config, p.config) {
		return nil // none in it: those of before hold; what cannot be said is left to the picture itself
	}
	p.config = config
	return c.video(ctx, timestamp, videoConfig(p.videoCodec(), config))
}

// configOf is the decoder configuration record of a stream's parameter sets.
func configOf(codec media.Codec, stream []byte) ([]byte, error) {
	switch codec {
	case media.HEVC:
		return hvcC(stream)
	case media.AV1:
		return av1C(stream)
	}
	sets, err := h264.ParamSets(stream)
	if err != nil {
		return nil, err
	}
	return sets.AVCC()
}

// stamp is a packet's timestamp, in ms from the connection's start and never
// decreasing, and its composition time offset. Time is rounded once each for DTS
// and PTS, so that no error adds up. After 49.7 days it wraps, as the
// specification has it (RTMP 1.0, 3).
func (p *plan) stamp(dts, pts time.Duration, audio bool) (timestamp uint32, cts int32) {
	d, t := milliseconds(dts-p.base), milliseconds(pts-p.base)
	last := &p.last[0]
	if audio {
		last = &p.last[1]
	}
	timestamp = uint32(max(d, 0))
	if int32(timestamp-*last) < 0 {
		timestamp = *last
	}
	*last = timestamp
	return timestamp, int32(min(max(t-d, -1<<23), 1<<23-1))
}

func milliseconds(d time.Duration) int64 { return int64(d.Round(time.Millisecond) / time.Millisecond) }
