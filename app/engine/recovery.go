package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// tellRecovered is how long the operator is told of files whose ends were made up for.
const tellRecovered = 10 * time.Minute

// recoveredKey is the warning about them.
const recoveredKey = "recovered recordings"

// recovery is what has been done about files without an end, and told lately.
type recovery struct {
	killed [unfinished + 1][]string // of programs that were cut off, by what was done
	broken [unfinished + 1][]string // of those that went on; each with what happened
	bad    []string
	lists  []string  // what cut lists have been written of
	no     []string  // what they could not be written of, and why
	unseen []string  // what a fault has kept from being looked at
	at     time.Time // of the newest
}

// recover finishes and reads the files that earlier runs left behind, and says in one
// sentence how that went. Those on a disk that is recorded to wait for the end of that.
func (k *keeper) recover(ctx context.Context) {
	for _, l := range k.left {
		for _, j := range l.jobs {
			if j.kind == sessionKind {
				continue // its files first
			}
			k.guarded(j, func() { k.recoverFile(ctx, j) })
			if ctx.Err() != nil {
				l.settled = nil // all of it is said at the next start
				return
			}
		}
		for _, j := range l.jobs {
			switch {
			case j.kind != sessionKind:
			case ctx.Err() != nil:
				l.settled = nil
				return
			case k.waits(j):
				k.later = append(k.later, j)
			default:
				k.guarded(j, func() { k.recoverLists(j) })
			}
		}
		l.note()
	}
}

// recoverFile does so with one file. With the end of ctx it has not been looked at.
func (k *keeper) recoverFile(ctx context.Context, j fileJob) {
	end, c, err := k.look(ctx, j)
	switch {
	case ctx.Err() != nil:
	case end == postponed:
		k.e.log.Info("recording of an earlier run will be finished when its disk is not recorded to", "file", j.event.Path)
		k.later = append(k.later, j)
	default:
		k.recovered(j, end, c, err)
	}
}

// recovered says what has been made up for.
func (k *keeper) recovered(j fileJob, end ending, c outputs.FileCheck, err error) {
	if j.left != nil || end != unfinished {
		k.settle(j)
	}
	if errors.Is(err, outputs.ErrEmpty) {
		k.e.log.Info("recording had nothing in it and was removed", "file", j.event.Path)
		return
	}
	r := k.reported()
	switch file := fmt.Sprintf("%s (%s)", filepath.Base(j.event.Path), clock(c.Length)); {
	case err != nil:
		k.e.log.Warn("recording that was cut off is not good", "file", j.event.Path, "reason", err)
		r.bad = append(r.bad, Plain(err.Error()))
	case !j.finish:
	case j.killed():
		r.killed[end] = append(r.killed[end], file)
	case j.event.Problem != "":
		r.broken[end] = append(r.broken[end], fmt.Sprintf("%s: %s", file, Plain(j.event.Problem)))
	default:
		r.broken[end] = append(r.broken[end], file)
	}
	if err == nil {
		k.e.log.Info("recording that was cut off read again", "file", j.event.Path, "finished", end == finished, "length", c.Length, "bytes", c.Bytes, "sha256", c.SHA256)
	}
	k.tell()
}

// reported is what is told, begun anew when that was long ago.
func (k *keeper) reported() *recovery {
	if time.Since(k.report.at) > tellRecovered {
		k.report = recovery{}
	}
	k.report.at = time.Now()
	return &k.report
}

// tell tells the operator, for a while.
func (k *keeper) tell() {
	text := k.report.text()
	if text == "" {
		return
	}
	if k.told != nil {
		k.told.Stop()
	}
	k.e.warn.set(recoveredKey, text, k.e.state.Load().Tick)
	k.told = time.AfterFunc(tellRecovered, func() { k.e.warn.clear(recoveredKey) })
}

// text is one sentence, or several when not all went alike; empty when there is nothing to
// say.
func (r *recovery) text() string {
	var parts []string
	for end, outcome := range [...][2]string{
		finished:   {"the file has been finished and is good", "the files have been finished and are good"},
		asWritten:  {"the file is good", "the files are good"},
		unfinished: {"the file plays, but could not be finished and stays as it is", "the files play, but could not be finished and stay as they are"},
	} {
		if n := len(r.killed[end]); n > 0 {
			parts = append(parts, "The last run of the program was cut off while it recorded "+strings.Join(r.killed[end], ", ")+"; "+outcome[min(n, 2)-1]+".")
		}
		if n := len(r.broken[end]); n > 0 {
			parts = append(parts, "The end of a recording could not be written ("+strings.Join(r.broken[end], "; ")+"); "+outcome[min(n, 2)-1]+".")
		}
	}
	if len(r.bad) > 0 {
		parts = append(parts, "Of what was cut off while it was recorded, this is not good: "+strings.Join(r.bad, "; ")+".")
	}
	if len(r.lists) > 0 {
		parts = append(parts, "The cut lists have been written: "+strings.Join(r.lists, ", ")+".")
	}
	for _, text := range r.no {
		parts = append(parts, "The cut lists were not written: "+text+".")
	}
	if len(r.unseen) > 0 {
		parts = append(parts, unseenText(r.unseen))
	}
	return strings.Join(parts, " ")
}

// clock is a length as h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
