package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// surfaces uploads pictures to a device for encoders that want them there.
type surfaces struct {
	device *astiav.HardwareDeviceContext
	frames *astiav.HardwareFramesContext
	format astiav.PixelFormat
}

func newSurfaces(row Encoder, opt VideoEncoderOptions) (*surfaces, error) {
	device, err := astiav.CreateHardwareDeviceContext(astiav.FindHardwareDeviceTypeByName(row.Device), "", nil, 0)
	if err != nil {
		return nil, fmt.Errorf("no %s device opens: %w", row.Device, reason(err))
	}
	s := &surfaces{device: device, frames: astiav.AllocHardwareFramesContext(device), format: astiav.PixelFormatVaapi}
	if s.frames == nil {
		s.close()
		return nil, fmt.Errorf("the %s device has no memory", row.Device)
	}
	s.frames.SetHardwarePixelFormat(s.format)
	s.frames.SetSoftwarePixelFormat(astiav.PixelFormatNv12)
	s.frames.SetWidth(opt.Width)
	s.frames.SetHeight(opt.Height)
	s.frames.SetInitialPoolSize(20)
	if err := s.frames.Initialize(); err != nil {
		s.close()
		return nil, reason(err)
	}
	return s, nil
}

// send fills dst, which is empty, with a surface that shows src.
func (s *surfaces) send(dst, src *astiav.Frame) error {
	if err := dst.AllocHardwareBuffer(s.frames); err != nil {
		return err
	}
	return src.TransferHardwareData(dst)
}

func (s *surfaces) close() {
	if s == nil {
		return
	}
	if s.frames != nil {
		s.frames.Free()
	}
	s.device.Free()
}
