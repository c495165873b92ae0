package ui

import (
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// sendTo is a source's way to a bus as the engine takes it: what the strip says, or what
// holds where it says nothing.
func sendTo(show *scenes.Show, strip *scenes.Strip, source, bus string) scenes.Send {
	if i := slices.IndexFunc(strip.Sends, func(v scenes.Send) bool { return v.Bus == bus }); i >= 0 {
		return strip.Sends[i]
	}
	if bus == scenes.ProgrammeBus {
		return scenes.Send{Bus: bus, On: true}
	}
	if b, ok := show.Bus(bus); ok && len(b.MixMinus) > 0 {
		v := sendTo(show, strip, source, scenes.ProgrammeBus)
		v.Bus, v.On = bus, v.On && !slices.Contains(b.MixMinus, source)
		return v
	}
	return scenes.Send{Bus: bus, GainDB: silenceDB}
}

// busTabs chooses the bus whose sends are on the faders.
type busTabs struct {
	box
	desk   *desk
	scroll *container.Scroll
	row    *box
	tabs   []*button
	ids    []string
	spare  []string // memory of set
	picked func(id string)
}

func newBusTabs(d *desk, picked func(id string)) *busTabs {
	t := &busTabs{desk: d, row: &box{}, picked: picked}
	t.row.ExtendBaseWidget(t.row)
	t.row.arrange = func(s fyne.Size) {
		x := float32(0)
		for _, b := range t.tabs {
			place(b, x, 0, b.min.Width, s.Height)
			x += b.min.Width + 2
		}
	}
	t.scroll = container.NewHScroll(t.row)
	t.add(t.scroll)
	t.min = fyne.NewSize(60, tabRow)
	t.arrange = func(s fyne.Size) { place(t.scroll, 0, 0, s.Width, s.Height) }
	t.ExtendBaseWidget(t)
	return t
}

// set brings the tabs to the buses.
func (t *busTabs) set(buses []engine.BusState, chosen string) {
	ids := t.spare[:0]
	for i := range buses {
		ids = append(ids, buses[i].ID)
	}
	t.spare = ids
	fresh := !slices.Equal(ids, t.ids)
	if fresh {
		t.ids, t.tabs, t.row.objects = slices.Clone(ids), nil, nil
		for i, id := range t.ids {
			tip := "The faders are the sources' own, the master is the programme's"
			if id != scenes.ProgrammeBus {
				tip = "Puts the sends to this mix on the faders, and its master beside them"
			}
			t.tabs = append(t.tabs, newButton(t.desk, buses[i].Name, textSmall, func() { t.picked(id) }).hint(tip))
			t.row.add(t.tabs[i])
		}
	}
	for i, b := range t.tabs {
		if name := buses[i].Name; b.caption.full != name || fresh {
			b.caption.setText(name)
			b.min.Width = min(b.caption.measure(name)+2*inset, 150)
			fresh = true
		}
		b.lit(t.ids[i] == chosen, colLit, colOnLit)
	}
	if fresh {
		width := float32(0)
		for _, b := range t.tabs {
			width += b.min.Width + 2
		}
		t.row.min = fyne.NewSize(width, tabRow)
		t.row.Refresh()
		t.scroll.Refresh()
		t.row.arrange(t.row.Size())
	}
}

// freshBus is a new mix: "Mix 1", or with the next number that is free.
func freshBus(s *scenes.Show) scenes.Bus {
	for n := 1; ; n++ {
		id, name := "mix-"+strconv.Itoa(n), "Mix "+strconv.Itoa(n)
		taken := slices.ContainsFunc(s.Buses, func(b scenes.Bus) bool { return b.ID == id || b.Name == name })
		if !taken {
			return scenes.Bus{ID: id, Name: name}
		}
	}
}
