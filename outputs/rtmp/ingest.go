package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

const (
	// setupBudget is how many bytes a connection may send before it publishes: what
	// strangers can make us hold. Handshake and commands are a few kilobytes.
	setupBudget = 256 << 10
	// messageBudget is how many bytes may come without one message being complete.
	messageBudget = 32 << 20
	// serverAck is how often we ask to be acknowledged, and our bandwidth claim.
	serverAck = 2_500_000
)

var errGoodbye = errors.New("rtmp: the publisher ended the stream")

// slots are a track of pictures and those of sound.
const slots = 1 + MaxSoundTracks

// ingest is a publisher's connection as the server sees it. One goroutine.
type ingest struct {
	server    *Server
	session   *session
	setup     *time.Timer
	app       string
	connected bool
	streamID  uint32
	handler   StreamHandler

	tracks  [slots]media.Track // video, then sound by track id
	known   [slots]bool
	number  [slots]int // as the handler knows them
	count   int
	last    [slots]int64 // newest timestamp, unwrapped
	lengths int          // NAL length size
	meta    map[string]any
}

func (in *ingest) end(err error) {
	if in.handler != nil {
		in.handler.Closed(err)
		in.handler = nil
	}
}

func (in *ingest) handle(timestamp uint32, m *gortmp.ChunkMessage) error {
	if in.handler != nil {
		in.session.in.budget.Store(in.session.in.n.Load() + messageBudget)
	}
	switch msg := m.Message.(type) {
	case *message.CommandMessage:
		args, _ := readAMF(msg.Body) // what could be read counts
		ctx, cancel := context.WithTimeout(context.Background(), in.server.opt.SetupTimeout)
		defer cancel()
		return in.command(ctx, msg.CommandName, msg.TransactionID, args)
	case *message.DataMessage:
		return in.data(msg)
	case *message.VideoMessage:
		return in.media(timestamp, msg.Payload, false)
	case *message.AudioMessage:
		return in.media(timestamp, msg.Payload, true)
	}
	return nil
}

func (in *ingest) command(ctx context.Context, name string, tid int64, args []any) error {
	s := in.session
	switch name {
	case "connect":
		return in.connect(ctx, tid, args)
	case "createStream":
		in.streamID = 1
		return s.command(ctx, 0, "_result", tid, nil, 1)
	case "publish":
		return in.publish(ctx, tid, args)
	case "deleteStream", "closeStream":
		return errGoodbye
	case "play", "play2":
		_ = in.status(ctx, "error", "NetStream.Play.Failed", "this server only receives") // it is going away
		return errors.New("rtmp: a player connected")
	case "releaseStream", "FCPublish", "FCUnpublish":
		return s.command(ctx, 0, "_result", tid, nil)
	}
	return nil
}

// rejection is an error of OnConnect that is told to the publisher.
type rejection struct{ description string }

func (r *rejection) Error() string { return "rtmp: " + r.description }

func (in *ingest) connect(ctx context.Context, tid int64, args []any) error {
	s := in.session
	object := amfObject(args, 0)
	in.app, _ = object["app"].(string)
	in.app = strings.Trim(in.app, "/")
	if err := in.server.opt.OnConnect(in.app); err != nil {
		if r := (&rejection{}); errors.As(err, &r) {
			_ = s.command(ctx, 0, "_error", tid, nil, map[string]any{ // it is going away
				"level": "error", "code": "NetConnection.Connect.Rejected", "description": r.description,
			})
			return in.refuse(ctx, err)
		}
		_ = s.command(ctx, 0, "_error", tid, nil, map[string]any{ // it is going away
			"level": "error", "code": "NetConnection.Connect.InvalidApp", "description": "no such application",
		})
		return in.refuse(ctx, err)
	}
	err := s.write(ctx, csControl, 0, 0, &message.WinAckSize{Size: serverAck})
	if err == nil {
		err = s.write(ctx, csControl, 0, 0, &message.SetPeerBandwidth{Size: serverAck, Limit: message.LimitTypeDynamic})
	}
	if err != nil {
		return err
	}
	in.connected = true
	return s.command(ctx, 0, "_result", tid,
		map[string]any{
			"fmsVer": "FMS/3,5,7,7009", "capabilities": 31, "mode": 1, // what clients of old look for
			"fourCcList": []any{fourCCHEVC, fourCCAV1},
			"capsEx":     capsMultitrack, "audioFourCcInfoMap": map[string]any{fourCCAAC: canDecode},
		},
		map[string]any{
			"level": "status", "code": "NetConnection.Connect.Success",
			"description": "connected", "objectEncoding": 0,
		})
}

