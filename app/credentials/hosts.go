package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/internal/atomicfile"
	"crosspoint.studio/crosspoint/outputs"
)

// A show names its keys and the servers that get them, and may come from somebody else. So a
// secret is told to the sites that it was entered for, or first used with, and to no other; and
// unencrypted only where it was entered so.

// hostsName is the file of sites: a JSON object of a secret's name to a list, which is empty
// where nobody is told. A name that is not there is bound to nobody yet. Nothing in it is secret.
const hostsName = "key-hosts.json"

// unencrypted stands behind a site that may be told a secret without encryption too.
const unencrypted = " unencrypted"

// place is an entry of the file; "" for this machine, which is told everything.
func place(to outputs.Recipient) string {
	at := outputs.Site(to.Host)
	if at != "" && to.Clear {
		at += unencrypted
	}
	return at
}

func places(list []outputs.Recipient) []string {
	at := []string{} // nobody, and not none
	for _, to := range list {
		if p := place(to); p != "" && !slices.Contains(at, p) {
			at = append(at, p)
		}
	}
	return at
}

// Bind lets the secret under name be told to these and to nobody else.
func (s *Store) Bind(name string, to ...outputs.Recipient) error {
	return s.changeHosts(func(all map[string][]string) bool {
		all[name] = places(to)
		return true
	})
}

// Allow lets the secret under name be told to these too, if it is bound: else its next use binds
// it.
func (s *Store) Allow(name string, to ...outputs.Recipient) error {
	return s.changeHosts(func(all map[string][]string) bool {
		known, bound := all[name]
		if !bound {
			return false
		}
		changed := false
		for _, p := range places(to) {
			if !slices.Contains(known, p) {
				known, changed = append(known, p), true
			}
		}
		all[name] = known
		return changed
	})
}

// For says in words whom the secret under name may be told; "" where that is not known yet.
func (s *Store) For(name string) string {
	all, err := s.readHosts()
	known, bound := all[name]
	if err != nil || !bound {
		return ""
	}
	return words(known)
}

// admit is nil where the secret under name may be told to the first of these, or to nobody. It
// is bound to all of them, if it was not bound.
func (s *Store) admit(name string, to []outputs.Recipient) (refused error) {
	err := s.changeHosts(func(all map[string][]string) bool {
		known, bound := all[name]
		if !bound {
			at := places(to)
			all[name] = at
			return len(to) == 0 || len(at) > 0 // this machine alone binds nothing
		}
		if len(to) == 0 {
			return false
		}
		p := place(to[0])
		if p != "" && !slices.Contains(known, p) && !slices.Contains(known, p+unencrypted) {
			refused = fmt.Errorf("credentials: it was entered for %s, and this would tell it to %s%s", words(known), strings.ToLower(to[0].Host), strings.TrimPrefix(p, outputs.Site(to[0].Host)))
		}
		return false
	})
	if errors.Is(err, errNotWritten) {
		err = nil // the next use is the first again
	}
	return errors.Join(err, refused)
}

func words(known []string) string {
	if len(known) == 0 {
		return "no server"
	}
	return strings.Join(known, " and ")
}

// release forgets whom the secret under name may be told.
func (s *Store) release(name string) error {
	return s.changeHosts(func(all map[string][]string) bool {
		_, was := all[name]
		delete(all, name)
		return was
	})
}

func (s *Store) hostsPath() string { return filepath.Join(filepath.Dir(s.path), hostsName) }

func (s *Store) readHosts() (map[string][]string, error) {
	all := map[string][]string{}
	raw, err := os.ReadFile(s.hostsPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return all, nil
	case err != nil:
		return nil, fmt.Errorf("credentials: whom keys may be told cannot be read: %w", err)
	case json.Unmarshal(raw, &all) != nil:
		return nil, fmt.Errorf("credentials: %s is damaged; without it each key is bound again to where it is used next", s.hostsPath())
	}
	return all, nil
}

// errNotWritten is wrapped by changeHosts.
var errNotWritten = errors.New("whom keys may be told cannot be written down")

// changeHosts edits the file and writes it where edit says that it did something.
func (s *Store) changeHosts(edit func(map[string][]string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.readHosts()
	if err != nil {
		return err
	}
	if !edit(all) {
		return nil
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(s.hostsPath(), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("credentials: %w: %w", errNotWritten, err)
	}
	return nil
}
