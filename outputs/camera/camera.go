// Package camera shows a rendition as a camera to other programs of this machine, through
// a device that v4l2loopback makes (Linux). Its pictures are decoded from the rendition's
// packets, so they are what a viewer of that rendition sees, some pictures later; sound
// is not sent: there is no such thing as a microphone in v4l2.
//
// Threads: Run is one blocking call. Ownership: packets are only read. What it does not
// do: make the device, which needs the system's administrator, or scale.
package camera

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

var schema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "device": {"type": "string", "title": "Device", "x-order": 1, "description": "A device of v4l2loopback, for example /dev/video10; empty: the first one there is", "default": ""}
  }
}`)

// Kind describes virtual cameras.
func Kind() outputs.Kind {
	return outputs.Kind{
		Name: "camera", Title: "Virtual camera",
		Video: []media.Codec{media.H264, media.HEVC, media.AV1}, Audio: []media.Codec{media.AAC},
		Schema: schema, New: New,
	}
}

// virtualDevices is where the kernel lists video devices that have no hardware.
const virtualDevices = "/sys/devices/virtual/video4linux"

type output struct {
	device string
	list   string // folder of virtual devices
}

// New checks settings and makes an output; it opens nothing. Whether there is a device is
// looked at when it runs, since modules are loaded and taken out.
func New(raw json.RawMessage, _ outputs.Options) (outputs.Output, error) {
	var s struct {
		Device string `json:"device"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("camera: the settings cannot be read: %w", err)
	}
	s.Device = strings.TrimSpace(s.Device)
	if s.Device != "" && !strings.HasPrefix(filepath.Clean(s.Device), "/dev/") {
		return nil, errors.New("camera: the address must be that of a device in /dev, for example /dev/video10")
	}
	return &output{device: s.Device, list: virtualDevices}, nil
}

const howTo = "load v4l2loopback (as root: modprobe v4l2loopback exclusive_caps=1 card_label=Crosspoint)"

// find is the device to use.
func (o *output) find() (string, error) {
	if o.device != "" {
		if _, err := os.Stat(o.device); err != nil {
			return "", outputs.Permanent(fmt.Errorf("camera: there is no device %s: %s, or leave the address empty", o.device, howTo))
		}
		return o.device, nil
	}
	names, err := filepath.Glob(filepath.Join(o.list, "video*"))
	if err != nil || len(names) == 0 {
		return "", outputs.Permanent(errors.New("camera: this machine has no virtual camera: " + howTo))
	}
	sort.Strings(names)
	return "/dev/" + filepath.Base(names[0]), nil
}

// Run implements outputs.Output.
func (o *output) Run(ctx context.Context, feed outputs.Feed) error {
	feed.Report(outputs.Report{State: outputs.Connecting})
	track := -1
	for i, t := range feed.Tracks() {
		if !t.Codec.IsAudio() {
			track = i
		}
	}
	if track < 0 {
		return outputs.Permanent(errors.New("camera: the rendition has no pictures"))
	}
	device, err := o.find()
	if err != nil {
		return err
	}
	t := feed.Tracks()[track]
	decoder, err := av.NewTrackDecoder(t, av.VideoDecoderOptions{LowDelay: true})
	if err != nil {
		return fmt.Errorf("camera: the pictures cannot be decoded for the camera: %w", err)
	}
	defer decoder.Close()
	screen, err := av.OpenPictureDevice("v4l2", device, t.Width, t.Height, t.FPS)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("camera: %s is fed by another program", device)
	case errors.Is(err, syscall.EACCES):
		return outputs.Permanent(fmt.Errorf("camera: this user may not write to %s: join the group video", device))
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOTTY):
		return outputs.Permanent(fmt.Errorf("camera: %s takes no pictures: it is no device of v4l2loopback", device))
	case err != nil:
		return fmt.Errorf("camera: %s cannot be opened: %w", device, err)
	}
	defer screen.Close()
	r := outputs.Report{State: outputs.Sending, Detail: device}
	var reported time.Time
	started := false
	for {
		p, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.Track != track || !started && !p.Keyframe {
			continue
		}
		started = true
		err = decoder.Decode(p, func(f *media.Frame) error {
			defer f.Release()
			if err := screen.Write(f); err != nil {
				return err
			}
			// The driver has the picture: nobody else acknowledges anything.
			r.State, r.AckedBytes = outputs.Confirmed, r.SentBytes
			return nil
		})
		if err != nil {
			return fmt.Errorf("camera: a picture cannot be given to %s: %w", device, err)
		}
		r.SentBytes += int64(len(p.Data))
		r.SentPackets++
		if now := time.Now(); now.Sub(reported) >= time.Second {
			reported = now
			feed.Report(r)
		}
	}
}

// Probe implements outputs.Prober: it looks whether there is a device.
func (o *output) Probe(context.Context) (string, error) {
	device, err := o.find()
	if err != nil {
		return "", err
	}
	return "the device is " + device, nil
}
