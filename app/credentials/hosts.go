package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"crosspoint.studio/crosspoint/internal/atomicfile"
)

// A show names its keys and the servers that get them, and may come from somebody else. So a
// secret is told to the site that it was entered for, or first used with, and to no other.

// hostsName is the file of sites: a JSON object of a secret's name to a list. Nothing in it is
// secret.
const hostsName = "key-hosts.json"

// Allow lets the secret under name be told to hosts, and to the rest of their sites, beside
// those it could be told before.
func (s *Store) Allow(name string, hosts ...string) error {
	return s.changeHosts(func(all map[string][]string) bool {
		changed := false
		for _, h := range hosts {
			if at := site(h); at != "" && !slices.Contains(all[name], at) {
				all[name] = append(all[name], at)
				changed = true
			}
		}
		return changed
	})
}

// admit is nil where the secret under name may be told to host, which it is bound to now if it
// was to none.
func (s *Store) admit(name, host string) error {
	at := site(host)
	if at == "" {
		return nil
	}
	all, err := s.readHosts()
	if err != nil {
		return err
	}
	known := all[name]
	switch {
	case slices.Contains(known, at):
		return nil
	case len(known) > 0:
		return fmt.Errorf("credentials: it was entered for %s, and this would tell it to %s", strings.Join(known, " and "), strings.ToLower(host))
	}
	// Where it cannot be written down the next use is again the first.
	_ = s.Allow(name, host)
	return nil
}

// release forgets whom the secret under name may be told.
func (s *Store) release(name string) error {
	return s.changeHosts(func(all map[string][]string) bool {
		_, was := all[name]
		delete(all, name)
		return was
	})
}

// site is what has one owner with host: its registrable domain (publicsuffix.org), or the
// address or name itself; "" of this machine, and of no host.
func site(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		if a.IsLoopback() {
			return ""
		}
		return a.Unmap().WithZone("").String()
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return ""
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
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
		return fmt.Errorf("credentials: writing down whom the key may be told: %w", err)
	}
	return nil
}
