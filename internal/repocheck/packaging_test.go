package repocheck

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoIsLookedAtFirst: a Go that cannot build the program is said before anything is
// installed or built.
func TestGoIsLookedAtFirst(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "\nsetup:\n\t@packaging/go.sh $(GO)\n") {
		t.Error("setup does not begin with packaging/go.sh")
	}
	for version, ok := range map[string]bool{
		"": false, "go1.19.8": false, "go1.24.9": false, "go1.9": false,
		"go1.25.0": true, "go1.25": true, "go1.30.1": true, "go2.0": true, "devel go1.26-abcdef Tue": true,
	} {
		old := filepath.Join(t.TempDir(), "go")
		if err := os.WriteFile(old, fmt.Appendf(nil, "#!/bin/sh\necho '%s'\n", version), 0o700); err != nil {
			t.Fatal(err)
		}
		check := exec.CommandContext(t.Context(), filepath.Join(root, "packaging/go.sh"), old)
		check.Dir = root
		said, err := check.CombinedOutput()
		if (err == nil) != ok || ok != (len(said) == 0) {
			t.Errorf("%q: %v, %q; want it taken: %v", version, err, said, ok)
		}
	}
	check := exec.CommandContext(t.Context(), filepath.Join(root, "packaging/go.sh"), "no-such-go")
	check.Dir = root
	if said, err := check.CombinedOutput(); err == nil || !strings.Contains(string(said), "has to be installed first") {
		t.Errorf("without Go: %v, %q", err, said)
	}
}

// program puts a program into dir that is found before the system's.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// packaging runs one of packaging's scripts with the programs in dir and returns what it says.
func packaging(t *testing.T, dir string, env []string, script string, args ...string) (string, error) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "packaging", script), args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), append(env, "PATH="+dir+":"+os.Getenv("PATH"))...)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// TestPackagesInEveryLanguage: what apt offers is found whatever language it speaks.
func TestPackagesInEveryLanguage(t *testing.T) {
	for _, locale := range []string{"C", "de_DE.UTF-8"} {
		for _, c := range []struct {
			part, name, candidate string
			installed             bool
		}{
			{"build", "libavcodec-dev", "7:7.1.1-1", true},
			{"build", "libavcodec-dev", "7:5.1.6-0+deb12u1", false},
			{"test", "janus", "1.1.2-1", true},
			{"test", "janus", "(none)", false},
		} {
			dir := t.TempDir()
			program(t, dir, "apt-cache", fmt.Sprintf("word=Installationskandidat\n[ \"$LC_ALL\" = C ] && word=Candidate\necho \"  $word: %s\"\n", c.candidate))
			program(t, dir, "dpkg-query", fmt.Sprintf("[ \"$4\" = %s ] || echo installed\n", c.name))
			program(t, dir, "apt-get", "")
			program(t, dir, "sudo", "exec \"$@\"\n")
			said, err := packaging(t, dir, []string{"LC_ALL=" + locale}, "apt.sh", c.part)
			if installed := strings.Contains(said, "installing with apt-get: "+c.name); err != nil || installed != c.installed {
				t.Errorf("%s, %s %s: %v, %q; want it installed: %v", locale, c.name, c.candidate, err, said, c.installed)
			}
		}
	}
}

// TestLintIsPinned: golangci-lint of the wanted version lints and no other; where it does not
// install, staticcheck does, and that is said.
func TestLintIsPinned(t *testing.T) {
	linter := func(version string) string {
		return fmt.Sprintf("[ \"$1\" = version ] && echo %[1]s || echo golangci-lint %[1]s looks\n", version)
	}
	for _, c := range []struct {
		name, have, installs string // versions; empty: none
		want, installing     bool   // golangci-lint looks; it is installed first
	}{
		{"there", "2.6.0", "", true, false},
		{"none there", "", "2.6.0", true, true},
		{"an older one there", "2.5.1", "2.6.0", true, true},
		{"it does not install", "", "", false, true},
		{"an older one, and it does not install", "2.5.1", "", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, cache := t.TempDir(), t.TempDir()
			for _, name := range []string{"pkg-config", "gofmt", "git"} { // FFmpeg is there, and all is formatted
				program(t, dir, name, "")
			}
			if c.have != "" {
				program(t, cache, "golangci-lint", linter(c.have))
			}
			install := "echo there is no network\nexit 1\n"
			if c.installs != "" {
				program(t, dir, "fetched", linter(c.installs))
				install = fmt.Sprintf("cp '%s' \"$GOBIN/golangci-lint\"\n", filepath.Join(dir, "fetched"))
			}
			program(t, dir, "go", "[ \"$1\" = run ] && echo staticcheck looks && exit\n"+install)
			said, err := packaging(t, dir, nil, "lint.sh", filepath.Join(cache, "golangci-lint"), "v2.6.0")
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			for what, want := range map[string]bool{
				"golangci-lint 2.6.0 looks": c.want, "golangci-lint 2.5.1 looks": false, "staticcheck looks": !c.want,
				"installing golangci-lint v2.6.0":            c.installing,
				"does not install here: there is no network": !c.want, "golangci-lint v2.6.0 has NOT run": !c.want,
			} {
				if strings.Contains(said, what) != want {
					t.Errorf("%q is said: %v, want %v, in\n%s", what, !want, want, said)
				}
			}
		})
	}
}

// TestLeaksAreLookedFor: tests that look for pictures which were not released find none unless
// they are built with -tags mediadebug, so packaging/test.sh runs each of them so.
func TestLeaksAreLookedFor(t *testing.T) {
	script, err := os.ReadFile("../../packaging/test.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, run, found := strings.Cut(string(script), "\ngo test -tags mediadebug ")
	if !found {
		t.Fatal("packaging/test.sh runs nothing with -tags mediadebug")
	}
	run, _, _ = strings.Cut(run, "\n")
	looking := map[string]bool{}
	err = filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "media.Live"+"Frames()") { // in two, or this file were one of them
			looking[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")] = true
		}
		return err
	})
	if err != nil || len(looking) == 0 {
		t.Fatalf("%d packages look for such pictures: %v", len(looking), err)
	}
	for dir := range looking {
		if !strings.Contains(run, `"$module/`+dir+`"`) {
			t.Errorf("packaging/test.sh does not run %s with -tags mediadebug", dir)
		}
	}
}
