package app

import (
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/host"
)

// TestLogKeepsWhatTheWindowAsksFor: what only developers need is kept when all is to be seen, and not before.
func TestLogKeepsWhatTheWindowAsksFor(t *testing.T) {
	c := newConsole(io.Discard, io.Discard)
	l := logs{c.tail, c.kept}
	c.log.Debug("before")
	l.Keep(slog.LevelDebug)
	c.log.Debug("asked for")
	l.Keep(slog.LevelInfo)
	c.log.Debug("after")
	c.log.Info("as ever")
	var got []string
	for _, r := range l.Since(0) {
		got = append(got, r.Text)
	}
	if want := []string{"asked for", "as ever"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

// TestSampleDoesNotWaitForTheDisk: while it does not answer, what is left becomes unknown, nobody
// waits, and it is not asked again.
func TestSampleDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sampler := host.NewSampler()
		defer sampler.Close()
		var asked atomic.Int32
		var silent atomic.Bool
		dead := make(chan struct{})
		m := newMachine("videos", sampler)
		m.free = func(string) (int64, error) {
			asked.Add(1)
			if silent.Load() {
				<-dead
			}
			return 7e9, nil
		}
		next := func(what string, want int64) {
			t.Helper()
			began := time.Now()
			if got := m.Sample(); got.DiskFree != want || got.Cores < 1 {
				t.Errorf("%s: %+v, want %d bytes left", what, got, want)
			}
			if took := time.Since(began); took != 0 {
				t.Errorf("%s: it took %v", what, took)
			}
			synctest.Wait()
			time.Sleep(time.Second)
		}
		next("at first", -1)
		next("answered", 7e9)
		silent.Store(true)
		before := asked.Load()
		for range diskSilent / time.Second {
			next("not yet silent for long", 7e9)
		}
		next("silent", -1)
		next("still silent", -1)
		if n := asked.Load() - before; n != 1 {
			t.Errorf("it was asked %d times while it did not answer, want once", n)
		}
		silent.Store(false)
		close(dead)
		synctest.Wait()
		next("back", 7e9)
	})
}

// TestFolderOfADeadDisk: the start waits a little for it to be made, and it is made when the disk
// is back.
func TestFolderOfADeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, made := make(chan struct{}), make(chan string, 1)
		began := time.Now()
		makeFolder("videos", func(dir string, _ fs.FileMode) error {
			<-dead
			made <- dir
			return nil
		})
		if took := time.Since(began); took != folderMade {
			t.Errorf("the start waited %v, want %v", took, folderMade)
		}
		close(dead)
		if dir := <-made; dir != "videos" {
			t.Errorf("%q was made", dir)
		}
	})
}
