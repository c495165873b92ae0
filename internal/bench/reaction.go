package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// reactionP95 is how late the window may show what a key did, in 95 of 100 cases.
const reactionP95 = 100 * time.Millisecond

// previewGreen is the tally of what is next (CONVENTIONS), as a pixel of the display:
// blue, green, red.
var previewGreen = [3]byte{0x00, 0xd0, 0x00}

// keyToWindow is from a key that is pressed in the window to the first picture on the
// display that shows what it did. The window has the demo show; the keys 2 and 3 put
// scenes on preview, whose cells in the bank turn green. The display's memory is looked
// at every millisecond.
func (b *bench) keyToWindow(ctx context.Context) (delay, error) {
	c := benchCase{Name: "latency", window: true}
	a, stop, err := b.around(ctx, c)
	if err != nil {
		return delay{}, err
	}
	defer stop()
	m, err := b.material(c, a, nil, 1, "reaction")
	if err != nil {
		return delay{}, err
	}
	fmt.Fprintf(b.log, "bench: reaction of the window to keys, %d s\n", b.seconds)
	controls := filepath.Join(m.dir, "map.json")
	args := []string{"run", "demo", "--for", fmt.Sprintf("%ds", b.seconds), "--window-map", controls}
	type result struct {
		ms  []float64
		err error
	}
	reacted := make(chan result, 1)
	pressing, stopPressing := context.WithCancel(ctx)
	defer stopPressing()
	_, err = run(ctx, job{
		program: b.program, args: args, env: a.env(filepath.Join(b.work, "config")), display: a.screen,
		during: func(int) {
			ms, err := a.screen.reactions(pressing, controls, b.seconds)
			reacted <- result{ms, err}
		},
	})
	stopPressing()
	r := <-reacted
	if err != nil {
		return delay{}, err
	}
	if r.err != nil {
		return delay{}, r.err
	}
	d := delay{Name: "key in the window to what it shows", Count: len(r.ms), P50MS: percentile(r.ms, 50), P95MS: percentile(r.ms, 95), P99MS: percentile(r.ms, 99),
		LimitP95MS: float64(reactionP95) / 1e6}
	one := float64(media.TickTime(1, media.Rational{Num: 30, Den: 1})) / 1e6
	d.P50Ticks, d.P99Ticks = d.P50MS/one, d.P99MS/one
	return d.judged(), nil
}

// cellFrame waits for the map of the window and returns a pixel of the frame around the
// bank's cell of a name.
func cellFrame(ctx context.Context, controls, name string) (x, y int, err error) {
	for pause(ctx) {
		raw, err := os.ReadFile(controls)
		if err != nil {
			continue // not written yet
		}
		var list []struct {
			Kind, Text          string
			X, Y, Width, Height int
		}
		if json.Unmarshal(raw, &list) != nil {
			continue
		}
		for _, v := range list {
			if v.Kind == "cell" && v.Text == name {
				return v.X - v.Width/2 + 1, v.Y, nil
			}
		}
	}
	return 0, 0, fmt.Errorf("the window shows no cell %q", name)
}

// reactions presses 3 and 2 in turn until three seconds before the end, and returns how
// long the cells took to show it, in milliseconds.
func (d *display) reactions(ctx context.Context, controls string, seconds int) ([]float64, error) {
	end := time.Now().Add(time.Duration(seconds-3) * time.Second)
	var x, y [2]int
	for i, name := range []string{"Camera 2", "Camera 3"} {
		var err error
		if x[i], y[i], err = cellFrame(ctx, controls, name); err != nil {
			return nil, err
		}
	}
	memory, err := d.open()
	if err != nil {
		return nil, err
	}
	defer memory.file.Close()
	cmd := exec.CommandContext(ctx, "xdotool", "-")
	cmd.Env = append(os.Environ(), d.env(os.TempDir())...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("the keys: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the keys need xdotool (packaging/apt.sh test installs it): %w", err)
	}
	defer func() {
		_ = in.Close() // xdotool ends with it
		_ = cmd.Wait() // how it ended does not matter
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	var ms []float64
	for n := 1; time.Now().Before(end) && pause(ctx); n++ {
		cell := n % 2
		pressed := time.Now()
		if _, err := fmt.Fprintf(in, "key %d\n", cell+2); err != nil {
			return nil, fmt.Errorf("the keys: %w", err)
		}
		for {
			green, err := memory.is(x[cell], y[cell], previewGreen)
			if err != nil {
				return nil, err
			}
			took := time.Since(pressed)
			if green {
				ms = append(ms, float64(took)/1e6)
				break
			}
			if took > 5*time.Second {
				return nil, fmt.Errorf("the window did not show within 5 s that %d was pressed", cell+2)
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	if len(ms) == 0 {
		return nil, fmt.Errorf("no key was pressed in %d s", seconds)
	}
	return ms, nil
}

// framebuffer is the memory of a display, which Xvfb maps to a file (-fbdir), as an X
// window dump (XWDFile.h, version 7) of 32 bits a pixel.
type framebuffer struct {
	file       *os.File
	at, stride int64
}

// open looks at the display's memory; the file is the caller's to close.
func (d *display) open() (*framebuffer, error) {
	f, err := os.Open(d.memory)
	if err != nil {
		return nil, fmt.Errorf("the display's memory: %w", err)
	}
	head := make([]byte, 100)
	if _, err := io.ReadFull(f, head); err != nil {
		_ = f.Close() // the first error tells
		return nil, fmt.Errorf("the display's memory: %w", err)
	}
	field := func(i int) int64 { return int64(binary.BigEndian.Uint32(head[4*i:])) }
	if bits := field(11); bits != 32 {
		_ = f.Close() // as above
		return nil, fmt.Errorf("the display has %d bits a pixel, not 32", bits)
	}
	return &framebuffer{file: f, at: field(0) + field(19)*12, stride: field(12)}, nil
}

// is tells whether a pixel has that colour: blue, green, red.
func (m *framebuffer) is(x, y int, colour [3]byte) (bool, error) {
	var p [3]byte
	if _, err := m.file.ReadAt(p[:], m.at+int64(y)*m.stride+int64(x)*4); err != nil {
		return false, fmt.Errorf("the display's memory: %w", err)
	}
	return bytes.Equal(p[:], colour[:]), nil
}
