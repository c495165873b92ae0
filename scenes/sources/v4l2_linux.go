package sources

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vidiocQuerycap is VIDIOC_QUERYCAP, _IOR('V', 0, struct v4l2_capability), and
// capabilitySize that structure's size (linux/videodev2.h).
const (
	vidiocQuerycap = 0x80685600
	capabilitySize = 104
)

// delivers reports whether a V4L2 device captures pictures. One that may not be opened
// counts: opening it as a source says why.
func delivers(path string) bool {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	var c [capabilitySize]byte
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQuerycap, uintptr(unsafe.Pointer(&c)))
	_ = unix.Close(fd) // opened only to be asked
	if errno != 0 {
		return true
	}
	return captures(binary.NativeEndian.Uint32(c[84:]), binary.NativeEndian.Uint32(c[88:]))
}

// captures looks at what the physical device can and what this node of it can; the
// latter counts where V4L2_CAP_DEVICE_CAPS says that it is there.
func captures(device, node uint32) bool {
	const capture, captureMultiplanar, hasNode = 0x1, 0x1000, 0x80000000
	if device&hasNode != 0 {
		device = node
	}
	return device&(capture|captureMultiplanar) != 0
}
