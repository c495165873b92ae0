package cutlist

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// EDL is the timeline as a CMX 3600 edit decision list (SMPTE 258M's ancestor): one
// video track, the programme's sound, and sources that have sound alone. Record times are the studio's timecode.
// Sources are named by reels of at most eight letters, the files in comments.
func (t *Timeline) EDL() []byte {
	w := edl{t: t, reels: t.reels()}
	fmt.Fprintf(&w.out, "TITLE: %s\nFCM: NON-DROP FRAME\n\n", line(t.Name))
	for i, c := range t.Clips {
		w.event(i, c)
	}
	for _, c := range t.Programme {
		if c.File != nil && c.File.Sound {
			w.number++
			w.edit("AA", "C", "", c, c.At, c.At+c.Frames)
			w.comment("FROM CLIP NAME: " + line(filepath.Base(c.File.Path)))
			w.comment("SOURCE FILE: " + path(c.File))
		}
	}
	// CMX 3600 has no way to switch a track off: the programme's sound is on A and A2, each
	// source that has sound alone on a channel of its own behind them.
	for i, s := range t.Sounds {
		for _, c := range s.Clips {
			if c.File == nil {
				continue
			}
			w.number++
			w.edit(fmt.Sprintf("A%d", i+3), "C", "", c, c.At, c.At+c.Frames)
			w.names("FROM", c)
		}
	}
	return []byte(w.out.String())
}

type edl struct {
	t      *Timeline
	out    strings.Builder
	reels  map[*File]string
	number int
}

// event writes a clip from At on; a dissolve begins there too.
func (w *edl) event(i int, c Clip) {
	w.number++
	to := c.At + c.Frames
	if c.Dissolve == 0 || i == 0 {
		w.edit("V", "C", "", c, c.At, to)
		w.names("FROM", c)
		w.locators(c.At, to)
		return
	}
	before := w.t.Clips[i-1]
	w.edit("V", "C", "", before, c.At, c.At)
	w.edit("V", "D", fmt.Sprintf("%03d", c.Dissolve), c, c.At, to)
	w.names("FROM", before)
	w.names("TO", c)
	w.locators(c.At, to)
}

// edit is one line: event, reel, channel, transition, its length, source in and out,
// record in and out.
func (w *edl) edit(channel, kind, length string, c Clip, from, to int64) {
	reel, in := "BL", from-w.t.First // black has a timecode of its own
	if c.File != nil {
		reel, in = w.reels[c.File], c.in(from)
	}
	fmt.Fprintf(&w.out, "%03d  %-8s %-5s %-4s %-3s  %s %s %s %s\n", w.number, reel, channel, kind, length,
		w.code(in), w.code(in+to-from), w.code(from), w.code(to))
}

func (w *edl) names(what string, c Clip) {
	w.comment(fmt.Sprintf("%s CLIP NAME: %s", what, line(c.Name)))
	if c.File != nil {
		w.comment("SOURCE FILE: " + path(c.File))
	}
}

func (w *edl) locators(from, to int64) {
	for _, m := range w.t.Markers {
		if m.At >= from && m.At < to {
			w.comment(fmt.Sprintf("LOC: %s GREEN   %s", w.code(m.At), line(m.Text)))
		}
	}
}

func (w *edl) comment(text string) { fmt.Fprintf(&w.out, "* %s\n", text) }

// code is a tick as timecode, which in an EDL begins anew after 24 hours.
func (w *edl) code(n int64) string {
	base := max(int64(w.t.FPS.Float()+0.5), 1)
	s := n / base
	return fmt.Sprintf("%02d:%02d:%02d:%02d", s/3600%24, s/60%60, s%60, n%base)
}

// reels are the files' reel names: that of the source, or PGM, its further files told apart by
// their part of it in time (CAM3, CAM3P2). Of names that are taken already the end is a number.
func (t *Timeline) reels() map[*File]string {
	taken, parts, out := map[string]bool{"BL": true, "AX": true}, map[string]int{}, map[*File]string{}
	files := t.files()
	slices.SortStableFunc(files, func(x, y *File) int { return cmp.Compare(x.First, y.First) })
	for _, f := range files {
		letters := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return r - 'a' + 'A'
			case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}, f.Source)
		if f.Source == "" {
			letters = "PGM"
		}
		parts[f.Source]++
		part := ""
		if n := parts[f.Source]; n > 1 {
			part = fmt.Sprintf("P%d", n)
		}
		name := reel(letters, part)
		for n := 2; taken[name] || name == ""; n++ {
			name = reel(strings.TrimRight(letters, "0123456789"), fmt.Sprint(n)+part)
		}
		taken[name], out[f] = true, name
	}
	return out
}

// reel is letters cut short so that the end fits in eight.
func reel(letters, end string) string {
	return letters[:min(len(letters), max(8-len(end), 0))] + end
}

// path is a file's, which is kept as it is but for what would end the line.
func path(f *File) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(f.Path) }

// line is text on one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
