package av

import (
	"errors"
	"fmt"
	"io"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// TrackDecoder turns the packets of a track, which came from an encoder of this program
// and not from an Input, into I420 or NV12 frames. For one goroutine.
type TrackDecoder struct {
	decoder *VideoDecoder
	params  *astiav.CodecParameters
	pkt     *InputPacket
	scratch []byte
}

// NewTrackDecoder opens a decoder for a track of pictures; Close it.
func NewTrackDecoder(t media.Track, opt VideoDecoderOptions) (*TrackDecoder, error) {
	codec := astiav.FindDecoder(codecIDs[t.Codec])
	if codec == nil || t.Codec.IsAudio() {
		return nil, fmt.Errorf("av: there is no decoder of pictures for %q", t.Codec)
	}
	p := astiav.AllocCodecParameters()
	p.SetMediaType(astiav.MediaTypeVideo)
	p.SetCodecID(codecIDs[t.Codec])
	p.SetWidth(t.Width)
	p.SetHeight(t.Height)
	if len(t.Extradata) > 0 {
		if err := p.SetExtraData(t.Extradata); err != nil {
			p.Free()
			return nil, wrap("describe the track", err)
		}
	}
	d, err := NewVideoDecoder(&Stream{Codec: codec.Name(), TimeBase: t.TimeBase, Width: t.Width, Height: t.Height, FPS: t.FPS, params: p, codec: codec}, opt)
	if err != nil {
		p.Free()
		return nil, err
	}
	return &TrackDecoder{decoder: d, params: p, pkt: NewInputPacket()}, nil
}

// Decode hands p, which is only read, to the decoder and every frame that comes of it to
// take, whose it then is. PTS is studio time.
func (d *TrackDecoder) Decode(p *media.Packet, take func(*media.Frame) error) error {
	d.scratch = append(append(d.scratch[:0], p.Data...), make([]byte, inputPadding)...)
	d.pkt.pkt.Unref()
	if err := d.pkt.pkt.FromData(d.scratch); err != nil {
		return wrap("decode", err)
	}
	d.pkt.pkt.SetSize(len(p.Data))
	d.pkt.pkt.SetPts(p.PTS)
	d.pkt.pkt.SetDts(p.DTS)
	for {
		err := d.decoder.Send(d.pkt)
		if err != nil && !errors.Is(err, ErrAgain) {
			return err
		}
		again := err != nil
		for {
			f, err := d.decoder.Receive()
			if errors.Is(err, ErrAgain) || errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if err := take(f); err != nil {
				return err
			}
		}
		if !again {
			return nil
		}
	}
}

// Close ends the decoder; frames it gave stay valid.
func (d *TrackDecoder) Close() {
	d.decoder.Close()
	d.pkt.Free()
	d.params.Free()
}

// inputPadding is what libav's readers may read behind a packet (AV_INPUT_BUFFER_PADDING_SIZE).
const inputPadding = 64

// PictureDevice is a device of libavdevice that takes raw pictures (v4l2). For one
// goroutine.
type PictureDevice struct {
	ctx           *astiav.FormatContext
	pkt           *astiav.Packet
	width, height int
	buf           []byte
	number        int64
}

// OpenPictureDevice opens a device by libavdevice's name of its kind, for I420 pictures of
// one size. Errors keep the system's identity for errors.Is.
func OpenPictureDevice(kind, name string, width, height int, fps media.Rational) (*PictureDevice, error) {
	RegisterDevices()
	format := astiav.FindOutputFormat(kind)
	if format == nil {
		return nil, fmt.Errorf("av: the FFmpeg on this machine is built without %s output", kind)
	}
	ctx, err := astiav.AllocOutputFormatContext(format, "", name)
	if err != nil {
		return nil, wrap("open the device", err)
	}
	st := ctx.NewStream(nil)
	p := st.CodecParameters()
	p.SetMediaType(astiav.MediaTypeVideo)
	p.SetCodecID(astiav.CodecIDRawvideo)
	p.SetPixelFormat(astiav.PixelFormatYuv420P)
	p.SetWidth(width)
	p.SetHeight(height)
	st.SetTimeBase(astiav.NewRational(int(fps.Den), int(fps.Num)))
	st.SetAvgFrameRate(astiav.NewRational(int(fps.Num), int(fps.Den)))
	if err := ctx.WriteHeader(nil); err != nil {
		ctx.Free()
		return nil, wrap("open the device", err)
	}
	return &PictureDevice{ctx: ctx, pkt: astiav.AllocPacket(), width: width, height: height}, nil
}

// Write shows f, which stays the caller's. Its size and format have to be the device's.
func (d *PictureDevice) Write(f *media.Frame) error {
	buf, err := appendI420(d.buf[:0], f, d.width, d.height)
	if err != nil {
		return err
	}
	d.buf = buf
	d.pkt.Unref()
	if err := d.pkt.FromData(d.buf); err != nil {
		return wrap("write to the device", err)
	}
	defer d.pkt.Unref()
	d.pkt.SetPts(d.number)
	d.pkt.SetDts(d.number)
	d.number++
	if err := d.ctx.WriteFrame(d.pkt); err != nil {
		return wrap("write to the device", err)
	}
	return nil
}

// Close gives the device back.
func (d *PictureDevice) Close() {
	_ = d.ctx.WriteTrailer() // nothing is kept back
	d.pkt.Free()
	d.ctx.Free()
}

var errPicture = errors.New("av: the picture has another size or format than the device")

// appendI420 appends the planes of an I420 or NV12 picture without gaps.
func appendI420(dst []byte, f *media.Frame, width, height int) ([]byte, error) {
	if f.Width != width || f.Height != height || f.Format != media.I420 && f.Format != media.NV12 {
		return dst, errPicture
	}
	rows := func(p media.Plane, w, h, step, first int) {
		for y := range h {
			row := p.Data[y*p.Stride:]
			if step == 1 {
				dst = append(dst, row[:w]...)
				continue
			}
			for x := range w {
				dst = append(dst, row[x*step+first])
			}
		}
	}
	cw, ch := (width+1)/2, (height+1)/2
	rows(f.Planes[0], width, height, 1, 0)
	if f.Format == media.I420 {
		rows(f.Planes[1], cw, ch, 1, 0)
		rows(f.Planes[2], cw, ch, 1, 0)
	} else {
		rows(f.Planes[1], cw, ch, 2, 0)
		rows(f.Planes[1], cw, ch, 2, 1)
	}
	return dst, nil
}
