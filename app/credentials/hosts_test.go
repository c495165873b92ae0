package credentials

import (
	"os"
	"strings"
	"testing"
)

// A key is told to the site that it was entered for, however the show has its name; this
// machine, and a passphrase that nobody is told, are not asked about.
func TestKeysAreOfOneSite(t *testing.T) {
	with(t, func(t *testing.T, s *Store, _ bool) {
		refused := func(host, site string) {
			t.Helper()
			got, err := s.Get("tube", host)
			if err == nil || got != "" {
				t.Errorf("%s is told %q", host, got)
			} else if said := err.Error(); !strings.Contains(said, site) || !strings.Contains(said, host) || strings.Contains(said, key) {
				t.Errorf("%s: %q does not say where the key belongs and where it would go", host, said)
			}
		}
		told := func(hosts ...string) {
			t.Helper()
			for _, host := range hosts {
				if got, err := s.Get("tube", host); got != key || err != nil {
					t.Errorf("%q is told %q, %v", host, got, err)
				}
			}
		}
		set := func(allow ...string) {
			t.Helper()
			if err := s.Set("tube", key); err != nil {
				t.Fatal(err)
			}
			if err := s.Allow("tube", allow...); err != nil {
				t.Fatal(err)
			}
		}
		set("a.rtmp.youtube.com")
		told("a.rtmp.youtube.com", "b.RTMP.youtube.com.", "", "localhost", "127.0.0.7", "::1", "::ffff:127.0.0.1")
		for _, host := range []string{"evil.example", "youtube.com.evil.example", "192.0.2.7", "notyoutube.com"} {
			refused(host, "youtube.com")
		}
		if err := s.Allow("tube", "192.0.2.7", "ingest"); err != nil {
			t.Fatal(err)
		}
		told("192.0.2.7", "::ffff:192.0.2.7", "ingest", "youtube.com")
		refused("192.0.2.8", "192.0.2.7")

		set() // entered again: nothing is known of whom it is for
		told("", "localhost", "mine.github.io")
		refused("theirs.github.io", "mine.github.io") // whose owners differ
		refused("youtube.com", "mine.github.io")
		if err := s.Delete("tube"); err != nil {
			t.Fatal(err)
		}
		set()
		told("youtube.com")

		if err := os.WriteFile(s.hostsPath(), []byte("["), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get("tube", "youtube.com"); err == nil || !strings.Contains(err.Error(), s.hostsPath()) {
			t.Errorf("with a damaged file of sites: %v", err)
		}
	})
}
