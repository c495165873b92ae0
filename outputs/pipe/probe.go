package pipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"crosspoint.studio/crosspoint/outputs"
)

// Probe implements outputs.Prober: it looks whether the program, the pipe or the folder
// is there, and neither runs nor makes anything.
func (o *output) Probe(context.Context) (string, error) {
	if o.path == "" {
		at, err := exec.LookPath(o.argv[0])
		if err != nil {
			return "", outputs.Permanent(fmt.Errorf("pipe: there is no program %q on this machine", o.argv[0]))
		}
		return "the program is " + at, nil
	}
	info, err := os.Stat(o.path)
	switch {
	case err == nil && info.Mode()&fs.ModeNamedPipe != 0:
		return "the named pipe is there", nil
	case err == nil:
		return "", outputs.Permanent(fmt.Errorf("pipe: %s is there already and is no named pipe: nothing is ever overwritten; name another file, or make a pipe with mkfifo", filepath.Base(o.path)))
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("pipe: %s cannot be looked at: %w", filepath.Base(o.path), reason(err))
	}
	if dir, err := os.Stat(filepath.Dir(o.path)); err != nil || !dir.IsDir() {
		return "", outputs.Permanent(fmt.Errorf("pipe: there is no folder for %s", filepath.Base(o.path)))
	}
	return "the file will be made", nil
}
