package rehearsal

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// columns are the headings of Table.
var columns = [...]string{
	"stream", "state", "codecs", "size", "fps", "keyframes s", "A/V ms", "skew ms", "gaps", "Mb/s", "jitter ms", "packets", "time", "frame",
}

// Table is the reports for a terminal, one line each below a heading, followed by the
// warnings. It ends with a line feed; without reports it says that it waits.
func Table(reports []Report) string {
	if len(reports) == 0 {
		return "Waiting for a stream.\n"
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	// A strings.Builder takes everything.
	_, _ = fmt.Fprintln(w, strings.Join(columns[:], "\t"))
	for i := range reports {
		_, _ = fmt.Fprintln(w, strings.Join(reports[i].cells(), "\t"))
	}
	_ = w.Flush()
	for i := range reports {
		r := &reports[i]
		if r.Problem != "" {
			fmt.Fprintf(&out, "  %s: %s\n", r.Title(), r.Problem)
		}
		for _, text := range r.Warnings {
			fmt.Fprintf(&out, "  %s: %s\n", r.Title(), text)
		}
	}
	return out.String()
}

// Line is a report in one line of plain text.
func (r *Report) Line() string {
	c := r.cells()
	line := c[0] + ": " + c[1]
	labels := [...]string{"", "", "", "", " fps", " s between keyframes", " ms from flash to beep", " ms skew", " gaps", " Mb/s", " ms jitter", " packets", "", ""}
	for i := 2; i < len(c); i++ {
		switch {
		case c[i] == "-":
		case i == len(c)-1:
			line += ", frame " + c[i]
		default:
			line += ", " + c[i] + labels[i]
		}
	}
	for _, text := range append([]string{r.Problem}, r.Warnings...) {
		if text != "" {
			line += "; " + text
		}
	}
	return line
}

// Title names the stream.
func (r *Report) Title() string { return r.Protocol + " " + strconv.Quote(r.Name) }

// Facts calls yield with the heading and the value of each column of Table that is
// known, but for the stream and its state.
func (r *Report) Facts(yield func(name, value string)) {
	for i, v := range r.cells() {
		if i >= 2 && v != "-" && v != "" {
			yield(columns[i], v)
		}
	}
}

// cells are the columns of Table; "-" is not known.
func (r *Report) cells() []string {
	c := []string{r.Title(), string(r.State), "-", "-", "-", "-", number(r.AVOffsetMS), number(r.MuxSkewMS), "-", "-", "-", "-", "-", "-"}
	if r.Packets == 0 {
		return c
	}
	var codecs []string
	gaps, jitter := int64(0), 0.0
	if v := r.Video; v != nil {
		codecs = append(codecs, strings.TrimSpace(string(v.Codec)+" "+v.Profile))
		if v.Width > 0 {
			c[3] = fmt.Sprintf("%dx%d", v.Width, v.Height)
		}
		if v.FPS.IsSet() {
			c[4] = strconv.FormatFloat(v.FPS.Float(), 'f', -1, 64)
			if len(c[4]) > 6 {
				c[4] = fmt.Sprintf("%.2f", v.FPS.Float())
			}
		}
		if k := v.Keyframe; k.Count > 1 {
			c[5] = fmt.Sprintf("%.2f/%.2f/%.2f", k.MinSeconds, k.MeanSeconds, k.MaxSeconds)
		}
		gaps, jitter = v.Gaps.Count, v.JitterMS
	}
	if a := r.Audio; a != nil {
		codecs = append(codecs, string(a.Codec))
		gaps += a.Gaps.Count
		jitter = max(jitter, a.JitterMS)
	}
	c[2] = strings.Join(codecs, " + ")
	c[8] = strconv.FormatInt(gaps, 10)
	bps := r.BitrateBPS
	if r.State != Receiving {
		bps = r.MeanBPS
	}
	c[9] = fmt.Sprintf("%.2f", float64(bps)/1e6)
	c[10] = fmt.Sprintf("%.1f", jitter)
	c[11] = strconv.FormatInt(r.Packets, 10)
	c[12] = time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String()
	if r.Code != nil {
		c[13] = fmt.Sprintf("%d of camera %d", r.Code.Number, r.Code.Camera)
	}
	return c
}

func number(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%+.1f", *v)
}
