package credentials

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

const key = "live_secret_1234"

// with runs a test against a machine with and one without a keyring.
func with(t *testing.T, test func(t *testing.T, s *Store, ring bool)) {
	t.Run("keyring", func(t *testing.T) {
		keyring.MockInit()
		test(t, New(filepath.Join(t.TempDir(), "new")), true)
	})
	t.Run("file", func(t *testing.T) {
		keyring.MockInitWithError(errors.New("no secret service"))
		test(t, New(filepath.Join(t.TempDir(), "new")), false)
	})
}

func TestSetGetDelete(t *testing.T) {
	with(t, func(t *testing.T, s *Store, ring bool) {
		if s.Where("tube") != "" {
			t.Error("an empty store has something")
		}
		if err := s.Set("tube", "old"); err != nil {
			t.Fatal(err)
		}
		if err := s.Set("tube", key); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get("tube"); got != key || err != nil {
			t.Errorf("Get = %q, %v", got, err)
		}
		info, err := os.Stat(s.path)
		switch {
		case ring && !errors.Is(err, os.ErrNotExist):
			t.Errorf("with a keyring there is a file too: %v", err)
		case !ring && err != nil:
			t.Error(err)
		case !ring && modeTells && info.Mode().Perm() != 0o600:
			t.Errorf("the file has mode %v; want 0600", info.Mode())
		}
		if err := s.Delete("tube"); err != nil || s.Where("tube") != "" {
			t.Errorf("Delete: %v; still there: %q", err, s.Where("tube"))
		}
		if err := s.Delete("tube"); !errors.Is(err, ErrNotKept) {
			t.Errorf("Delete of nothing: %v", err)
		}
		if _, err := s.Get("tube"); !errors.Is(err, ErrNotKept) {
			t.Errorf("Get of nothing: %v", err)
		}
		for _, pair := range [][2]string{{"", key}, {"tube", ""}} {
			if err := s.Set(pair[0], pair[1]); err == nil || strings.Contains(err.Error(), key) {
				t.Errorf("Set(%q, …): %v", pair[0], err)
			}
		}
	})
}

func TestKeyringTakesOverFromTheFile(t *testing.T) {
	keyring.MockInitWithError(errors.New("locked"))
	s := New(t.TempDir())
	for name, v := range map[string]string{"a": "from file", "b": "stays"} {
		if err := s.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	keyring.MockInit()
	if got, err := s.Get("a"); got != "from file" || err != nil {
		t.Errorf("Get of what the file keeps = %q, %v", got, err)
	}
	if err := s.Set("a", key); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(s.path)
	if err != nil || strings.Contains(string(raw), "from file") || !strings.Contains(string(raw), "stays") {
		t.Errorf("the file has %s, %v; want b alone", raw, err)
	}
	if got, _ := s.Get("a"); got != key {
		t.Errorf("Get = %q; want the keyring's", got)
	}
}

// A keyring that is locked while a secret is set still has the one before under that name.
func TestASecretTheKeyringRefusedIsTheNewerOne(t *testing.T) {
	keyring.MockInitWithError(errors.New("locked"))
	s := New(t.TempDir())
	if err := s.Set("tube", key); err != nil {
		t.Fatal(err)
	}
	keyring.MockInit()
	if err := keyring.Set(service, "tube", "old"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("tube"); got != key || err != nil {
		t.Errorf("Get = %q, %v; want what was set last", got, err)
	}
	if got := s.Where("tube"); got != s.path {
		t.Errorf("Where = %q, want the file", got)
	}
	if err := s.Set("tube", "newest"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("tube"); got != "newest" || err != nil || s.Where("tube") != "the keyring" {
		t.Errorf("unlocked, Get = %q, %v from %s", got, err, s.Where("tube"))
	}
	if err := s.Delete("tube"); err != nil || s.Where("tube") != "" {
		t.Errorf("Delete: %v; still there: %q", err, s.Where("tube"))
	}
}

func TestABadFileIsLeftAlone(t *testing.T) {
	keyring.MockInitWithError(errors.New("none"))
	for _, c := range []struct {
		name, content, want string
		mode                os.FileMode
	}{
		{"not JSON", `{"a": "` + key, "is not a JSON object", 0o600},
		{"open to others", `{"a": "` + key + `"}`, "can be read by others", 0o644},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(t.TempDir())
			if err := os.WriteFile(s.path, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			_, gerr := s.Get("a")
			for _, err := range []error{gerr, s.Set("a", "new"), s.Delete("a")} {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
					t.Errorf("%v; want %q and no secret", err, c.want)
				}
			}
			if raw, err := os.ReadFile(s.path); string(raw) != c.content || err != nil {
				t.Errorf("the file is now %s, %v", raw, err)
			}
		})
	}
}
