package ui

import (
	"image/color"
	"log/slog"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	// logKept is how many records the panel remembers; the oldest go first.
	logKept = 2000
	// logEvery is how often it asks for new ones.
	logEvery = 500 * time.Millisecond
	// logDetail is how many lines a picked record may take at the foot.
	logDetail = 4
)

// logLevels are the least levels that can be chosen.
var logLevels = []struct {
	caption string
	level   slog.Level
	tip     string
}{
	{"ALL", slog.LevelDebug, "From now on also what only developers need"},
	{"INFO", slog.LevelInfo, "Changes of state, warnings and errors"},
	{"WARN", slog.LevelWarn, "Warnings and errors"},
	{"ERROR", slog.LevelError, "Errors alone"},
}

// logPanel is the newest part of the program's log, by level and by text.
type logPanel struct {
	box
	desk   *desk
	levels []*button
	filter *field
	list   *lineList
	detail [logDetail]*label
	count  *label

	records []LogRecord
	shown   []LogRecord // records that pass, as in the list
	seq     int64
	askedAt time.Time
	least   slog.Level
	needle  string
}

func newLogPanel(d *desk) *logPanel {
	p := &logPanel{desk: d, least: slog.LevelInfo}
	for _, v := range logLevels {
		b := newButton(d, v.caption, textSmall, func() { p.setLevel(v.level) }).hint(v.tip)
		p.levels = append(p.levels, b)
		p.add(b)
	}
	p.filter = newLine(d)
	p.filter.SetPlaceHolder("only lines with …")
	p.filter.changed = func(text string) {
		p.needle = strings.ToLower(strings.TrimSpace(text))
		p.choose()
	}
	p.list = newLineList(d, 112, true, p.pick)
	p.count = newLabel("", textSmall, colDim)
	p.add(p.filter, p.list, p.count)
	for i := range p.detail {
		p.detail[i] = newLabel("", textSmall, colText)
		p.add(p.detail[i])
	}
	p.min = fyne.NewSize(260, 160)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	p.setLevel(p.least)
	return p
}

func (p *logPanel) layout(s fyne.Size) {
	w := s.Width - 2*inset
	bw := (w - 3*2) / 4
	for i, b := range p.levels {
		place(b, inset+float32(i)*(bw+2), inset, bw, rowHeight)
	}
	y := inset + rowHeight + gap
	h := p.filter.MinSize().Height
	place(p.filter, inset, y, w, h)
	y += h + gap
	foot := lineHeight * (logDetail + 1)
	place(p.list, inset, y, w, max(s.Height-y-foot-gap, 1))
	y = s.Height - foot - 2
	p.count.place(inset, y, w, lineHeight)
	for i, l := range p.detail {
		l.place(inset, y+lineHeight*float32(i+1), w, lineHeight)
	}
}

func (p *logPanel) setLevel(least slog.Level) {
	p.least = least
	for i, v := range logLevels {
		p.levels[i].lit(v.level == least, colLit, colOnLit)
	}
	if logs := p.desk.services.Logs; logs != nil {
		logs.Keep(min(least, slog.LevelInfo)) // what only developers need would push out the rest
	}
	p.choose()
}

// choose fills the list with the records that pass.
func (p *logPanel) choose() {
	p.shown = p.shown[:0]
	lines := make([]textLine, 0, len(p.records))
	for _, r := range p.records {
		if r.Level < p.least || p.needle != "" && !strings.Contains(strings.ToLower(r.Text), p.needle) {
			continue
		}
		p.shown = append(p.shown, r)
		lines = append(lines, textLine{front: r.Time.Format("15:04:05") + "  " + levelText(r.Level), text: r.Text, ink: levelColor(r.Level)})
	}
	p.list.set(lines)
	switch {
	case p.desk.services.Logs == nil:
		p.count.setText("This window has no log.")
	case len(lines) == len(p.records):
		p.count.setText(counted(len(lines), "line") + "; click one to read it whole")
	default:
		p.count.setText(countText(int64(len(lines))) + " of " + countText(int64(len(p.records))) + " lines")
	}
}

// pick shows a line whole at the foot.
func (p *logPanel) pick(n int) {
	rest := p.shown[n].Text
	for i, l := range p.detail {
		line := rest
		if i < len(p.detail)-1 {
			line, rest = wrap(l, rest)
		}
		l.set(line, levelColor(p.shown[n].Level))
	}
}

func (p *logPanel) update(*engine.State) {
	now := p.desk.now()
	if p.desk.services.Logs == nil || p.desk.calm || now.Sub(p.askedAt) < logEvery {
		return
	}
	p.askedAt = now
	records := p.desk.services.Logs.Since(p.seq)
	if len(records) == 0 {
		return
	}
	p.seq = records[len(records)-1].Seq
	p.records = append(p.records, records...)
	if n := len(p.records) - logKept; n > 0 {
		p.records = append(p.records[:0:0], p.records[n:]...)
	}
	p.choose()
}

func levelText(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

func levelColor(l slog.Level) color.Color {
	switch {
	case l >= slog.LevelError:
		return colBad
	case l >= slog.LevelWarn:
		return colWarn
	case l >= slog.LevelInfo:
		return colText
	}
	return colDim
}