func (in *ingest) status(ctx context.Context, level, code, description string) error {
	return in.session.command(ctx, in.streamID, "onStatus", 0, nil, map[string]any{
		"level": level, "code": code, "description": description,
	})
}

func (in *ingest) publish(ctx context.Context, _ int64, args []any) error {
	key := amfString(args, 1)
	if in.handler != nil || !in.connected {
		return errors.New("rtmp: the publisher began a stream out of order")
	}
	handler, err := in.server.opt.OnPublish(in.app, key)
	if err != nil {
		code, text := "NetStream.Publish.Failed", "not accepted"
		switch {
		case errors.Is(err, ErrNameInUse):
			code, text = "NetStream.Publish.BadName", "already publishing"
		case errors.Is(err, ErrBadKey):
			code, text = "NetStream.Publish.Denied", "stream key not accepted"
		case errors.Is(err, ErrUnknownApp):
			code, text = "NetConnection.Connect.InvalidApp", "no such application"
		}
		_ = in.status(ctx, "error", code, text) // it is going away
		return in.refuse(ctx, err)
	}
	in.handler = handler
	in.setup.Stop()
	in.session.tcp.readTimeout.Store(int64(in.server.opt.IdleTimeout))
	in.session.in.budget.Store(in.session.in.n.Load() + messageBudget)
	return in.status(ctx, "status", "NetStream.Publish.Start", "publishing")
}

// refuse lets the last answer reach the publisher before the connection closes.
func (in *ingest) refuse(ctx context.Context, err error) error {
	_ = in.session.flush(ctx, csCommand) // best effort
	in.session.closeWrite()
	_ = in.session.tcp.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) // closed already if it fails
	_, _ = io.Copy(io.Discard, io.LimitReader(in.session.in, setupBudget))     // until it has read and gone
	return fmt.Errorf("rtmp: the publisher was refused: %w", err)
}

// data remembers the metadata, which tells the size where the codec's header is
// not read.
func (in *ingest) data(msg *message.DataMessage) error {
	args, _ := readAMF(msg.Body) // what could be read counts
	for i := range args {
		if m := amfObject(args, i); m != nil {
			in.meta = m
		}
	}
	return nil
}

