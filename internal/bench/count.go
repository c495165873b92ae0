package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

// place is where a whole camera picture lies in the programme.
type place struct {
	camera     int // from 1
	x, y, w, h int
}

// full is a camera over the whole of a 1080-line programme.
func full(camera int) place { return place{camera, 0, 0, hd30.width, hd30.height} }

// read reads the counter of the camera at p, or -1. framecode.ReadIn looks one default
// cell from the corner of the rectangle it is given, for cells of the default size; the
// rectangle here is such that this is where the camera's slot is.
func (p place) read(f *media.Frame) int64 {
	cell := framecode.Cell(hd30.height)
	left := codeX*p.w/hd30.width - codeCell*p.w/hd30.width
	top := slotY(p.camera)*p.h/hd30.height - codeCell*p.h/hd30.height
	id, n, ok := framecode.ReadIn(f, p.x+left, p.y+top, p.w*codeCell/cell, p.h*codeCell/cell, hd30.width, hd30.height)
	if !ok || int(id) != p.camera {
		return -1
	}
	return int64(n)
}

// frameCount is what the counters in a recording say.
type frameCount struct {
	Frames int `json:"frames"` // in the file
	// Distinct frames show of every camera in them a picture that was not shown before.
	Distinct int `json:"distinct"`
	// Repeated frames show of some camera the picture of the frame before.
	Repeated int `json:"repeated"`
	// Skipped counts camera pictures that were never shown, between two frames that
	// both show the camera.
	Skipped int `json:"skipped"`
	// Unreadable frames show fewer counters than they have to.
	Unreadable int `json:"unreadable"`
}

// counter takes the counters of one frame after the other. need is how many of the
// cameras every frame has to show: in a mix it is one of two, in a quad split all four.
type counter struct {
	need  int
	seen  []map[int64]bool
	last  []int64 // of the frame before; -1 where it showed none
	count frameCount
}

func newCounter(cameras, need int) *counter {
	c := &counter{need: need, seen: make([]map[int64]bool, cameras), last: make([]int64, cameras)}
	for i := range c.seen {
		c.seen[i] = make(map[int64]bool)
		c.last[i] = -1
	}
	return c
}

// add takes a frame's counters, -1 where none was read.
func (c *counter) add(codes []int64) {
	c.count.Frames++
	readable, fresh, skipped := 0, true, int64(0)
	repeated := false
	for i, n := range codes {
		if n >= 0 {
			readable++
			if c.seen[i][n] {
				fresh = false
			}
			if n == c.last[i] {
				repeated = true
			}
			if c.last[i] >= 0 {
				skipped = max(skipped, n-c.last[i]-1)
			}
			c.seen[i][n] = true
		}
		c.last[i] = n
	}
	if readable < c.need {
		c.count.Unreadable++
		return
	}
	c.count.Skipped += int(skipped)
	if repeated {
		c.count.Repeated++
	}
	if fresh {
		c.count.Distinct++
	}
}

// countFile decodes a recording and counts.
func countFile(ctx context.Context, path string, places []place, need int) (frameCount, error) {
	c := newCounter(len(places), need)
	codes := make([]int64, len(places))
	err := eachFrame(ctx, path, func(f *media.Frame) {
		for i, p := range places {
			codes[i] = p.read(f)
		}
		c.add(codes)
	})
	return c.count, err
}

// eachFrame decodes a recording; do borrows each frame.
func eachFrame(ctx context.Context, path string, do func(f *media.Frame)) error {
	in, err := av.OpenInput(ctx, path, av.InputOptions{})
	if err != nil {
		return err
	}
	defer in.Close()
	if in.Video() == nil {
		return fmt.Errorf("%s holds no pictures", path)
	}
	dec, err := av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{})
	if err != nil {
		return err
	}
	defer dec.Close()
	receive := func() error {
		for {
			f, err := dec.Receive()
			if err != nil {
				return err
			}
			do(f)
			f.Release()
		}
	}
	pkt := av.NewInputPacket()
	defer pkt.Free()
	for {
		switch err := in.ReadPacket(pkt); {
		case errors.Is(err, io.EOF):
			if err := dec.Send(nil); err != nil {
				return err
			}
			if err := receive(); !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		case err != nil:
			return err
		}
		if pkt.Stream != in.Video().Index {
			continue
		}
		if err := dec.Send(pkt); err != nil {
			return err
		}
		if err := receive(); !errors.Is(err, av.ErrAgain) {
			return err
		}
	}
}
