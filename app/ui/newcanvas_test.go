package ui

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

func TestTheCanvasOfANewShow(t *testing.T) {
	b, f := benchWithDocuments(t, DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json"})
	b.menuItem(t, "File/New/Empty show").Action()
	wantDiary(t, f, "new empty")
	f.diary = nil
	b.menuItem(t, "File/New/Another canvas…").Action()
	if !b.first.Visible() || b.canvas.Focused() != b.first.shape.size.list {
		t.Fatal("the canvas cannot be chosen")
	}
	if got := b.first.shape.chosen(); got != scenes.Default().Canvas {
		t.Errorf("at first it is %+v", got)
	}
	b.first.shape.size.pick(4)
	b.first.shape.rate.pick(2)
	press(b.first.cards[2])
	wantDiary(t, f, "new empty 1080x1920 at 30000/1001")
	f.diary = nil
	b.first.ask() // what was chosen for one show is not for the next
	press(b.first.cards[1])
	wantDiary(t, f, "new camera")
}

// Every canvas that is offered makes a show that can be opened again.
func TestCanvasesThatAreOffered(t *testing.T) {
	for _, size := range canvasSizes {
		for _, rate := range canvasRates {
			fps, err := media.ParseRational(rate)
			if err != nil {
				t.Fatal(err)
			}
			c := scenes.Default().Canvas
			c.Width, c.Height, c.FPS = size.width, size.height, fps
			raw, err := scenes.DefaultOn(c).Encode()
			if err != nil {
				t.Fatal(err)
			}
			if show, err := scenes.Parse(raw); err != nil || show.Canvas != c {
				t.Errorf("%v at %s: %v", size, rate, err)
			}
		}
	}
}
