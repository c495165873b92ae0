package av

import (
	"image"

	"crosspoint.studio/crosspoint/internal/media"
)

// sameShape is how far two shapes may differ, as a part of a side, and still be one, and
// two pixels always: sizes are whole and even, so 854x480 is what 1920x1080 becomes and
// 80x44 what 160x90 does.
const sameShape = 0.02

// within is where a picture of sw x sh pixels lies in one of w x h: all of it, as large as
// it can be, in the middle, beginning on whole samples of colour. Shapes that are as good
// as the same fill all.
func within(sw, sh, w, h int) image.Rectangle {
	all := image.Rect(0, 0, w, h)
	if sw < 1 || sh < 1 {
		return all
	}
	iw, ih := w, h
	switch {
	case w*sh > h*sw: // wider than the picture
		iw = even(float64(h) * float64(sw) / float64(sh))
	default:
		ih = even(float64(w) * float64(sh) / float64(sw))
	}
	if float64(w-iw) <= max(sameShape*float64(w), 2) && float64(h-ih) <= max(sameShape*float64(h), 2) {
		return all
	}
	x, y := (w-iw)/4*2, (h-ih)/4*2
	return image.Rect(x, y, x+iw, y+ih)
}

// even is the even number next to v, at least 2.
func even(v float64) int { return max(int(v/2+0.5)*2, 2) }

// partOf is r of f, without memory of its own; r begins on whole samples of colour. Its
// planes end with their last pixel, so that nothing is written beyond it.
func partOf(f *media.Frame, r image.Rectangle) *media.Frame {
	p := &media.Frame{Format: f.Format, Width: r.Dx(), Height: r.Dy(), Color: f.Color}
	for i := range f.Planes {
		stride := f.Planes[i].Stride
		rowBytes, rows := media.PlaneSize(f.Format, r.Dx(), r.Dy(), i)
		if rows == 0 {
			continue
		}
		left, top := 0, 0
		if r.Min.X > 0 {
			left, _ = media.PlaneSize(f.Format, r.Min.X, 2, i)
		}
		if r.Min.Y > 0 {
			_, top = media.PlaneSize(f.Format, 2, r.Min.Y, i)
		}
		begin := top*stride + left
		p.Planes[i] = media.Plane{Data: f.Planes[i].Data[begin : begin+(rows-1)*stride+rowBytes], Stride: stride}
	}
	return p
}

// scaled fills dst with f: all of it, with black bars where the shapes differ. painted
// says that the bars are there already.
func (e *VideoEncoder) scaled(dst, f *media.Frame, painted bool) error {
	r := within(f.Width, f.Height, dst.Width, dst.Height)
	if r.Dx() == dst.Width && r.Dy() == dst.Height {
		return e.scaler.Scale(dst, f)
	}
	if !painted {
		black := byte(16)
		if dst.Color.Range == media.Full {
			black = 0
		}
		dst.Fill(black, 128, 128)
	}
	return e.scaler.Scale(partOf(dst, r), f)
}
