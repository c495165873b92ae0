package app

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/app/credentials"
	"crosspoint.studio/crosspoint/app/document"
	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/internal/host"
	"crosspoint.studio/crosspoint/internal/logtail"
	"crosspoint.studio/crosspoint/outputs"
)

// The window's services, in its own terms.

// documents is ui.Documents.
type documents struct{ *document.Manager }

// Info implements ui.Documents.
func (d documents) Info() ui.DocumentInfo {
	i := d.Manager.Info()
	return ui.DocumentInfo{Path: i.Path, Name: i.Name, Dirty: i.Dirty, ReadOnly: i.ReadOnly, Unkept: i.Unkept, FirstRun: i.FirstRun}
}

// Save implements ui.Documents.
func (d documents) Save() error {
	err := d.Manager.Save()
	if errors.Is(err, document.ErrNoPath) {
		return ui.ErrNoPath
	}
	return err
}

// Recent implements ui.Documents.
func (d documents) Recent() []ui.RecentShow {
	var out []ui.RecentShow
	for _, r := range d.Manager.Recent() {
		out = append(out, ui.RecentShow(r))
	}
	return out
}

// Recovery implements ui.Documents.
func (d documents) Recovery() (ui.RecoveredShow, bool) {
	r, ok := d.Manager.Recovery()
	return ui.RecoveredShow(r), ok
}

// vault is ui.Credentials; what is kept stays out of the log.
type vault struct {
	*credentials.Store
	tail *logtail.Tail
}

// Set implements ui.Credentials.
func (v vault) Set(name, secret string, to ...outputs.Recipient) error {
	v.tail.Hide(secret)
	if err := v.Store.Set(name, secret); err != nil {
		return err
	}
	return v.Bind(name, to...)
}

// diskSilent is how long the disk of recordings may take to say what is left before that counts
// as not known.
const diskSilent = 5 * time.Second

// machine is ui.Machine. A disk whose server is gone keeps a goroutine of it for good, one in all.
type machine struct {
	dir  string                          // where recordings go
	free func(dir string) (int64, error) // host.FreeBytes; it may never return

	mu      sync.Mutex // guards what follows
	sampler *host.Sampler
	asking  bool      // free has not returned
	asked   time.Time // when it was called last
	left    int64     // what it said last; -1 is not known
}

func newMachine(dir string, sampler *host.Sampler) *machine {
	return &machine{dir: dir, free: host.FreeBytes, sampler: sampler, left: -1}
}

// Sample implements ui.Machine. What is left of the disk is as it was at the Sample before.
func (m *machine) Sample() ui.MachineStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.sampler.Sample()
	if !m.asking {
		m.asking, m.asked = true, time.Now()
		go m.ask()
	}
	s := ui.MachineStats{CPU: f.CPU, Cores: f.Cores, RSS: f.RSSBytes, DiskFree: m.left}
	if time.Since(m.asked) >= diskSilent {
		s.DiskFree = -1
	}
	return s
}

// ask finds out what is left.
func (m *machine) ask() {
	left, err := m.free(m.dir)
	if err != nil {
		left = -1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asking, m.left = false, left
}

// logs is ui.Logs.
type logs struct {
	*logtail.Tail
	level *slog.LevelVar // of the Tail
}

// Keep implements ui.Logs.
func (l logs) Keep(least slog.Level) { l.level.Set(least) }

// Since implements ui.Logs.
func (l logs) Since(seq int64) []ui.LogRecord {
	var out []ui.LogRecord
	for _, r := range l.Tail.Since(seq) {
		out = append(out, ui.LogRecord(r))
	}
	return out
}

// Streams implements ui.Rehearsal.
func (r *rehearsing) Streams() []ui.RehearsalStream {
	var out []ui.RehearsalStream
	for _, v := range r.reports() {
		s := ui.RehearsalStream{ID: v.ID, Title: v.Title(), State: string(v.State)}
		v.Facts(func(name, value string) { s.Facts = append(s.Facts, ui.Fact{Name: name, Value: value}) })
		for _, text := range append([]string{v.Problem}, v.Warnings...) {
			if text != "" {
				s.Problems = append(s.Problems, text)
			}
		}
		out = append(out, s)
	}
	return out
}
