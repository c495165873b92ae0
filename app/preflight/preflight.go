package preflight

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/planner"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Verdict is how a check went.
type Verdict uint8

// Verdicts, from good to bad.
const (
	Go Verdict = iota + 1
	Caution
	NoGo
)

func (v Verdict) String() string { return [...]string{"", "go", "caution", "no-go"}[v] }

// MarshalText makes verdicts readable in reports.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Finding is the outcome of one check.
type Finding struct {
	Check   string // "plan", "uplink", "encoding", "disk" or "destination"
	Subject string // the name of what was checked
	Verdict Verdict
	Text    string // one sentence: what was found and, unless it is go, what to do
	// Changes would each make a plan fit that does not.
	Changes []string `json:",omitempty"`
	// UplinkKbps is what was measured, in kb/s, and AtLeast that no more was tried: of the
	// plan, what it was judged by.
	UplinkKbps int  `json:",omitempty"`
	AtLeast    bool `json:",omitempty"`
}

// Options say what to check. Show, Kinds and SourceKinds are required.
type Options struct {
	Show        *scenes.Show
	Kinds       map[string]outputs.Kind
	SourceKinds map[string]sources.Kind
	// Secret looks credentials up, as engine.Options has it; nil: there are none.
	Secret    func(name string, to []outputs.Recipient) (string, error)
	BaseDir   string
	RecordDir string // of recordings without a path
	UserAgent string
	// UplinkKbps is what the network carries away; 0 is not known. What is measured takes
	// its place.
	UplinkKbps int
	// Measure, when not 0, is how long the uplink is measured towards each service that
	// takes a stream which nobody is shown. LoadOwn measures towards own servers too, whose
	// viewers see colour bars meanwhile.
	Measure time.Duration
	LoadOwn bool
	// Cores is how many processors there are to encode with.
	Cores int
	// Encode is how long test pictures are encoded, 30 s when 0.
	Encode time.Duration

	// platformAt is planner.PlatformAt but for tests, whose services are on this machine.
	platformAt func(address string) planner.Platform
	// openEncoder, if set, is what tests have in the place of av.NewVideoEncoder.
	openEncoder func(av.VideoEncoderOptions) (encoder, error)
	measured    bool // UplinkKbps was
	atLeast     bool // and no more was tried
}

// probeTimeout is how long a destination may take to answer.
const probeTimeout = 10 * time.Second

// secretTimeout is how long a keyring may take, which may ask somebody to unlock it.
const secretTimeout = 30 * time.Second

// Run makes every check, calls found with each outcome as it comes, and returns the worst.
// Destinations and disks are looked at while the encoders work. An error is ctx's.
func Run(ctx context.Context, o Options, found func(Finding)) (Verdict, error) {
	if o.Encode == 0 {
		o.Encode = 30 * time.Second
	}
	if o.platformAt == nil {
		o.platformAt = planner.PlatformAt
	}
	worst := Go
	var mu sync.Mutex
	tell := func(f Finding) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return // a check that was cut short has found nothing
		}
		worst = max(worst, f.Verdict)
		f.Text = engine.Plain(f.Text)
		found(f)
	}
	if o.Measure > 0 {
		// Before the encoders work, and one at a time: all is to be for the line.
		if kbps, atLeast := o.measure(ctx, tell); kbps > 0 {
			o.UplinkKbps, o.atLeast, o.measured = kbps, atLeast, true
		}
	}
	tell(o.plan())
	var wg sync.WaitGroup
	for _, d := range o.Show.Destinations {
		if !d.Enabled {
			continue
		}
		if refused := engine.Refusals(o.Show, d, o.Kinds); len(refused) > 0 {
			for _, r := range refused {
				f := Finding{Check: "destination", Subject: d.Name, Verdict: NoGo, Text: fmt.Sprintf("It cannot go live: %v.", r.Err)}
				if r.Backup != "" {
					f.Subject += ", " + r.Backup
				}
				tell(f)
			}
			continue // what its servers say counts for nothing
		}
		wg.Go(func() {
			tell(o.destination(ctx, d.Name, scenes.Ingest{Kind: d.Kind, Settings: d.Settings, Credential: &d.Credential}))
		})
		for _, b := range d.Backups {
			wg.Go(func() { tell(o.destination(ctx, d.Name+", "+b.Name, b)) })
		}
	}
	wg.Go(func() {
		for _, dir := range o.recordDirs() { // one at a time: they may be on one disk
			tell(o.disk(ctx, dir))
		}
	})
	for _, f := range o.encode(ctx) {
		tell(f)
	}
	wg.Wait()
	return worst, ctx.Err()
}

