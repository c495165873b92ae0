// Package logtail keeps the newest records of the log for somebody to read while the
// program runs, and passes them on.
//
// Threads: everything may be called by any goroutine; a mutex is held only to copy.
// Ownership: records are values. What this package does not do: write files, keep
// what is older than its ring, or let a secret in: values under telling names, what
// follows the host in an address, and every text given to Hide are left out.
package logtail

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Capacity is how many records a Tail keeps; older ones are forgotten.
const Capacity = 500

// leastSecret is the shortest text that Hide looks for: shorter ones are part of
// ordinary words.
const leastSecret = 4

// hidden stands where a secret was.
const hidden = "…"

// Record is one line of the log.
type Record struct {
	// Seq counts records from 1 and never repeats; a gap says that the ring was too
	// small for whoever reads.
	Seq   int64
	Time  time.Time
	Level slog.Level
	// Text is the message with its facts behind it, as in "source opened id=cam1".
	Text string
}

// Tail is the ring.
type Tail struct {
	level slog.Leveler

	mu      sync.Mutex
	ring    [Capacity]Record // guarded by mu; record seq is at seq % Capacity
	last    int64            // guarded by mu: Seq of the newest
	secrets []string         // guarded by mu
}

// New makes an empty Tail that keeps records of at least that level.
func New(level slog.Leveler) *Tail { return &Tail{level: level} }

// Hide makes secret appear in no record from now on. Texts of under four bytes are
// not looked for.
func (t *Tail) Hide(secret string) {
	if len(secret) < leastSecret {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.secrets {
		if s == secret {
			return
		}
	}
	t.secrets = append(t.secrets, secret)
}

// Since returns the records that came after the one with that Seq, oldest first; 0
// asks for all that are kept. It does not block.
func (t *Tail) Since(seq int64) []Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := max(seq+1, t.last-Capacity+1, 1)
	if first > t.last {
		return nil
	}
	out := make([]Record, 0, t.last-first+1)
	for n := first; n <= t.last; n++ {
		out = append(out, t.ring[n%Capacity])
	}
	return out
}

func (t *Tail) add(r slog.Record, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, hidden)
	}
	t.last++
	t.ring[t.last%Capacity] = Record{Seq: t.last, Time: r.Time, Level: r.Level, Text: text}
}

// Handler keeps records in t and passes them on to next, which has its own level.
func (t *Tail) Handler(next slog.Handler) slog.Handler { return &handler{tail: t, next: next} }

type handler struct {
	tail  *Tail
	next  slog.Handler
	group string // with a dot behind it, or empty
	facts string // of WithAttrs, each after a space
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.tail.level.Level() || h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= h.tail.level.Level() {
		var b strings.Builder
		b.WriteString(withoutPaths(r.Message))
		b.WriteString(h.facts)
		r.Attrs(func(a slog.Attr) bool {
			write(&b, h.group, a)
			return true
		})
		h.tail.add(r, b.String())
	}
	if h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.next = h.next.WithAttrs(attrs)
	var b strings.Builder
	b.WriteString(h.facts)
	for _, a := range attrs {
		write(&b, h.group, a)
	}
	n.facts = b.String()
	return &n
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	n := *h
	n.next = h.next.WithGroup(name)
	if name != "" {
		n.group += name + "."
	}
	return &n
}

// write adds " group.key=value".
func write(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			write(b, group, inner)
		}
		return
	}
	text := hidden
	if !telling.MatchString(a.Key) {
		text = withoutPaths(v.String())
	}
	if strings.ContainsAny(text, " \t\n\"") {
		text = "“" + strings.Join(strings.Fields(text), " ") + "”"
	}
	b.WriteString(" " + group + a.Key + "=" + text)
}

// telling are names of facts whose value is a secret, should anybody ever log one.
var telling = regexp.MustCompile(`(?i)(^|_|-)(stream_?key|key|token|secret|password|passphrase|credential|authorization)$`)

// addresses are URLs within a text.
var addresses = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)

// withoutPaths cuts every address in a text after its host: stream keys and tokens
// live in paths and queries.
func withoutPaths(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return addresses.ReplaceAllStringFunc(text, func(s string) string {
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "file" {
			if err != nil {
				return hidden
			}
			return s
		}
		short := u.Scheme + "://" + u.Host
		if u.User != nil || len(u.Path) > 1 || u.RawQuery != "" || u.Fragment != "" {
			short += "/" + hidden
		}
		return short
	})
}
