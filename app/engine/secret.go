package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// A keyring may ask somebody to unlock it, and wait for that for ever, or not answer at all. A
// destination waits for its key so long, and for nothing else does anybody.
const (
	secretWithin = 30 * time.Second
	// secretTold is when the operator is told what is waited for.
	secretTold = 3 * time.Second
)

// secretLook is the look for a key, on a goroutine of its own, which is left behind where a
// keyring does not answer.
type secretLook struct {
	name   string
	began  time.Time
	done   chan struct{}
	secret string // when done
	err    error  // the same
}

// lookForSecrets begins to look for the keys of all ingests.
func (v *delivery) lookForSecrets() {
	find := v.d.e.opt.Secret
	for _, l := range v.legs {
		name := *l.def.Credential
		if l.look != nil || name == "" || find == nil {
			continue
		}
		to := Recipients(v.d.e.show, v.d.e.opt.OutputKinds, l.def)
		s := &secretLook{name: name, began: time.Now(), done: make(chan struct{})}
		l.look = s
		go func() {
			defer close(s.done)
			s.secret, s.err = find(s.name, to)
		}()
	}
}

// Recipients are who is told the key of an ingest: its own server, then those that show tells
// the same key. There is none where it encrypts.
func Recipients(show *scenes.Show, kinds map[string]outputs.Kind, in scenes.Ingest) []outputs.Recipient {
	to, told := kinds[in.Kind].SecretTo(in.Settings)
	if !told {
		return nil
	}
	all := []outputs.Recipient{to}
	add := func(kind string, settings json.RawMessage, name string) {
		if r, told := kinds[kind].SecretTo(settings); told && name == *in.Credential {
			all = append(all, r)
		}
	}
	for _, d := range show.Destinations {
		add(d.Kind, d.Settings, d.Credential)
		for _, b := range d.Backups {
			if b.Credential != nil {
				add(b.Kind, b.Settings, *b.Credential)
			}
		}
	}
	return all
}

// secret is the ingest's key, "" for none. The error is a sentence's part for the operator, or
// ctx's.
func (l *leg) secret(ctx context.Context) (string, error) {
	s := l.look
	if s == nil {
		return "", nil
	}
	told, limit := time.NewTimer(time.Until(s.began.Add(secretTold))), time.NewTimer(time.Until(s.began.Add(secretWithin)))
	defer told.Stop()
	defer limit.Stop()
	for {
		select {
		case <-s.done:
			l.waitsFor("")
			if s.err != nil {
				return "", fmt.Errorf("its key is kept under %q and cannot be used (%s): enter it again", s.name, Plain(s.err.Error()))
			}
			return s.secret, nil
		case <-told.C:
			l.waitsFor("waiting for the keyring, which has its key: unlock it if it asks for that")
		case <-limit.C:
			return "", fmt.Errorf("its key is kept under %q, and the keyring did not answer in %d s: unlock it", s.name, secretWithin/time.Second)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// waitsFor tells the operator what keeps the ingest from being opened; empty: nothing does.
func (l *leg) waitsFor(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problem = what
}
