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
