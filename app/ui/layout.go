package ui

import "fyne.io/fyne/v2"

// deskLayout places the panels: the monitors with the transition block between
// them on top, the bank and the mixer below, the outputs to their right, the
// status lines at the foot.
type deskLayout struct {
	preview    *monitorPanel
	transition *transitionPanel
	program    *monitorPanel
	bank       *bankPanel
	audio      *audioPanel
	outputs    *outputsPanel
	status     *statusPanel
	help       *helpPanel
}

const (
	transitionWidth float32 = 156
	transitionWide  float32 = 280
	// monitorShare is the most of the height that the monitors take.
	monitorShare float32 = 0.48
	outputsShare float32 = 0.245
	outputsMin   float32 = 300
	outputsMax   float32 = 460
	audioMin     float32 = 150
)

// MinSize implements fyne.Layout.
func (l *deskLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(1024, 640) }

// Layout implements fyne.Layout.
func (l *deskLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	place(l.help, 0, 0, s.Width, s.Height)

	statusH := l.status.min.Height
	place(l.status, gap, s.Height-statusH-gap, s.Width-2*gap, statusH)

	// Monitors as wide as the window allows, unless they would crowd the rest.
	mw := (s.Width - 4*gap - transitionWidth) / 2
	if limit := s.Height * monitorShare; monitorHeight(mw) > limit {
		mw = (limit-headerHeight-2*tallyEdge)*16/9 + 2*tallyEdge
	}
	mh := monitorHeight(mw)
	tw := min(s.Width-4*gap-2*mw, transitionWide)
	x := (s.Width - 2*mw - tw - 2*gap) / 2
	place(l.preview, x, gap, mw, mh)
	place(l.transition, x+mw+gap, gap, tw, mh)
	place(l.program, x+mw+gap+tw+gap, gap, mw, mh)

	top := mh + 2*gap
	height := s.Height - top - statusH - 2*gap
	ow := min(max(s.Width*outputsShare, outputsMin), outputsMax)
	place(l.outputs, s.Width-gap-ow, top, ow, height)

	left := s.Width - 3*gap - ow
	bh := l.bank.heightFor(left, 1)
	for rows := 2; rows <= l.bank.rows(left); rows++ {
		if more := l.bank.heightFor(left, rows); height-more-gap >= audioMin {
			bh = more
		}
	}
	bh = min(bh, height-gap-140)
	place(l.bank, gap, top, left, bh)
	place(l.audio, gap, top+bh+gap, left, height-bh-gap)
}
