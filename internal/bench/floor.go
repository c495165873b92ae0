package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/scenes"
)

// floorArgs are the arguments with which ffmpeg does the least that a case needs: in
// real time (offline: as fast as it goes) it decodes the cameras that the show decodes, encodes the first with the
// show's settings, and composes nothing. A picture that is coded at another size than
// the camera's is scaled, bicubic.
func floorArgs(s *scenes.Show, files []string, seconds int, offline bool, output string) ([]string, error) {
	opt := encoding(s, offline)
	video, err := opt.CLIArgs()
	if err != nil {
		return nil, err
	}
	length := strconv.Itoa(seconds)
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}
	for _, file := range files {
		if !offline {
			args = append(args, "-re")
		}
		args = append(args, "-i", file)
	}
	args = append(args, "-map", "0:v", "-map", "0:a")
	if opt.Width != cameraWidth || opt.Height != cameraHeight {
		args = append(args, "-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", opt.Width, opt.Height))
	}
	args = append(args, video...)
	args = append(args, "-c:a", "aac", "-b:a", strconv.Itoa(s.Renditions[0].Audio.BitrateKbps)+"k", "-t", length, output)
	for i := range files[1:] {
		args = append(args, "-map", strconv.Itoa(i+1), "-t", length, "-f", "null", "-")
	}
	return args, nil
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
func (t tools) sameSettings(ctx context.Context, ours, floor string) error {
	a, err := t.settingsOf(ctx, ours)
	if err != nil {
		return err
	}
	b, err := t.settingsOf(ctx, floor)
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("x264 was set differently, so the two cannot be compared:\n  crosspoint: %s\n  floor:      %s", a, b)
	}
	return nil
}
