package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// mediaVersion changes whenever the pictures or the coding do, so that old files in the
// cache are not taken for new ones.
const mediaVersion = 1

// cameraTime is how long the files are: longer than any case, so that no case loops.
const cameraTime = 70 * time.Second

// cameraBitrateBPS is what an action camera or a capture stick gives at this size.
const cameraBitrateBPS = 8_000_000

// tools are the programs of the FFmpeg that Crosspoint was built with.
type tools struct{ ffmpeg string }

// findTools takes them from the folder that packaging/env.sh names.
func findTools() (tools, error) {
	dir := os.Getenv("CROSSPOINT_FFMPEG_BIN")
	if dir == "" {
		return tools{}, errors.New("CROSSPOINT_FFMPEG_BIN is not set: start this with make bench, or after . packaging/env.sh")
	}
	t := tools{ffmpeg: filepath.Join(dir, "ffmpeg")}
	if _, err := os.Stat(t.ffmpeg); err != nil {
		return tools{}, fmt.Errorf("the ffmpeg of this FFmpeg build is missing: %w", err)
	}
	return t, nil
}

// cacheDir is where media stays from run to run.
func cacheDir() (string, error) {
	if d := os.Getenv("CROSSPOINT_CACHE"); d != "" {
		return filepath.Join(d, "bench"), nil
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the cache folder: %w", err)
	}
	return filepath.Join(d, "crosspoint", "bench"), nil
}

// cameraFile is the file of camera n, from 1; it is made if it is not in dir. One of
// another lens or length than the usual says so in its name.
func (t tools) cameraFile(ctx context.Context, dir string, n int, l lens, length time.Duration, log io.Writer) (string, error) {
	kind := ""
	if l != hd30 {
		kind = fmt.Sprintf("-%dp%d", l.height, l.rate)
	}
	if length != cameraTime {
		kind += fmt.Sprintf("-%v", length)
	}
	path := filepath.Join(dir, fmt.Sprintf("camera%d%s-v%d.mp4", n, kind, mediaVersion))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the media folder: %w", err)
	}
	fmt.Fprintf(log, "bench: making camera %d (%v of %dx%d, once; takes about as long)\n", n, length, l.width, l.height)
	part := fmt.Sprintf("%s.%d.part", path, os.Getpid())
	if err := t.makeCamera(ctx, n, l, part, length); err != nil {
		_ = os.Remove(part) // the error that matters is the first
		return "", fmt.Errorf("make camera %d: %w", n, err)
	}
	return path, os.Rename(part, path)
}

// makeCamera writes a camera's file: pictures from here, a tone of its own from ffmpeg.
func (t tools) makeCamera(ctx context.Context, n int, l lens, path string, length time.Duration) error {
	seconds := strconv.FormatFloat(length.Seconds(), 'f', -1, 64)
	bitrate := strconv.Itoa(cameraBitrateBPS)
	cmd := exec.CommandContext(ctx, t.ffmpeg, "-hide_banner", "-loglevel", "error", "-y",
		"-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", l.width, l.height),
		"-framerate", strconv.Itoa(l.rate), "-i", "pipe:0",
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000:duration=%s", 220*n, seconds),
		"-map", "0:v", "-map", "1:a",
		"-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-g", strconv.Itoa(2*l.rate), "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate,
		"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
		"-c:a", "aac", "-ac", "2", "-b:a", "128k", "-t", seconds, "-f", "mp4", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wrote := writeFrames(in, newCamera(n, l), int(length.Seconds()*float64(l.rate)))
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return wrote
}

// writeFrames draws frames of c and writes them without padding, then closes w.
func writeFrames(w io.WriteCloser, c *camera, frames int) error {
	defer w.Close()
	f := media.NewFramePool(media.I420, c.width, c.height, 1).Get()
	defer f.Release()
	out := bufio.NewWriterSize(w, 1<<20)
	for n := range frames {
		c.draw(f, n)
		for i, p := range f.Planes {
			rowBytes, rows := media.PlaneSize(f.Format, f.Width, f.Height, i)
			for y := range rows {
				if _, err := out.Write(p.Data[y*p.Stride:][:rowBytes]); err != nil {
					return fmt.Errorf("hand over frame %d: %w", n, err)
				}
			}
		}
	}
	return out.Flush()
}
