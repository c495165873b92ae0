package sources

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCamerasAreThoseThatDeliver(t *testing.T) {
	root := t.TempDir()
	class, dev := filepath.Join(root, "class"), filepath.Join(root, "dev")
	byID := filepath.Join(dev, "v4l", "by-id")
	for _, dir := range []string{byID, filepath.Join(class, "video9")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for number, name := range map[string]string{"video0": "Webcam\n", "video1": "Webcam\n", "video2": "Capture card\n"} {
		if err := os.MkdirAll(filepath.Join(class, number), 0o700); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{filepath.Join(class, number, "name"): name, filepath.Join(dev, number): ""} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := filepath.Join(byID, "usb-Webcam-index0")
	if err := os.Symlink("../../video0", link); err != nil {
		t.Fatal(err)
	}
	got := camerasIn(class, dev, func(path string) bool { return filepath.Base(path) != "video1" })
	want := []Device{{Path: link, Name: "Webcam"}, {Path: filepath.Join(dev, "video2"), Name: "Capture card"}}
	if !slices.Equal(got, want) {
		t.Errorf("cameras: %v; want %v", got, want)
	}
}

func TestCaptures(t *testing.T) {
	for _, c := range []struct {
		name         string
		device, node uint32
		want         bool
	}{
		{"a webcam's pictures", 0x84a00001, 0x04200001, true},
		{"its metadata", 0x84a00001, 0x04a00000, false},
		{"an old driver", 0x05000001, 0, true},
		{"a phone's camera", 0x84201000, 0x04201000, true},
		{"an output", 0x85200002, 0x05200002, false},
	} {
		if got := captures(c.device, c.node); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
	if !delivers(filepath.Join(t.TempDir(), "video0")) || !delivers(os.DevNull) {
		t.Error("a device that cannot be asked is passed over")
	}
}
