package camera

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

// A machine without a device is told what to do; nothing else is touched.
func TestNoDevice(t *testing.T) {
	for _, c := range []struct{ device, want string }{
		{"", "modprobe v4l2loopback"},
		{"/dev/video-that-is-not-there", "there is no device"},
		{"/dev/null", "takes no pictures"},
	} {
		o := &output{device: c.device, list: t.TempDir()}
		err := o.Run(t.Context(), testkit.NewLiveFeed(t, 1))
		if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want a permanent error with %q", c.device, err, c.want)
		}
	}
}

// The first device that has no hardware is taken.
func TestFind(t *testing.T) {
	list := t.TempDir()
	for _, name := range []string{"video7", "video3"} {
		if err := os.Mkdir(filepath.Join(list, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o := &output{list: list}
	if got, err := o.find(); err != nil || got != "/dev/video3" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{`{}`, ""}, {`{"device":"/dev/video10"}`, ""}, {`{"device":"/home/x"}`, "in /dev"}, {`{"device":"/dev/../etc/passwd"}`, "in /dev"}, {`{"x":1}`, "x"},
	} {
		_, err := New(json.RawMessage(c.settings), outputs.Options{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.settings, err)
		}
	}
}
