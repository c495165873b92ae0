package engine

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// killedEnv names the folder in which a process of this test's own records until it is killed.
const killedEnv = "ENGINE_TEST_KILLED"

// killedShow is what that process records.
func killedShow(dir, container string) string {
	return strings.Replace(isoShow(dir), "show.mkv", "show."+container, 1)
}

// TestRecordsUntilKilled is what the process of TestCutListsAfterAKill does; elsewhere there
// is nothing for it to do.
func TestRecordsUntilKilled(t *testing.T) {
	dir := os.Getenv(killedEnv)
	if dir == "" {
		return
	}
	doc := killedShow(dir, os.Getenv(killedEnv+"_CONTAINER"))
	if song := os.Getenv(killedEnv + "_SONG"); song != "" {
		doc = songShow(dir, song, "", "copy")
	}
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.StateDir, o.Ticks = true, filepath.Join(dir, "state"), 3000
		o.Commands = []Timed{{8, &StartRecording{}}, {8, &StartISO{}}, {25, &Cut{}}, {40, &AutoTake{}}, {60, &Cut{Scene: "both"}}, {90, &Cut{Scene: "two"}}}
	})
	s.run(t, t.Context(), time.Minute)
}

// recordAndKill records in a process of its own and kills it (kill -9) soon after its last cut.
func recordAndKill(t *testing.T, dir, container string, more ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRecordsUntilKilled$")
	cmd.Env = append(append(os.Environ(), killedEnv+"="+dir, killedEnv+"_CONTAINER="+container), more...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for journal := filepath.Join(dir, "show"+SessionExtension); ; <-time.After(5 * time.Millisecond) {
		if raw, _ := os.ReadFile(journal); strings.Contains(string(raw), `{"at":90,"look"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Error("the show does not come to its last cut")
			break
		}
	}
	<-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
}

// startAgain is a run of the program that records nothing; it returns what it warned of.
func startAgain(t *testing.T, dir string) string {
	t.Helper()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.StateDir, o.Ticks = true, filepath.Join(dir, "state"), 2
	})
	s.run(t, t.Context(), time.Minute)
	var texts []string
	for _, w := range s.State().Warnings {
		texts = append(texts, w.Text)
	}
	return strings.Join(texts, "\n")
}

// TestCutListsAfterAKill: the start after a kill -9 finishes the files and writes the cut
// lists of the programme and of the sources' own recordings, right picture for picture, once.
func TestCutListsAfterAKill(t *testing.T) {
	t.Parallel()
	for _, container := range []string{"mkv", "mp4"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			recordAndKill(t, dir, container)
			if lists, _ := filepath.Glob(filepath.Join(dir, "show.otio")); len(lists) > 0 {
				t.Fatal("the process ended by itself")
			}
			told := startAgain(t, dir)
			if !strings.Contains(told, "cut off while it recorded") || !strings.Contains(told, "The cut lists have been written: show (.otio, .edl, .fcpxml).") {
				t.Errorf("the next start says %q", told)
			}
			journal, first, own := wantListsRight(t, dir, "show."+container, true, 0)
			if journal.Complete || first != 8 || own < 17+15+15 {
				t.Errorf("complete %v, the programme begins at tick %d, %d frames are from sources", journal.Complete, first, own)
			}
			if told := startAgain(t, dir); told != "" {
				t.Errorf("the second start says %q", told)
			}
		})
	}
}

// TestWholeListsStay: lists that a run wrote before it was killed stay as they are, those
// that are not whole are written, and nothing half is left.
func TestWholeListsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStudio(t, parse(t, isoShow(dir)), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.StateDir, o.Ticks, o.Commands = true, filepath.Join(dir, "state"), 30, []Timed{{0, &StartRecording{}}}
	})
	s.run(t, t.Context(), time.Minute)
	if left, _ := filepath.Glob(filepath.Join(dir, "state", "recordings", "*")); len(left) > 0 {
		t.Errorf("after a show that ended well %q is left to do", left)
	}
	list := func(ext string) string { return filepath.Join(dir, "show"+ext) }
	text := func(ext string) string {
		raw, err := os.ReadFile(list(ext))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	otio, fcpxml := text(".otio"), text(".fcpxml")
	half := filepath.Join(dir, ".show.edl.12345.tmp")
	for path, content := range map[string]string{list(".edl"): "TITLE: mine\n", list(".fcpxml"): fcpxml[:len(fcpxml)/2], half: "TITLE: sh"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(list(".otio")); err != nil {
		t.Fatal(err)
	}
	j := newJournal(filepath.Join(dir, "state", "recordings"), s.log, untold)
	j.note(sessionKind, outputs.FileEvent{Path: list(SessionExtension)})
	j.close()
	told := startAgain(t, dir)
	if want := "The cut lists have been written: show (.otio, .fcpxml)."; told != want {
		t.Errorf("it says %q, want %q", told, want)
	}
	if text(".edl") != "TITLE: mine\n" || text(".otio") != otio || text(".fcpxml") != fcpxml {
		t.Error("the lists are not as they should be")
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("what was half written is still there")
	}
}

// TestListsWaitForTheirFiles: while a disk is recorded to, files of an earlier run wait, and
// so do their cut lists.
func TestListsWaitForTheirFiles(t *testing.T) {
	a, b := &leftJournal{}, &leftJournal{}
	k := &keeper{writing: map[string]bool{}}
	k.later = []fileJob{{left: a, kind: "record"}, {left: b, kind: sessionKind}}
	session := fileJob{kind: sessionKind}
	session.event.Path = filepath.Join(t.TempDir(), "show.session")
	for left, want := range map[*leftJournal]bool{a: true, b: false} {
		if session.left = left; k.waits(session) != want {
			t.Errorf("it waits: %v, want %v", !want, want)
		}
	}
	k.writing[filepath.Join(filepath.Dir(session.event.Path), "show.mkv")] = true
	if !k.waits(session) {
		t.Error("it does not wait for its disk")
	}
}
