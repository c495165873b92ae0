package credentials

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"crosspoint.studio/crosspoint/outputs"
)

func encrypted(host string) outputs.Recipient { return outputs.Recipient{Host: host} }

func clear(host string) outputs.Recipient { return outputs.Recipient{Host: host, Clear: true} }

// asker asks a store for the key "tube".
type asker struct {
	*testing.T
	*Store
}

// refused: to is not told, and the error has all words and no key.
func (a asker) refused(to outputs.Recipient, words ...string) {
	a.Helper()
	got, err := a.Get("tube", to)
	if err == nil || got != "" {
		a.Errorf("%v is told %q", to, got)
		return
	}
	for _, w := range append(words, to.Host) {
		if said := err.Error(); !strings.Contains(said, w) || strings.Contains(said, key) {
			a.Errorf("%v: %q does not say %q, or says the key", to, said, w)
		}
	}
}

// told: the first is, in a show that has the others too.
func (a asker) told(to ...outputs.Recipient) {
	a.Helper()
	if got, err := a.Get("tube", to...); got != key || err != nil {
		a.Errorf("%v is told %q, %v", to, got, err)
	}
}

func (a asker) do(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// A key is told to the site that it was entered for, however the show has its name; this
// machine, and nobody, are not asked about.
func TestKeysAreOfTheirSites(t *testing.T) {
	with(t, func(t *testing.T, s *Store, _ bool) {
		a := asker{t, s}
		a.do(s.Set("tube", key))
		a.do(s.Bind("tube", encrypted("a.rtmp.youtube.com"), encrypted("localhost")))
		for _, host := range []string{"a.rtmp.youtube.com", "b.RTMP.youtube.com.", "localhost", "127.0.0.7", "::1", "::ffff:127.0.0.1"} {
			a.told(encrypted(host))
		}
		a.told()
		for _, host := range []string{"evil.example", "youtube.com.evil.example", "192.0.2.7", "notyoutube.com"} {
			a.refused(encrypted(host), "youtube.com")
		}
		a.do(s.Allow("tube", encrypted("192.0.2.7"), encrypted("ingest")))
		for _, host := range []string{"192.0.2.7", "::ffff:192.0.2.7", "ingest", "youtube.com"} {
			a.told(encrypted(host))
		}
		a.refused(encrypted("192.0.2.8"), "192.0.2.7")
		if got, want := s.For("tube"), "youtube.com and 192.0.2.7 and ingest"; got != want {
			t.Errorf("it is for %q, want %q", got, want)
		}

		a.do(os.WriteFile(s.hostsPath(), []byte("["), 0o600))
		if _, err := s.Get("tube", encrypted("youtube.com")); err == nil || !strings.Contains(err.Error(), s.hostsPath()) {
			t.Errorf("with a damaged file of sites: %v", err)
		}
	})
}

// A key that was entered without a server is for those that the show has at its first use, and a
// key that was entered again is for nobody of before.
func TestFirstUseBindsAKey(t *testing.T) {
	with(t, func(t *testing.T, s *Store, _ bool) {
		a := asker{t, s}
		a.do(s.Set("tube", key))
		a.do(s.Allow("tube", encrypted("else.example"))) // adds to nothing
		a.told(encrypted("localhost"))
		if got := s.For("tube"); got != "" {
			t.Errorf("this machine bound it to %q", got)
		}
		a.told(encrypted("mine.github.io"), clear("backup.example"), encrypted("localhost"))
		a.told(clear("backup.example"), encrypted("mine.github.io"))
		a.refused(encrypted("theirs.github.io"), "mine.github.io") // whose owners differ
		a.refused(encrypted("else.example"), "mine.github.io", "backup.example")

		a.do(s.Set("tube", key))
		a.told(encrypted("else.example"))
		a.refused(encrypted("mine.github.io"), "else.example")
		a.do(s.Delete("tube"))
		a.do(s.Set("tube", key))
		a.told(encrypted("mine.github.io"))
	})
}

// What only encrypts is told to nobody later, and what was told encrypted is not told in clear.
func TestKeysAreNotToldInClear(t *testing.T) {
	with(t, func(t *testing.T, s *Store, _ bool) {
		a := asker{t, s}
		a.do(s.Set("tube", key))
		a.told() // a passphrase of SRT
		a.told()
		a.refused(encrypted("srt.example"), "no server")
		if got := s.For("tube"); got != "no server" {
			t.Errorf("it is for %q", got)
		}

		a.do(s.Bind("tube", encrypted("a.example"), clear("b.example")))
		a.told(encrypted("a.example"))
		a.told(encrypted("b.example"))
		a.told(clear("b.example"))
		a.refused(clear("a.example"), "entered for a.example", "tell it to a.example unencrypted")
		a.do(s.Allow("tube", clear("a.example")))
		a.told(clear("a.example"))
	})
}

// A key that cannot be kept leaves the old one, and whom it is for.
func TestKeyThatIsNotKeptStaysBound(t *testing.T) {
	keyring.MockInitWithError(errors.New("no secret service"))
	s := New(t.TempDir())
	a := asker{t, s}
	a.do(s.Set("tube", key))
	a.do(s.Bind("tube", encrypted("a.example")))
	a.do(os.Remove(s.path))
	a.do(os.Mkdir(s.path, 0o700))
	if err := s.Set("tube", "another"); err == nil {
		t.Fatal("it was kept in a folder")
	}
	if got := s.For("tube"); got != "a.example" {
		t.Errorf("it is for %q now", got)
	}
}
