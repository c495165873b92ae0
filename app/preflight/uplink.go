package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/outputs/uplink"
	"crosspoint.studio/crosspoint/scenes"
)

// leastTried and mostTried bound what a measurement sends, in kb/s; leastVideo is the least
// that is worth sending.
const (
	leastTried = 2_000
	mostTried  = 100_000
	leastVideo = 300
)

// measure loads the paths to the enabled destinations, one after another, where nobody is
// shown it or the operator wants it all the same, and tells of each. It returns the most
// that arrived anywhere: the uplink carries that.
func (o Options) measure(ctx context.Context, tell func(Finding)) (kbps int, atLeast bool) {
	req := o.request()
	req.UplinkKbps, req.Cores = 0, 0
	plan, err := planner.Make(req)
	if err != nil {
		return 0, false // the plan says why
	}
	seen := map[string]bool{}
	measured := false
	var why []string
	for _, d := range o.Show.Destinations {
		if !d.Enabled || ctx.Err() != nil {
			continue
		}
		p := probe{name: d.Name, ingest: scenes.Ingest{Kind: d.Kind, Settings: d.Settings, Credential: &d.Credential}, needs: req.SendsKbps(plan, d.ID), all: plan.UplinkKbps}
		p.fits = func(kbps int) int { return req.FitsKbps(plan, d.ID, kbps) }
		far, not := o.prepare(ctx, &p)
		switch {
		case not != "":
			if !slices.Contains(why, not) {
				why = append(why, not)
			}
			continue
		case far == "" || seen[far]:
			continue // nothing to load, or the same path
		}
		seen[far] = true
		f := o.load(ctx, p)
		measured = measured || f.UplinkKbps > 0
		if f.UplinkKbps > kbps {
			kbps, atLeast = f.UplinkKbps, f.AtLeast
		}
		tell(f)
	}
	if len(why) > 0 {
		f := Finding{Check: "uplink", Subject: "Uplink", Verdict: Go, Text: strings.Join(why, " ")}
		if !measured {
			f.Verdict = Caution
			f.Text = "Nothing was measured. " + f.Text
		}
		tell(f)
	}
	return kbps, atLeast
}

// probe is one path to be measured.
type probe struct {
	name     string
	platform planner.Platform
	ingest   scenes.Ingest
	out      outputs.Output
	refused  string // why there is no out
	needs    int    // what the destination's own stream needs, kb/s
	fits     func(kbps int) (videoKbps int)
	all      int // what all need together
}

// prepare makes the output that loads the path. far tells paths apart; not is a sentence
// that says why this one is not loaded.
func (o Options) prepare(ctx context.Context, p *probe) (far, not string) {
	kind, ok := o.Kinds[p.ingest.Kind]
	if !ok {
		return "", "" // the destination's own check says so
	}
	address := addressOf(p.ingest.Settings)
	p.platform = o.platformAt(address)
	own := p.platform.Name == "custom"
	switch {
	case !kind.Acknowledges:
		return "", fmt.Sprintf("%s: with %s it is not known what arrives before it is live.", p.name, kind.Title)
	case own && !o.LoadOwn:
		return "", fmt.Sprintf("%s is an own server, whose viewers would see colour bars: it is measured only where you allow that.", p.name)
	case !own && p.platform.Test == "":
		return "", fmt.Sprintf("%s has no streams that nobody is shown, so the path there is not measured.", p.platform.Title)
	}
	far = p.ingest.Kind
	if u, err := url.Parse(address); err == nil {
		far += " " + u.Host
	}
	secret, err := o.secret(ctx, p.ingest)
	if err != nil {
		p.refused = err.Error()
		return far, ""
	}
	settings := p.ingest.Settings
	if !own {
		if settings, secret, err = testStream(p.platform, settings, secret); err != nil {
			p.refused = err.Error()
			return far, ""
		}
	}
	if p.out, err = kind.New(settings, outputs.Options{BaseDir: o.BaseDir, UserAgent: o.UserAgent, Secret: secret}); err != nil {
		p.refused = fmt.Sprintf("Its settings are refused: %v.", err)
	}
	return far, ""
}

// testStream is the destination with the service's mark of a test on its key, which is the
// secret or the end of the address.
func testStream(p planner.Platform, settings json.RawMessage, secret string) (json.RawMessage, string, error) {
	if key, ok := p.TestKey(secret); ok {
		return settings, key, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(settings, &fields); err != nil {
		return nil, "", sentence("Its settings cannot be read.")
	}
	address, _ := fields["url"].(string)
	address, ok := p.TestKey(address)
	if !ok {
		return nil, "", sentence("It has no address.")
	}
	fields["url"] = address
	raw, err := json.Marshal(fields)
	return raw, "", err
}

// load measures one path and says what it carries beside what is needed.
func (o Options) load(ctx context.Context, p probe) Finding {
	f := Finding{Check: "uplink", Subject: "Uplink to " + p.name, Verdict: NoGo}
	if p.refused != "" {
		f.Text = p.refused
		return f
	}
	// A quarter above what all streams need of the share that may be used.
	most := min(max(int(1.25*float64(p.all)/planner.UplinkShare), leastTried), mostTried)
	if p.platform.TestKbps > 0 {
		most = min(most, p.platform.TestKbps)
	}
	r, err := uplink.Measure(ctx, p.out, uplink.Options{Duration: o.Measure, MaxKbps: most})
	if err != nil {
		f.Text = fmt.Sprintf("It was not measured: %v.", err)
		return f
	}
	f.UplinkKbps, f.AtLeast = r.Kbps, r.AtLeast
	carries := "carries " + mbps(r.Kbps)
	if r.AtLeast {
		carries = fmt.Sprintf("carries at least %s; no more was tried", mbps(r.Kbps))
	}
	f.Text = fmt.Sprintf("It %s (round trip %v", carries, r.RTT.Round(time.Millisecond))
	if r.ResentPercent >= 0.1 {
		f.Text += fmt.Sprintf(", %.1f %% sent again", r.ResentPercent)
	}
	usable := int(planner.UplinkShare * float64(r.Kbps))
	f.Text += fmt.Sprintf("). Its own stream needs %s, %.0f %% of that", mbps(p.needs), 100*float64(p.needs)/float64(max(r.Kbps, 1)))
	switch {
	case p.needs <= usable:
		f.Verdict = Go
		f.Text += "."
	case r.AtLeast:
		f.Verdict = Caution
		f.Text += ", and whether the path carries it is not known."
	default:
		f.Text += fmt.Sprintf(", and only %.0f %% should be used.", 100*planner.UplinkShare)
		if video := p.fits(usable); video >= leastVideo {
			f.Changes = []string{fmt.Sprintf("Give %s a rendition of at most %d kb/s (Outputs, Renditions).", p.name, video/50*50)}
		}
	}
	return f
}

// addressOf is the url of a destination's settings, or "".
func addressOf(settings json.RawMessage) string {
	var s struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(settings, &s) != nil {
		return ""
	}
	return s.URL
}