// media takes an audio or video message.
func (in *ingest) media(timestamp uint32, r io.Reader, audio bool) error {
	if in.handler == nil {
		return nil // not ours to take yet
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	// Zero-length and unknown messages are common (keep-alives); a codec that is not
	// taken never gets a track, which the handler sees.
	if audio {
		err = parseAudio(body, func(t tag) error {
			if int(t.Track) >= MaxSoundTracks {
				return nil
			}
			return in.tag(timestamp, 1+int(t.Track), t)
		})
		if errors.Is(err, errTag) || errors.Is(err, errUnsupported) {
			return nil
		}
		return err
	}
	t, err := parseVideo(body)
	if err != nil {
		return nil
	}
	return in.tag(timestamp, 0, t)
}

// tag takes what a message carries of the track in a slot.
func (in *ingest) tag(timestamp uint32, slot int, t tag) (err error) {
	switch {
	case t.Kind == tagConfig:
		return in.config(slot, t)
	case t.Kind == tagFrame && in.known[slot] && t.Codec == in.tracks[slot].Codec:
		// Timestamps wrap after 49.7 days; serial number arithmetic as in RFC 1982.
		in.last[slot] += int64(int32(timestamp - uint32(in.last[slot])))
		p := &media.Packet{
			Track: in.number[slot], Audio: slot > 0, Keyframe: t.Keyframe,
			DTS: in.last[slot], PTS: in.last[slot] + int64(t.CTS),
		}
		if p.Data, err = in.elementary(t); err != nil {
			return err
		}
		in.handler.Packet(p)
	}
	return nil
}

// elementary is the tag's data as encoders give it.
func (in *ingest) elementary(t tag) ([]byte, error) {
	if t.Codec == media.AAC || t.Codec == media.AV1 {
		return t.Data, nil // the body is the packet's alone
	}
	var head []byte
	if t.Keyframe {
		head = bytes.Clone(in.tracks[0].Extradata)
	}
	out, err := h264.AppendAnnexB(head, t.Data, in.lengths)
	if err != nil {
		return nil, fmt.Errorf("rtmp: a picture is malformed: %w", err)
	}
	if t.Codec == media.H264 && t.Keyframe && h264.Has(out[len(head):], h264.TypeSPS) {
		out = out[len(head):] // it has parameter sets of its own
	}
	return out, nil
}

// config describes a track to the handler.
func (in *ingest) config(slot int, t tag) error {
	track := media.Track{Codec: t.Codec, TimeBase: media.NewRational(1, 1000), Extradata: t.Data}
	track.Width, track.Height = int(amfNumber(in.meta, "width")), int(amfNumber(in.meta, "height"))
	if rate := amfNumber(in.meta, "framerate"); slot == 0 && rate > 0 && rate <= 1000 {
		track.FPS = media.NewRational(int64(rate*1000+0.5), 1000)
	}
	rate, meta := "videodatarate", in.meta
	if slot > 0 {
		rate = "audiodatarate"
	}
	if slot > 1 {
		infos, _ := in.meta["audioTrackIdInfoMap"].(map[string]any)
		meta, _ = infos[strconv.Itoa(slot-1)].(map[string]any)
		track.Title, _ = meta["name"].(string)
	}
	track.BitrateBPS = int(1000 * amfNumber(meta, rate))
	switch t.Codec {
	case media.H264:
		c, err := h264.ParseAVCC(t.Data)
		if err != nil {
			return fmt.Errorf("rtmp: the H.264 configuration is malformed: %w", err)
		}
		sps, err := h264.ParseSPS(c.SPS[0])
		if err != nil {
			return fmt.Errorf("rtmp: the H.264 configuration is malformed: %w", err)
		}
		track.Width, track.Height = sps.Width, sps.Height
		track.Extradata, in.lengths = c.AnnexB(), c.LengthSize
	case media.HEVC:
		var err error
		if track.Extradata, in.lengths, err = h264.ParseHVCC(t.Data); err != nil {
			return fmt.Errorf("rtmp: the HEVC configuration is malformed: %w", err)
		}
	case media.AAC:
		track.Width, track.Height = 0, 0
		rate, channels, err := parseASC(t.Data)
		if err != nil {
			return err
		}
		track.SampleRateHz, track.Channels = rate, channels
	}
	if !in.known[slot] {
		in.known[slot], in.number[slot] = true, in.count
		in.count++
	}
	in.tracks[slot] = track
	in.handler.Track(in.number[slot], track)
	return nil
}

// parseASC reads rate and channels of an AudioSpecificConfig (ISO/IEC 14496-3
// 1.6.2.1).
func parseASC(b []byte) (sampleRateHz, channels int, err error) {
	r := h264.BitReader{Data: b}
	if r.Bits(5) == 31 { // audioObjectType
		r.Bits(6)
	}
	rates := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	if i := r.Bits(4); i == 15 {
		sampleRateHz = int(r.Bits(24))
	} else if int(i) < len(rates) {
		sampleRateHz = rates[i]
	}
	channels = int(r.Bits(4))
	if channels == 7 {
		channels = 8
	}
	if r.Err != nil || sampleRateHz == 0 {
		return 0, 0, errors.New("rtmp: the AAC configuration is malformed")
	}
	return sampleRateHz, channels, nil
}
