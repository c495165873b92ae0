package ui

import (
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
)

// Picture rates: what an operator needs to judge a picture, and a thumbnail.
const (
	monitorFPS   = 15
	softwareFPS  = 10 // of monitors where OpenGL is drawn by the processor
	thumbnailFPS = 5
)

// resizeSettle is how long a size must stand before a view is opened anew, so
// that dragging the window's edge does not open one per pixel.
const resizeSettle = 250 * time.Millisecond

// liveImage shows one view. Fyne's goroutine says what it wants; the poll goroutine
// opens views and copies pictures into the image that is not being shown.
type liveImage struct {
	img *canvas.Image

	mu     sync.Mutex // guards want and wanted
	want   engine.ViewSpec
	wanted time.Time // since when

	// asleep: nobody can see it, so nothing is drawn for it.
	asleep atomic.Bool

	// Of the poll goroutine, except that Fyne's goroutine swaps front while the poll
	// goroutine waits for it (window.busy).
	picture Picture
	have    engine.ViewSpec
	hidden  bool
	buffers [2]*image.RGBA
	front   int
	fresh   bool
}

// viewSets are the live images of all windows; for any goroutine.
type viewSets struct {
	mu   sync.Mutex // guards list and gone
	list []*viewSet // never written to, only replaced
	gone []*viewSet // of windows that were closed; the poll goroutine ends them
}

func (s *viewSets) add(v *viewSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(slices.Clip(s.list), v)
}

func (s *viewSets) remove(v *viewSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.list, v); i >= 0 {
		s.list = slices.Delete(slices.Clone(s.list), i, i+1)
		s.gone = append(s.gone, v)
	}
}

// take is viewSet.take for all. For the poll goroutine.
func (s *viewSets) take(now time.Time) bool {
	s.mu.Lock()
	list, gone := s.list, s.gone
	s.gone = nil
	s.mu.Unlock()
	for _, v := range gone {
		v.closeAll()
	}
	fresh := false
	for _, v := range list {
		fresh = v.take(now) || fresh
	}
	return fresh
}

// flip is viewSet.flip for all. For Fyne's goroutine, while the poll goroutine waits.
func (s *viewSets) flip() {
	s.mu.Lock()
	list := s.list
	s.mu.Unlock()
	for _, v := range list {
		v.flip()
	}
}

// awake reports whether any of them is to be seen.
func (s *viewSets) awake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.list, func(v *viewSet) bool { return !v.paused.Load() })
}

// closeAll ends all views; nothing may call take afterwards.
func (s *viewSets) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [2][]*viewSet{s.list, s.gone} {
		for _, v := range list {
			v.closeAll()
		}
	}
}

// viewSet is all live images of a window.
type viewSet struct {
	open func(engine.ViewSpec) Picture
	// paused: the window cannot be seen, so nothing is drawn for it.
	paused atomic.Bool
	mu     sync.Mutex // guards list
	list   []*liveImage
}

func newViewSet(open func(engine.ViewSpec) Picture) *viewSet { return &viewSet{open: open} }

// add makes a live image that shows nothing until aim.
func (s *viewSet) add() *liveImage {
	v := &liveImage{img: canvas.NewImageFromImage(nil)}
	v.img.FillMode = canvas.ImageFillStretch
	v.img.ScaleMode = canvas.ImageScaleFastest // exact size as a rule; no scaling on the CPU
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, v)
	return v
}

// aim says what to show; a spec without a size shows nothing.
func (v *liveImage) aim(spec engine.ViewSpec) {
	if spec.Width < 16 || spec.Height < 16 {
		spec = engine.ViewSpec{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if spec != v.want {
		v.want, v.wanted = spec, time.Now()
	}
}

// sleep stops and resumes the drawing of what cannot be seen.
func (v *liveImage) sleep(asleep bool) { v.asleep.Store(asleep) }

// aimAt is aim with the size that the image has on the screen, at most limit wide.
func (v *liveImage) aimAt(bus engine.ViewBus, id string, fps float64, limit int) {
	size := v.img.Size()
	scale := float32(1)
	if c := fyne.CurrentApp().Driver().CanvasForObject(v.img); c != nil {
		scale = c.Scale()
	}
	w, h := int(size.Width*scale+0.5), int(size.Height*scale+0.5)
	if w > limit {
		w, h = limit, h*limit/w
	}
	v.aim(engine.ViewSpec{Bus: bus, ID: id, Width: w &^ 1, Height: h &^ 1, FPS: fps})
}

// take brings every view to what is wanted and copies new pictures. It reports
// whether there are any. For the poll goroutine.
func (s *viewSet) take(now time.Time) bool {
	s.mu.Lock()
	list := s.list
	s.mu.Unlock()
	fresh, paused := false, s.paused.Load()
	for _, v := range list {
		asleep := paused || v.asleep.Load()
		if !asleep {
			v.reconcile(s.open, now)
		}
		if v.picture == nil {
			continue
		}
		if v.hidden != asleep {
			v.hidden = asleep
			v.picture.SetHidden(asleep)
		}
		if asleep {
			continue
		}
		if f := v.picture.Latest(); f != nil {
			v.copy(f)
			f.Release()
			v.fresh = true
		}
		fresh = fresh || v.fresh
	}
	return fresh
}

// reconcile opens and closes v's view.
func (v *liveImage) reconcile(open func(engine.ViewSpec) Picture, now time.Time) {
	v.mu.Lock()
	want, since := v.want, v.wanted
	v.mu.Unlock()
	if want == v.have {
		return
	}
	resized := want
	resized.Width, resized.Height = v.have.Width, v.have.Height
	if v.picture != nil && resized == v.have && now.Sub(since) < resizeSettle {
		return // only the size differs: the old picture is stretched meanwhile
	}
	if v.picture != nil {
		v.picture.Close()
		v.picture = nil
	}
	v.have, v.hidden = want, false
	if want.Width > 0 {
		v.picture = open(want)
	}
}

// copy brings a frame into the image behind.
func (v *liveImage) copy(f *media.Frame) {
	if f.Format != media.RGBA {
		return
	}
	back := 1 - v.front
	b := v.buffers[back]
	if b == nil || b.Rect.Dx() != f.Width || b.Rect.Dy() != f.Height {
		b = image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
		v.buffers[back] = b
	}
	p := f.Planes[0]
	for y := range f.Height {
		copy(b.Pix[y*b.Stride:(y+1)*b.Stride], p.Data[y*p.Stride:])
	}
}

// flip shows new pictures. For Fyne's goroutine, while the poll goroutine waits.
func (s *viewSet) flip() {
	s.mu.Lock()
	list := s.list
	s.mu.Unlock()
	for _, v := range list {
		if !v.fresh {
			continue
		}
		v.fresh = false
		v.front = 1 - v.front
		v.img.Image = v.buffers[v.front]
		canvas.Refresh(v.img)
	}
}

// closeAll ends all views; nothing may call take afterwards.
func (s *viewSet) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.list {
		if v.picture != nil {
			v.picture.Close()
			v.picture = nil
		}
	}
}
