package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes"
)

// overlayFilter is case A as ffmpeg composes it on the CPU.
var overlayFilter = fmt.Sprintf("[0:v][1:v]overlay=%d:%d[v]", titleX, titleY)

// quadFilter is case B as ffmpeg composes it.
func quadFilter(width, height int) string {
	var graph, cells string
	for i := range 4 {
		graph += fmt.Sprintf("[%d:v]scale=%d:%d:flags=bicubic[q%d];", i, width/2, height/2, i)
		cells += fmt.Sprintf("[q%d]", i)
	}
	return graph + cells + "xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[v]"
}

// ffmpegArgs are the arguments with which ffmpeg does a case's least work, or all of it: in
// real time (offline: as fast as it goes) it decodes the cameras that the show decodes, encodes the first, or what
// c.filter makes of all, with the settings of every rendition of the show, and writes the first
// rendition to output and others beside it. A picture that is coded at another size than
// it has is scaled, bicubic.
func ffmpegArgs(c benchCase, s *scenes.Show, m material, seconds int, output string) ([]string, error) {
	length := strconv.Itoa(seconds)
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}
	for _, file := range m.files {
		if !c.offline {
			args = append(args, "-re")
		}
		args = append(args, "-i", file)
	}
	picture, width, height := "0:v", c.lens.width, c.lens.height
	if c.beside == sameWork {
		if c.filter == overlayFilter {
			title := filepath.Join(m.dir, "title.png")
			if err := writeTitle(title); err != nil {
				return nil, err
			}
			args = append(args, "-i", title)
		}
		args = append(args, "-filter_complex", c.filter)
		picture, width, height = "[v]", s.Canvas.Width, s.Canvas.Height
	}
	for i, r := range s.Renditions {
		opt := encoding(s, r, c.offline && !c.loose)
		video, err := opt.CLIArgs()
		if err != nil {
			return nil, err
		}
		args = append(args, "-map", picture, "-map", "0:a")
		if opt.Width != width || opt.Height != height {
			args = append(args, "-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", opt.Width, opt.Height))
		}
		args = append(args, video...)
		to := output
		if i > 0 {
			to = filepath.Join(m.dir, r.ID+".mkv")
		}
		args = append(args, "-c:a", "aac", "-b:a", strconv.Itoa(r.Audio.BitrateKbps)+"k", "-t", length, to)
	}
	for i := range m.files[1:] {
		if c.beside == sameWork { // the pictures are in the filter
			args = append(args, "-map", strconv.Itoa(i+1)+":a", "-t", length, "-f", "null", "-")
			continue
		}
		args = append(args, "-map", strconv.Itoa(i+1), "-t", length, "-f", "null", "-")
	}
	return args, nil
}

// writeTitle writes a picture of the lower third's size and soft edge; what is written
// on it costs ffmpeg nothing.
func writeTitle(path string) error {
	const soft = 28
	img := image.NewNRGBA(image.Rect(0, 0, titleWidth, titleHeight))
	for y := range titleHeight {
		for x := range titleWidth {
			edge := min(x, y, titleWidth-1-x, titleHeight-1-y)
			alpha := math.Min(float64(edge)/soft, 1) * 0xd8
			img.SetNRGBA(x, y, color.NRGBA{0x18, 0x28, 0x48, uint8(alpha)})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return fmt.Errorf("the lower third: %w", err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("the lower third: %w", err)
	}
	return nil
}

// settingsOf is what x264 wrote into the first picture of a file about its settings.
func (t tools) settingsOf(ctx context.Context, path string) (string, error) {
	var said, out bytes.Buffer
	cmd := exec.CommandContext(ctx, t.ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-i", path,
		"-map", "0:v:0", "-c", "copy", "-frames:v", "1", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the first picture of %s: %w: %s", path, err, lastLines(said.String(), 3))
	}
	text := av.SettingsSEI(out.Bytes())
	if text == "" {
		return "", fmt.Errorf("%s does not say how x264 was set", path)
	}
	return text, nil
}

// sameSettings fails when two files were not encoded alike: their ratio would mean nothing.
func (t tools) sameSettings(ctx context.Context, ours, beside string) error {
	a, err := t.settingsOf(ctx, ours)
	if err != nil {
		return err
	}
	b, err := t.settingsOf(ctx, beside)
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("x264 was set differently, so the two cannot be compared:\n  crosspoint: %s\n  beside:     %s", a, b)
	}
	return nil
}
