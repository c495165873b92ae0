package engine

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// guarded does what is to be done about a file. A fault in it ends neither the show nor, since the
// file is settled by it, every start that finds the file again.
func (k *keeper) guarded(j fileJob, do func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		k.fault(v, "file", j.event.Path)
		k.mu.Lock()
		if k.interrupt != nil { // it was being finished
			k.interrupt()
			k.interrupt = nil
		}
		k.mu.Unlock()
		k.settle(j)
		k.note(j, func(r *fileResults) { r.state.Problem = filepath.Base(j.event.Path) + " could not be looked at" })
		r := k.reported()
		r.unseen = append(r.unseen, filepath.Base(j.event.Path))
		k.tell()
	}()
	do()
}

// found is what earlier runs left behind in the folder dir.
func (k *keeper) found(dir string) (left []*leftJournal) {
	defer func() {
		if v := recover(); v != nil {
			k.fault(v, "folder", dir)
			left = nil
			k.reported().unseen = []string{"What earlier runs of the program left to be finished"}
			k.tell()
		}
	}()
	return k.find(dir, k.e.log)
}

func (k *keeper) fault(v any, what, path string) {
	k.e.log.Error("recordings could not be looked at", slog.String(what, path), "panic", v, "stack", string(debug.Stack()))
}

// unseenText is one sentence about what a fault has kept from being looked at.
func unseenText(unseen []string) string {
	stays := "stays as it is"
	if len(unseen) > 1 {
		stays = "stay as they are"
	}
	return fmt.Sprintf("%s could not be looked at and %s; the log says why.", strings.Join(unseen, ", "), stays)
}
