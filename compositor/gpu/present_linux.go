package gpu

import "path/filepath"

// devices are where Linux shows a GPU: through DRM, NVIDIA's own driver, Windows' kernel
// under WSL, and the drivers of phones and boards.
var devices = [...]string{"/dev/dri/*", "/dev/nvidia[0-9]*", "/dev/dxg", "/dev/mali*", "/dev/kgsl-3d*", "/dev/pvr*"}

// present reports whether there may be a GPU.
func present() bool {
	for _, pattern := range devices {
		// The only error is of a bad pattern.
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
	}
	return false
}
