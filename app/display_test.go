package app

import (
	"net"
	"path/filepath"
	"testing"
)

func TestX11Address(t *testing.T) {
	for display, want := range map[string]string{
		":0": "unix /tmp/.X11-unix/X0", ":12.1": "unix /tmp/.X11-unix/X12", "unix:3": "unix /tmp/.X11-unix/X3",
		"desk:10.0": "tcp desk:6010", "[::1]:2": "tcp [::1]:6002", "/run/x/socket": "unix /run/x/socket",
		"": "", "desk": "", ":x": "", ":-1": "",
	} {
		network, address, ok := x11Address(display)
		if got := network + " " + address; ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, want %q", display, got, want)
		}
	}
}

// A display that is named and not there is no display, and Wayland's alone is none for a
// window that speaks X11.
func TestHasDisplay(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("WAYLAND_DISPLAY", "wayland-9")
	t.Setenv("DISPLAY", filepath.Join(dir, "x"))
	for _, step := range []struct {
		listens string
		want    bool
	}{{"", false}, {"wayland-9", false}, {"x", true}} {
		if step.listens != "" {
			l, err := net.Listen("unix", filepath.Join(dir, step.listens))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
		}
		if got := hasDisplay(); got != step.want {
			t.Errorf("with %q listening too: %v, want %v", step.listens, got, step.want)
		}
	}
}
