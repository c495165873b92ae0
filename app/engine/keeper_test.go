package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestBadFilesAreOneWarning: a bad disk's files do not bury what else is wrong, and are not
// told of for ever.
func TestBadFilesAreOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{log: slog.New(slog.DiscardHandler)}
		e.state.Store(&State{})
		k := newKeeper(e)
		for n := range 20 {
			k.judge(fileJob{}, outputs.FileCheck{}, fmt.Errorf("record: file%d.mkv: cannot be read", n))
			time.Sleep(badFor / 2)
		}
		w := e.warn.all()
		if len(w) != 1 || !strings.HasPrefix(w[0].Text, "20 recorded files are not good, the last: file17.mkv: cannot be read; file18") {
			t.Errorf("warnings %+v", w)
		}
		time.Sleep(badFor/2 + time.Second)
		synctest.Wait()
		if w := e.warn.all(); len(w) != 0 {
			t.Errorf("an hour later: %+v", w)
		}
		k.judge(fileJob{}, outputs.FileCheck{}, errors.New("record: new.mkv: cannot be read"))
		if w := e.warn.all(); len(w) != 1 || !strings.HasPrefix(w[0].Text, "A recorded file is not good: new.mkv: cannot be read. ") {
			t.Errorf("the next: %+v", w)
		}
		k.bad.told.Stop()
	})
}

// TestMovedFileIsNotBad: what somebody has put elsewhere before it was read is no alarm, and
// nothing is waited for.
func TestMovedFileIsNotBad(t *testing.T) {
	dir := t.TempDir()
	files := outputs.Files{Check: func(_ context.Context, path string, _ outputs.Contents) (outputs.FileCheck, error) {
		return outputs.FileCheck{}, fmt.Errorf("record: %s: cannot be opened", filepath.Base(path))
	}}
	e := &Engine{log: slog.New(slog.DiscardHandler), clock: media.NewVirtualClock(), opt: Options{OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
	e.state.Store(&State{})
	k := newKeeper(e)
	k.start()
	for n, path := range []string{filepath.Join(dir, "moved.mkv"), filepath.Join(dir, "disk", "gone.mkv")} {
		rec := fmt.Sprint("rec", n)
		k.file(rec, "record", outputs.FileEvent{Path: path, Part: 1})
		k.file(rec, "record", outputs.FileEvent{Path: path, Part: 1, Closed: true, Ended: true})
		within(t, "it has been looked at", func() bool { return k.state(rec).Checked == 1 })
		if got, bad := k.state(rec).Problem, n == 1; (got != "") != bad || (len(e.warn.all()) > 0) != bad {
			t.Errorf("%s: problem %q, warnings %+v", path, got, e.warn.all())
		}
	}
	k.close(true)
}
