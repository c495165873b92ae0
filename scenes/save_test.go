package scenes

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSaveKeepsTheOldShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show.json")
	first := mustParse(t, `{"format":2,"name":"first"}`)
	second, err := first.SetName("second")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Show{first, second, second} { // the third changes nothing
		if err := s.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	for p, want := range map[string]string{path: "second", path + ".bak": "first"} {
		s, err := Load(p)
		if err != nil || s.Name != want {
			t.Errorf("%s: %v, %v; want %q", filepath.Base(p), s, err, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(files)+len(hidden) != 2 {
		t.Errorf("files left: %v %v", files, hidden)
	}
}

// A show may have passwords in it: a new one is nobody else's to read. What its user has made of an
// old one's mode is kept.
func TestSaveKeepsPasswordsPrivate(t *testing.T) {
	for _, c := range []struct {
		what                 string
		show, backup         fs.FileMode // 0: there is none
		wantShow, wantBackup fs.FileMode
	}{
		{"new", 0, 0, 0o600, 0},
		{"shared, first backup", 0o644, 0, 0o644, 0o600},
		{"shared with its backup", 0o664, 0o644, 0o664, 0o644},
		{"made private since", 0o600, 0o644, 0o600, 0o600},
	} {
		path := filepath.Join(t.TempDir(), "show.json")
		for p, mode := range map[string]fs.FileMode{path: c.show, path + ".bak": c.backup} {
			if mode == 0 {
				continue
			}
			if err := os.WriteFile(p, []byte(`{"format":2,"name":"before"}`), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(p, mode); err != nil { // whatever the umask is
				t.Fatal(err)
			}
		}
		if err := Default().Save(path); err != nil {
			t.Fatal(err)
		}
		for p, want := range map[string]fs.FileMode{path: c.wantShow, path + ".bak": c.wantBackup} {
			info, err := os.Stat(p)
			switch {
			case want == 0 && errors.Is(err, fs.ErrNotExist):
			case err != nil:
				t.Errorf("%s: %v", c.what, err)
			case info.Mode().Perm() != want:
				t.Errorf("%s: %s has mode %o, want %o", c.what, filepath.Base(p), info.Mode().Perm(), want)
			}
		}
	}
}

// A save that fails or a machine that dies at any step leaves the old show or
// the new one, whole.
func TestSaveIsAtomic(t *testing.T) {
	errDisk := errors.New("no space left on device")
	for step := 1; ; step++ {
		path := filepath.Join(t.TempDir(), "show.json")
		old := mustParse(t, `{"format":2,"name":"old"}`)
		if err := old.Save(path); err != nil {
			t.Fatal(err)
		}
		oldText := read(t, path)
		n, err := old.SetName("new")
		if err != nil {
			t.Fatal(err)
		}
		newText, err := n.Encode()
		if err != nil {
			t.Fatal(err)
		}
		calls, failed := 0, ""
		fail := func(name string) error {
			if calls++; calls == step {
				failed = name
				return errDisk
			}
			return nil
		}
		err = n.save(path, disk{
			write: func(f *os.File, data []byte) error {
				if err := fail("write"); err != nil {
					_, _ = f.Write(data[:len(data)/2]) // a short write
					return err
				}
				return realDisk.write(f, data)
			},
			sync: func(f *os.File) error {
				if err := fail("sync"); err != nil {
					return err
				}
				return realDisk.sync(f)
			},
			rename: func(from, to string) error {
				if err := fail("rename"); err != nil {
					return err
				}
				return realDisk.rename(from, to)
			},
			syncDir: func(dir string) error {
				if err := fail("syncDir"); err != nil {
					return err
				}
				return realDisk.syncDir(dir)
			},
		})
		if failed == "" {
			if step != 9 {
				t.Errorf("a save has %d steps, want 8 (write, sync, rename, syncDir, twice)", step-1)
			}
			return
		}
		want := oldText
		if err == nil {
			want = string(newText)
		} else if !errors.Is(err, errDisk) {
			t.Errorf("step %d: %v", step, err)
		}
		if failed != "syncDir" && err == nil {
			t.Errorf("step %d: a failed %s was not reported", step, failed)
		}
		if got := read(t, path); got != want {
			t.Errorf("step %d (%s): the show is neither the old one nor the new one:\n%s", step, failed, got)
		}
		if tmp, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(tmp) != 0 {
			t.Errorf("step %d (%s): left behind %v", step, failed, tmp)
		}
	}
}

func TestSaveRefusesANewerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show.json")
	const text = "\ufeff" + `{"format":3,"stinger":{"file":"x"}}` // as a Windows editor leaves it
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var newer *NewerFormatError
	if err := Default().Save(path); !errors.As(err, &newer) {
		t.Errorf("Save over a newer format: %v", err)
	}
	if _, err := Load(path); !errors.As(err, &newer) {
		t.Errorf("Load of a newer format: %v", err)
	}
	if got := read(t, path); got != text {
		t.Errorf("the newer show was changed to %s", got)
	}
}

func TestSaveKeepsBrokenFilesApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show.json")
	for p, text := range map[string]string{path: `{"format":2,`, path + ".bak": "good"} {
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Default().Save(path); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".bak") + read(t, path+".broken"); got != `good{"format":2,` {
		t.Errorf("kept %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want that of the file before", info.Mode(), err)
	}
}

func TestSaveThroughALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	if err := Default().Save(target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	n, err := Default().SetName("linked")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Save(link); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(target); err != nil || s.Name != "linked" {
		t.Errorf("the link's target: %v, %v", s, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced by a file")
	}
}

func TestSaveRefusesMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show.json")
	s := *Default()
	s.Start.Program = "nowhere"
	var invalid *InvalidError
	if err := s.Save(path); !errors.As(err, &invalid) {
		t.Errorf("Save of a show with a mistake: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

func TestLoadErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	// A made-up past: format 0 had no list, format 1 called the name a title.
	table := []migration{
		{0, "never applied", func(map[string]any) error { return errors.New("applied") }},
		{1, "title becomes name", func(doc map[string]any) error {
			doc["name"] = doc["title"]
			delete(doc, "title")
			return nil
		}},
	}
	c, err := examine([]byte(`{"format":1,"title":"Old","canvas":{"width":1280.0}}`), nil, table)
	if err != nil {
		t.Fatal(err)
	}
	if m := c.mistakes(); len(m) != 0 {
		t.Errorf("mistakes after the migration: %v", m)
	}
	var doc map[string]any
	if err := json.Unmarshal(c.raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc["format"] != 2.0 || doc["name"] != "Old" || doc["title"] != nil {
		t.Errorf("migrated to %s", c.raw)
	}

	order := ""
	step := func(from int) migration {
		return migration{from, "step", func(map[string]any) error { order += string(rune('0' + from)); return nil }}
	}
	root, _ := parseTree([]byte(`{"format":1}`))
	raw, err := migrate(root, []migration{step(0), step(1), step(2), step(3)})
	if err != nil || order != "123" || string(raw) != `{"format":4}` {
		t.Errorf("from format 1 through steps %q to %s, %v; want 123 to format 4", order, raw, err)
	}
	table[1].apply = func(map[string]any) error { return errors.New("no title") }
	if _, err := examine([]byte(`{"format":1}`), nil, table); err == nil || !strings.Contains(err.Error(), "from format 1 to 2 (title becomes name): no title") {
		t.Errorf("a failing migration: %v", err)
	}
	for i, m := range migrations {
		if m.from != Format-len(migrations)+i {
			t.Errorf("migrations[%d] starts at format %d; the table must end at %d without gaps", i, m.from, Format)
		}
	}
}
