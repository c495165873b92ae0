// Package credentials keeps stream keys, tokens and passphrases outside the show:
// in the system's keyring, or where there is none in a file that only the user may
// read. A show only names them, and does not say whom they may be told.
//
// Threads: a Store may be used by any goroutine; every call may block for as long as
// the keyring does (it may ask the user to unlock it). Ownership: strings. What this
// package does not do: log, or say a secret in an error.
package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/zalando/go-keyring"

	"crosspoint.studio/crosspoint/internal/atomicfile"
	"crosspoint.studio/crosspoint/outputs"
)

// service is what the program's entries in the keyring are filed under.
const service = "crosspoint"

// fileName is the fallback: a JSON object of names to secrets, mode 0600.
const fileName = "credentials.json"

// ErrNotKept is wrapped by Get and Delete for a name that nothing is kept under.
var ErrNotKept = errors.New("nothing is kept under that name")

// Store is where secrets are.
type Store struct {
	path string // of the fallback

	mu sync.Mutex // one change of the file at a time
}

// New makes a store whose fallback file is in dir. Nothing is opened.
func New(dir string) *Store { return &Store{path: filepath.Join(dir, fileName)} }

// Dir is the user's folder for the fallback file.
func Dir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("credentials: finding the configuration folder: %w", err)
	}
	return filepath.Join(dir, "crosspoint"), nil
}

// Get looks up a secret that the first of these is to be told, and the others elsewhere in the
// show; none where it encrypts, and nobody is told. The error wraps ErrNotKept, or says what keeps
// the file from being used, or that the secret is another site's (hosts.go).
func (s *Store) Get(name string, to ...outputs.Recipient) (string, error) {
	v, _, err := s.find(name)
	if err == nil {
		err = s.admit(name, to)
	}
	if err != nil {
		return "", err
	}
	return v, nil
}

// Where says in words where the secret under name is kept, "" where there is none that can be
// read.
func (s *Store) Where(name string) string {
	_, where, _ := s.find(name) // which is "" after an error
	return where
}

// find looks in the file first: what it has is newer than what a keyring, which refused to
// take it, may have under the same name (see Set).
func (s *Store) find(name string) (secret, where string, err error) {
	all, err := s.read()
	if v, ok := all[name]; ok {
		return v, s.path, nil
	}
	if v, err := keyring.Get(service, name); err == nil {
		return v, "the keyring", nil
	}
	if err != nil {
		return "", "", err
	}
	return "", "", fmt.Errorf("credentials: %w, neither in the keyring nor in %s", ErrNotKept, s.path)
}

// InFile are the names that the fallback file has, sorted. A keyring tells no names.
func (s *Store) InFile() ([]string, error) {
	all, err := s.read()
	return slices.Sorted(maps.Keys(all)), err
}

// Set keeps a secret under name, in place of what was there. It is bound to nobody until Bind or
// its first use.
func (s *Store) Set(name, secret string) error {
	if name == "" || secret == "" {
		return errors.New("credentials: a name and a secret are needed")
	}
	if err := s.keep(name, secret); err != nil {
		return err
	}
	return s.release(name)
}

func (s *Store) keep(name, secret string) error {
	if keyring.Set(service, name, secret) == nil {
		// What an earlier start without a keyring kept is old now.
		return s.change(func(all map[string]string) bool {
			_, old := all[name]
			delete(all, name)
			return old
		})
	}
	return s.change(func(all map[string]string) bool {
		all[name] = secret
		return true
	})
}

// Delete forgets what is kept under name. The error wraps ErrNotKept when there was
// nothing.
func (s *Store) Delete(name string) error {
	inRing := keyring.Delete(service, name) == nil
	inFile := false
	err := s.change(func(all map[string]string) bool {
		_, inFile = all[name]
		delete(all, name)
		return inFile
	})
	if err == nil && !inRing && !inFile {
		return fmt.Errorf("credentials: %w", ErrNotKept)
	}
	return errors.Join(err, s.release(name))
}

// read is the file's content; no file is an empty one.
func (s *Store) read() (map[string]string, error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if modeTells && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("credentials: %s can be read by others: chmod 600 it first", s.path)
	}
	raw, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	all := map[string]string{}
	if json.Unmarshal(raw, &all) != nil { // its error may quote a secret
		return nil, fmt.Errorf("credentials: %s is not a JSON object of names and secrets", s.path)
	}
	return all, nil
}

// change edits the file and writes it where edit says that it did something.
func (s *Store) change(edit func(map[string]string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.read()
	if err != nil {
		return err
	}
	if !edit(all) {
		return nil
	}
	if err := s.write(all); err != nil {
		return fmt.Errorf("credentials: there is no keyring, and writing the file instead: %w", err)
	}
	return nil
}

func (s *Store) write(all map[string]string) error {
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(s.path, append(raw, '\n'), 0o600)
}
