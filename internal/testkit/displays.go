package testkit

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Displays is a desktop of two displays of one size, the second to the right of the
// first, that can be plugged in and out: Xorg with its dummy driver. Picture is of both.
// Xorg, xrandr and ffmpeg are needed.
type Displays struct {
	*Screen
	width, height int
}

// dummyConfig is for Xorg 21.1 and xserver-xorg-video-dummy 0.4: no devices, no console,
// and outputs DUMMY0 (connected) to DUMMY15. The reduced-blanking mode lines of cvt -r are
// refused; the numbers behind the sizes matter to nobody.
const dummyConfig = `Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "AutoEnableDevices" "false"
	Option "DontVTSwitch" "true"
EndSection
Section "Monitor"
	Identifier "monitor"
	HorizSync 5-1000
	VertRefresh 5-200
	Modeline "crosspoint" 72 %[1]d %[2]d %[3]d %[4]d %[5]d %[6]d %[7]d %[8]d
EndSection
Section "Device"
	Identifier "device"
	Driver "dummy"
	VideoRam 65536
EndSection
Section "Screen"
	Identifier "screen"
	Device "device"
	Monitor "monitor"
	DefaultDepth 24
	SubSection "Display"
		Depth 24
		Modes "crosspoint"
		Virtual %[9]d %[5]d
	EndSubSection
EndSection
`

// StartDisplays opens two displays of a size in pixels each.
func StartDisplays(t testing.TB, width, height int) *Displays {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "xorg.conf")
	text := fmt.Sprintf(dummyConfig, width, width+48, width+80, width+128, height, height+3, height+9, height+35, 2*width)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &Displays{width: width, height: height}
	d.Screen = startX(t, "Xorg", "-config", config, "-logfile", filepath.Join(dir, "Xorg.log"), "-noreset", "-novtswitch")
	d.grab = d.picture
	d.xrandr("--output", "DUMMY0", "--mode", "crosspoint")
	d.xrandr("--addmode", "DUMMY1", "crosspoint")
	d.Plug(true)
	return d
}

// Plug connects the second display, or takes it away.
func (d *Displays) Plug(in bool) {
	d.t.Helper()
	if in {
		d.xrandr("--output", "DUMMY1", "--mode", "crosspoint", "--right-of", "DUMMY0")
		// The driver finds an output with a mode connected only when it is asked anew, which
		// clients that look at what is known (GLFW) do not do.
		d.xrandr("--query")
	} else {
		d.xrandr("--output", "DUMMY1", "--off")
	}
}

func (d *Displays) xrandr(args ...string) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), Program(d.t, "xrandr"), append([]string{"-d", d.Display}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("xrandr %v: %v: %s", args, err, out)
	}
}

// picture asks the X server; the dummy driver has no file to read it from. While the
// second display is away what was there is not part of the screen.
func (d *Displays) picture() (image.Image, error) {
	both := image.Rect(0, 0, 2*d.width, d.height)
	cmd := exec.CommandContext(d.t.Context(), Program(d.t, "ffmpeg"), "-loglevel", "error", "-f", "x11grab", "-draw_mouse", "0",
		"-video_size", fmt.Sprintf("%dx%d", both.Dx(), both.Dy()), "-i", d.Display, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
	var said bytes.Buffer
	cmd.Stderr = &said
	raw, err := cmd.Output()
	if err != nil || len(raw) != 4*both.Dx()*both.Dy() {
		return nil, fmt.Errorf("ffmpeg: %w: %d bytes; %s", err, len(raw), said.String())
	}
	return &image.RGBA{Pix: raw, Stride: 4 * both.Dx(), Rect: both}, nil
}
