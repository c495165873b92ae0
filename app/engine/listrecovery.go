package engine

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sessionKind is what the journal of recorded files calls the journal of a show: of one that is
// left behind, the cut lists have not been written.
const sessionKind = "session"

// waits: a job has to wait for its disk, cut lists also for the files that they are of.
func (k *keeper) waits(j fileJob) bool {
	if j.kind == sessionKind && slices.ContainsFunc(k.later, func(other fileJob) bool { return other.left == j.left && other.kind != sessionKind }) {
		return true
	}
	return k.busy(j.event.Path)
}

// recoverLists writes the cut lists that a run did not come to write, as far as its journal
// goes, and says so. Those that are whole stay as they are: somebody may have worked on them.
func (k *keeper) recoverLists(j fileJob) {
	journal := j.event.Path
	missing := slices.DeleteFunc(slices.Clone(CutListExtensions), func(ext string) bool { return wholeList(stemOf(journal) + ext) })
	removeHalves(stemOf(journal))
	defer k.settle(j)
	if len(missing) == 0 {
		return
	}
	err := writeCutLists(journal, missing, CutListOptions{})
	if errors.Is(err, errNoFiles) || errors.Is(err, errHeadless) {
		k.e.log.Info("no cut lists of a recording that was cut off", "journal", journal, "reason", err)
		return
	}
	r := k.reported()
	if err != nil {
		k.e.log.Warn("cut lists not written", "journal", journal, "reason", err)
		r.no = append(r.no, fmt.Sprintf("%v; crosspoint cutlist %s tries again", err, journal))
	} else {
		k.e.log.Info("cut lists written", "journal", journal, "lists", missing)
		r.lists = append(r.lists, fmt.Sprintf("%s (%s)", filepath.Base(stemOf(journal)), strings.Join(missing, ", ")))
	}
	k.tell()
}

// wholeList: the list at path is there and can be read to its end.
func wholeList(path string) bool {
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		return false
	}
	switch filepath.Ext(path) {
	case ".otio":
		return json.Valid(raw)
	case ".fcpxml":
		for d := xml.NewDecoder(strings.NewReader(string(raw))); ; {
			if _, err := d.Token(); err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
	return raw[len(raw)-1] == '\n'
}

// removeHalves removes what a list was being written into when its program was killed.
func removeHalves(stem string) {
	for _, ext := range CutListExtensions {
		list, _ := filepath.Glob(globbed(filepath.Join(filepath.Dir(stem), "."+filepath.Base(stem)+ext)) + ".*.tmp") // the pattern is good
		for _, name := range list {
			_ = os.Remove(name) // it is of no use, and in nobody's way
		}
	}
}

// globbed is a path as a pattern that it alone matches.
func globbed(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}