// plan judges the encodes that the show asks for as it is.
func (o Options) plan() Finding {
	f := Finding{Check: "plan", Subject: "Encodes", Verdict: Go}
	req := o.request()
	if len(req.Wants) == 0 {
		f.Verdict, f.Text = Caution, "No destination is enabled: enable one, or add one under Outputs."
		return f
	}
	if o.measured {
		f.UplinkKbps, f.AtLeast = o.UplinkKbps, o.atLeast
	}
	p, err := planner.Make(req)
	switch {
	case err != nil:
		f.Verdict, f.Text = NoGo, strings.TrimPrefix(err.Error(), "planner: ")+": choose another rendition for it, or add one (Outputs, Renditions)."
	case p.Refusal != nil:
		f.Verdict, f.Text, f.Changes = NoGo, p.Refusal.Text, p.Refusal.Changes
	default:
		encodes := len(p.Renditions) + len(p.Layers)
		f.Text = fmt.Sprintf("%s for %s, %.1f Mb/s together.", count(encodes, "encode"), count(len(req.Wants), "destination"), float64(p.UplinkKbps)/1000)
		if used := len(o.live()); used > encodes {
			f.Verdict = Caution
			f.Text += fmt.Sprintf(" The show encodes %d times for them as it is; the plan would save the difference.", used)
		}
		switch usable := planner.UplinkShare * float64(o.UplinkKbps); {
		case o.UplinkKbps == 0:
			f.Text += " What the uplink carries is not known."
		case float64(p.UplinkKbps) > usable: // and more than was tried
			f.Verdict = Caution
			f.Text += fmt.Sprintf(" The uplink carries at least %s; whether it carries that much is not known.", mbps(o.UplinkKbps))
		default:
			f.Text += fmt.Sprintf(" That is %.0f %% of the uplink's %s; up to %.0f %% should be used.",
				100*float64(p.UplinkKbps)/float64(o.UplinkKbps), mbps(o.UplinkKbps), 100*planner.UplinkShare)
		}
	}
	return f
}

// request asks the planner for what the show needs, judged by what is known.
func (o Options) request() planner.Request {
	req := engine.PlanRequest(o.Show, o.Kinds, engine.PlanOptions{UplinkKbps: o.UplinkKbps, Cores: float64(o.Cores)})
	if o.atLeast {
		// A line that carries all that was tried may carry more: too little is not known.
		free := req
		free.UplinkKbps = 0
		if p, err := planner.Make(free); err == nil && float64(p.UplinkKbps) > planner.UplinkShare*float64(o.UplinkKbps) {
			return free
		}
	}
	return req
}

// live are the distinct encodes of pictures of going live to every enabled destination.
func (o Options) live() []scenes.Rendition {
	var ids []string
	for _, d := range o.Show.Destinations {
		if d.Enabled {
			ids = append(append(ids, d.Rendition), d.Simulcast...)
		}
	}
	return o.distinct(ids)
}

// renditions are those, the recordings', the replay buffer's, and the encodes of sources on
// their own.
func (o Options) renditions() []scenes.Rendition {
	var ids []string
	for _, d := range o.Show.Destinations {
		if d.Enabled {
			ids = append(append(ids, d.Rendition), d.Simulcast...)
		}
	}
	for _, r := range o.Show.Recordings {
		ids = append(ids, r.Rendition)
	}
	if !o.Show.Replay.Untouched() {
		ids = append(ids, engine.ReplayRendition(o.Show))
	}
	list := o.distinct(ids)
	for _, v := range o.owns() {
		if v.encode != nil {
			list = append(list, *v.encode)
		}
	}
	return list
}

func (o Options) distinct(ids []string) []scenes.Rendition {
	var list []scenes.Rendition
	seen := map[scenes.Video]bool{}
	for _, id := range ids {
		if r, ok := o.Show.Rendition(id); ok && !seen[r.Video] {
			seen[r.Video] = true
			list = append(list, r)
		}
	}
	return list
}

// destination asks the far end of one of a destination's ingests.
func (o Options) destination(ctx context.Context, name string, d scenes.Ingest) Finding {
	f := Finding{Check: "destination", Subject: name, Verdict: NoGo}
	kind, ok := o.Kinds[d.Kind]
	if !ok {
		f.Text = fmt.Sprintf("This program has no destinations of kind %q.", d.Kind)
		return f
	}
	secret, err := o.secret(ctx, d)
	if err != nil {
		f.Text = err.Error()
		return f
	}
	out, err := kind.New(d.Settings, outputs.Options{BaseDir: o.BaseDir, UserAgent: o.UserAgent, Secret: secret})
	if err != nil {
		f.Text = fmt.Sprintf("Its settings are refused: %v.", err)
		return f
	}
	p, ok := out.(outputs.Prober)
	if !ok {
		f.Verdict, f.Text = Caution, kind.Title+" cannot be tried without sending: it will be known when it is live."
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	said, err := p.Probe(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		f.Text = fmt.Sprintf("Nothing has answered within %v: check the address and the network.", probeTimeout)
	case err != nil:
		f.Text = fmt.Sprintf("%v.", err)
	default:
		f.Verdict, f.Text = Go, said+"."
	}
	return f
}

// secret is a destination's; its error is a sentence for the operator.
func (o Options) secret(ctx context.Context, d scenes.Ingest) (string, error) {
	if d.Credential == nil || *d.Credential == "" || o.Secret == nil {
		return "", nil
	}
	var err error
	secret, answered := supervise.InTime(ctx, secretTimeout, func() string {
		var secret string
		secret, err = o.Secret(*d.Credential, engine.Recipients(o.Show, o.Kinds, d))
		return secret
	})
	switch {
	case !answered:
		return "", sentence(fmt.Sprintf("Its key is kept under %q, and the keyring does not answer: unlock it.", *d.Credential))
	case err != nil:
		return "", sentence(fmt.Sprintf("Its key is kept under %q and cannot be used (%s): enter it again.", *d.Credential, engine.Plain(err.Error())))
	}
	return secret, nil
}

// sentence is an error that the operator reads as it is.
type sentence string

func (s sentence) Error() string { return string(s) }

func mbps(kbps int) string { return fmt.Sprintf("%.1f Mb/s", float64(kbps)/1000) }

func count(n int, what string) string {
	if n == 1 {
		return "One " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
