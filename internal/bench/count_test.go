package main

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
)

func TestCounter(t *testing.T) {
	cases := []struct {
		name    string
		cameras int
		need    int
		frames  [][]int64
		want    frameCount
	}{
		{"all in order", 1, 1, [][]int64{{4}, {5}, {6}}, frameCount{Frames: 3, Distinct: 3}},
		{"one twice", 1, 1, [][]int64{{4}, {4}, {5}}, frameCount{Frames: 3, Distinct: 2, Repeated: 1}},
		{"one left out", 1, 1, [][]int64{{4}, {6}}, frameCount{Frames: 2, Distinct: 2, Skipped: 1}},
		{"one unreadable", 1, 1, [][]int64{{4}, {-1}, {6}}, frameCount{Frames: 3, Distinct: 2, Unreadable: 1}},
		{"an old one again", 1, 1, [][]int64{{4}, {5}, {4}}, frameCount{Frames: 3, Distinct: 2}},
		{"a mix", 2, 1, [][]int64{{4, -1}, {5, 5}, {-1, 6}}, frameCount{Frames: 3, Distinct: 3}},
		{"a mix that stands", 2, 1, [][]int64{{4, 4}, {5, 4}}, frameCount{Frames: 2, Distinct: 1, Repeated: 1}},
		{"a split", 2, 2, [][]int64{{4, 9}, {5, 10}, {6, -1}}, frameCount{Frames: 3, Distinct: 2, Unreadable: 1}},
		{"a split that skips", 2, 2, [][]int64{{4, 9}, {6, 12}}, frameCount{Frames: 2, Distinct: 2, Skipped: 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newCounter(c.cameras, c.need)
			for _, codes := range c.frames {
				k.add(codes)
			}
			if k.count != c.want {
				t.Errorf("got %+v, want %+v", k.count, c.want)
			}
		})
	}
}

func frame(w, h int) *media.Frame { return media.NewFramePool(media.I420, w, h, 0).Get() }

func TestPlaceReadsWhatACameraDraws(t *testing.T) {
	f := frame(hd30.width, hd30.height)
	for _, n := range []int{1, 2} {
		newCamera(n, hd30).draw(f, 1700+n)
		for _, camera := range []int{1, 2} {
			want := int64(-1)
			if camera == n {
				want = int64(1700 + n)
			}
			if got := full(camera).read(f); got != want {
				t.Errorf("camera %d drawn: camera %d reads %d, want %d", n, camera, got, want)
			}
		}
	}
}

// A quarter of the 720-line quad split is a third of a camera's width.
func TestPlaceReadsAQuadSplit(t *testing.T) {
	out := frame(1280, 720)
	for _, p := range quadPlaces(1280, 720) {
		src := frame(hd30.width, hd30.height)
		src.Fill(90, 128, 128)
		framecode.DrawAt(src, codeX, slotY(p.camera), codeCell, uint8(p.camera), uint32(1000*p.camera))
		for y := range p.h {
			for x := range p.w {
				out.Planes[0].Data[(p.y+y)*out.Planes[0].Stride+p.x+x] = src.Planes[0].Data[(3*y+1)*src.Planes[0].Stride+3*x+1]
			}
		}
	}
	for _, p := range quadPlaces(1280, 720) {
		if got, want := p.read(out), int64(1000*p.camera); got != want {
			t.Errorf("camera %d: read %d, want %d", p.camera, got, want)
		}
	}
}

// The camera of 720 lines has its counter where one of 1080, scaled down, has it.
func TestPlaceReadsTheSmallerCamera(t *testing.T) {
	f := frame(hd60.width, hd60.height)
	newCamera(1, hd60).draw(f, 3599)
	if got := (place{1, 0, 0, 1280, 720}).read(f); got != 3599 {
		t.Errorf("read %d, want 3599", got)
	}
}

// Half way through a mix both counters are read, as each lies over the other's grey.
func TestPlaceReadsBothCamerasOfAMix(t *testing.T) {
	a, b := frame(hd30.width, hd30.height), frame(hd30.width, hd30.height)
	newCamera(1, hd30).draw(a, 70)
	newCamera(2, hd30).draw(b, 90)
	for i, v := range b.Planes[0].Data {
		a.Planes[0].Data[i] = byte((int(a.Planes[0].Data[i]) + int(v)) / 2)
	}
	if x, y := full(1).read(a), full(2).read(a); x != 70 || y != 90 {
		t.Errorf("read %d and %d, want 70 and 90", x, y)
	}
}

func TestCameraIsNewInEveryFrame(t *testing.T) {
	c := newCamera(3, hd30)
	a, b := frame(hd30.width, hd30.height), frame(hd30.width, hd30.height)
	c.draw(a, 0)
	c.draw(b, 1)
	differ := 0
	for i := range a.Planes[0].Data {
		if a.Planes[0].Data[i] != b.Planes[0].Data[i] {
			differ++
		}
	}
	if share := float64(differ) / float64(hd30.width*hd30.height); share < 0.7 {
		t.Errorf("%.0f %% of the pixels change from frame to frame, want at least 70 %%", 100*share)
	}
}

func TestBounce(t *testing.T) {
	want := []int{0, 1, 2, 2, 1, 0, 0, 1}
	for n, w := range want {
		if got := bounce(n, 3); got != w {
			t.Errorf("bounce(%d, 3) = %d, want %d", n, got, w)
		}
	}
}
