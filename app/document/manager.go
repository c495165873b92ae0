package document

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/scenes"
)

// Stage runs a show and can change to another.
type Stage interface {
	// State is the newest snapshot of what runs; nil when nothing does yet. It never
	// blocks.
	State() *engine.State
	// Play ends the running show, if any, and begins another, of any canvas. It
	// blocks until that runs. After an error the show before runs on. added are the ids of
	// recordings that the command line adds to the show that runs: no document has them.
	Play(show *scenes.Show, baseDir string) (added []string, err error)
}

// Options are what a Manager is built from. All that are exported are required.
type Options struct {
	Stage Stage
	// Kinds say which settings are paths, and what is wrong with settings.
	Kinds scenes.KindCatalog
	// Dir is the state folder (StateDir); it is made when it is needed.
	Dir string
	Log *slog.Logger
	// Devices are the "device" settings of the first camera and microphone that are
	// there, empty for none. It may block.
	Devices func() (camera, microphone string)

	patience time.Duration // 0: supervise.DiskAnswers
}

// Manager is the one open document.
type Manager struct {
	opt      Options
	recents  recents
	turn     chan struct{} // holds a token while nobody changes the document
	session  *lock         // claims kept's name; nil: the state folder is of no use
	noFolder error         // why that is so; not changed after New
	unread   []string      // sentences about recovery files that cannot be read; not changed after New
	// late are writes of show files that were given up, by the file's one name, until they are
	// known to have ended; of the turn's holder.
	late    map[string]<-chan struct{}
	keeping sync.Mutex // held while file is written or removed; never waits for another disk
	file    string     // where this run keeps unsaved work

	mu       sync.Mutex
	doc      opened       // guarded by mu
	playing  bool         // guarded by mu; what runs may not be doc
	firstRun bool         // guarded by mu
	orphans  []orphan     // guarded by mu; newest first
	kept     *scenes.Show // guarded by mu; what file holds, or what was dropped
	failure  error        // guarded by mu; why file could not be written the last time
	looked   *scenes.Show // guarded by mu; what dirty is about
	dirty    bool         // guarded by mu
	running  *scenes.Show // guarded by mu; what own was made of
	own      *scenes.Show // guarded by mu; running without what the stage added
}

// opened is the open document.
type opened struct {
	path     string // absolute; empty: never saved
	real     string // path by the file's one name
	base     string // what relative paths in the running show are relative to
	lock     *lock
	readOnly string
	mistakes []scenes.Mistake
	added    []string // recordings that run and are none of the show's
	// saved is the show as the file has it, as the running engine would write it;
	// nil: nothing that runs is in a file.
	saved     []byte
	savedShow *scenes.Show
	onDisk    [sha256.Size]byte // of the file itself
}

// orphan is unsaved work of a program that has ended.
type orphan struct {
	path string
	lock *lock
	recovery
}

// New makes a manager and looks for unsaved work of earlier runs. A state folder
// that cannot be used is logged; then nothing is remembered.
func New(opt Options) *Manager {
	if opt.patience == 0 {
		opt.patience = supervise.DiskAnswers
	}
	m := &Manager{opt: opt, recents: recents{filepath.Join(opt.Dir, "recent.json")}, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	m.late = map[string]<-chan struct{}{}
	m.file = filepath.Join(m.recoveryDir(), fmt.Sprintf("%d-%d.json", os.Getpid(), time.Now().UnixNano()))
	var err error
	if m.session, err = acquire(m.file+".lock", ""); err != nil {
		opt.Log.Warn("unsaved work cannot be kept for recovery", "error", err)
		m.noFolder = err
	}
	m.orphans = m.findOrphans()
	return m
}

func (m *Manager) recoveryDir() string { return filepath.Join(m.opt.Dir, "recovery") }

// Info describes the open document.
type Info struct {
	Path string // absolute; empty: never saved
	Name string // for titles
	// Dirty: has changes that Save would write.
	Dirty bool
	// ReadOnly is why Save is refused, one sentence, or empty.
	ReadOnly string
	// Mistakes are settings that do not suit their kind, and kinds that this program
	// does not have; they are kept as the file has them.
	Mistakes []scenes.Mistake
	// Unkept is why unsaved changes would not survive a crash, or nil.
	Unkept error
	// FirstRun: nothing was asked for, and nothing was ever opened or saved.
	FirstRun bool
}

// Info says what is open. It does not block.
func (m *Manager) Info() Info {
	show := m.show()
	m.mu.Lock()
	defer m.mu.Unlock()
	d := &m.doc
	info := Info{Path: d.path, ReadOnly: d.readOnly, Mistakes: d.mistakes, FirstRun: m.firstRun, Dirty: m.isDirty(show)}
	if info.Dirty {
		info.Unkept = cmp.Or(m.noFolder, m.failure)
	}
	switch {
	case d.path != "":
		info.Name = filepath.Base(d.path)
	case show != nil:
		info.Name = show.Name
	}
	return info
}

// show is what runs, without what the command line added to it; nil for nothing. The same
// show gives the same value.
func (m *Manager) show() *scenes.Show {
	s := m.opt.Stage.State()
	if s == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.doc.added) == 0 {
		return s.Show
	}
	if s.Show != m.running {
		own := *s.Show // lists are replaced, never written through
		own.Recordings = slices.DeleteFunc(slices.Clone(own.Recordings), func(r scenes.Recording) bool { return slices.Contains(m.doc.added, r.ID) })
		m.running, m.own = s.Show, &own
	}
	return m.own
}

// isDirty compares with what is saved; m.mu is held. A show is an immutable value, so
// each is compared once. An edit and its undo are no change.
func (m *Manager) isDirty(show *scenes.Show) bool {
	if show == nil || show == m.doc.savedShow {
		return false
	}
	if show != m.looked {
		raw, err := show.Encode()
		m.looked, m.dirty = show, err != nil || !bytes.Equal(raw, m.doc.saved)
	}
	return m.dirty
}

// Begin opens what a start of the program asks for: a file, a template of that name
// ("demo", "empty", "camera"), or with "" the newest recent file, or the demo where
// there is none.
func (m *Manager) Begin(what string) error {
	if slices.Contains(Templates(), what) {
		return m.New(what, scenes.Default().Canvas)
	}
	if what != "" {
		return m.Open(what)
	}
	recent := m.recents.list() // the first alone is looked at: the disk of another may not answer
	m.mu.Lock()
	first := len(recent) == 0 && len(m.orphans) == 0
	m.mu.Unlock()
	if len(recent) > 0 {
		switch err := m.openLast(recent[0]); {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			m.opt.Log.Warn("the show of last time cannot be opened", "error", err)
		}
	}
	if err := m.New("demo", scenes.Default().Canvas); err != nil {
		return err
	}
	m.mu.Lock()
	m.firstRun = first
	m.mu.Unlock()
	return nil
}

// openLast opens the show of last time. The error wraps fs.ErrNotExist where it is gone.
func (m *Manager) openLast(path string) error {
	err, answered := inTime(m, func() error {
		_, err := os.ReadFile(path)
		return err
	})
	switch {
	case !answered:
		return &SilentDiskError{path}
	case err != nil:
		return err
	}
	return m.Open(path)
}

// inTime is what look finds on a disk that answers within the manager's patience.
func inTime[T any](m *Manager, look func() T) (found T, answered bool) {
	return supervise.InTime(context.Background(), m.opt.patience, look)
}

// New replaces the running show by a template on a canvas; the demo has one of its own.
// Unsaved changes of the one before are gone; asking is the caller's.
func (m *Manager) New(template string, canvas scenes.Canvas) error {
	show, err := m.template(template, canvas)
	if err != nil {
		return err
	}
	<-m.turn
	defer m.done()
	base, err := os.Getwd()
	if err != nil {
		base = "."
	}
	raw, err := show.Encode()
	if err != nil {
		return err
	}
	return m.play(show, opened{base: base, saved: raw, savedShow: show})
}

// Open replaces the running show by a file's. The error is *MistakesError with every
// mistake of the file, ErrRunning, ErrWriting, or why the file cannot be read. A file that another
// program has open is opened read-only (Info.ReadOnly). As with New, unsaved changes
// are gone.
func (m *Manager) Open(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	file := m.load(path)
	if file.err != nil {
		return file.err
	}
	<-m.turn
	defer m.done()
	doc := m.opened(path, file)
	doc.saved, doc.savedShow = file.again, file.show
	if err := m.play(file.show, doc); err != nil {
		return err
	}
	m.remember(path)
	for _, v := range doc.mistakes {
		m.opt.Log.Warn("a mistake in the show", "where", v.Path, "what", v.Message)
	}
	return nil
}

// loaded is what a show file has, or why that cannot be told.
type loaded struct {
	show  *scenes.Show
	again []byte // as the show would be written
	raw   []byte
	real  string // the file's one name
	err   error
}

// load reads a show file. It takes no turn: what waits for a disk holds up no save on another.
func (m *Manager) load(path string) loaded {
	file, answered := inTime(m, func() loaded {
		var file loaded
		if file.show, file.raw, file.err = load(path); file.err == nil {
			file.again, file.err = file.show.Encode()
		}
		file.real = real(path)
		return file
	})
	if !answered {
		return loaded{err: &SilentDiskError{path}}
	}
	return file
}

func load(path string) (*scenes.Show, []byte, error) {
	show, err := scenes.Load(path)
	var invalid *scenes.InvalidError
	var newer *scenes.NewerFormatError
	switch {
	case errors.As(err, &invalid):
		return nil, nil, &MistakesError{path, invalid.Mistakes}
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("there is no file %s", path)
	case errors.As(err, &newer):
		return nil, nil, fmt.Errorf("%s: %w", path, newer)
	case err != nil:
		return nil, nil, fmt.Errorf("%s cannot be opened: %w", path, err)
	}
	raw, err := os.ReadFile(path)
	return show, raw, err
}

// opened claims path, which has been read. The turn is held.
func (m *Manager) opened(path string, file loaded) opened {
	doc := opened{path: path, real: file.real, base: filepath.Dir(path), onDisk: sha256.Sum256(file.raw), mistakes: scenes.Validate(file.raw, m.opt.Kinds)}
	doc.lock, doc.readOnly = m.claim(path, file.real)
	return doc
}

// claim locks the file at path, whose one name is real, unless it is the open document's; readOnly
// says who else has it. Where it cannot be locked at all, l is nil and shows open all the same.
func (m *Manager) claim(path, real string) (l *lock, readOnly string) {
	m.mu.Lock()
	held, mine := m.doc.lock, m.doc.real
	m.mu.Unlock()
	if held != nil && mine == real {
		return held, ""
	}
	l, err := lockShow(filepath.Join(m.opt.Dir, "locks"), path, real)
	var locked *LockedError
	switch {
	case errors.As(err, &locked):
		return nil, locked.Error()
	case err != nil:
		m.opt.Log.Warn("the show cannot be locked against another program", "error", err)
	}
	return l, ""
}

// play changes to show and makes doc the open document. The turn is held.
func (m *Manager) play(show *scenes.Show, doc opened) error {
	err := m.idle()
	if err == nil {
		m.mu.Lock()
		m.playing = true
		m.mu.Unlock()
		doc.added, err = m.opt.Stage.Play(show, doc.base)
	}
	m.mu.Lock()
	m.playing = false
	before := m.doc
	if err == nil {
		m.doc, m.firstRun, m.kept, m.looked, m.running, m.own = doc, false, nil, nil, nil, nil
	}
	m.mu.Unlock()
	if err != nil {
		if doc.lock != before.lock {
			doc.lock.release()
		}
		return err
	}
	if doc.lock != before.lock {
		before.lock.release()
	}
	m.keeping.Lock()
	defer m.keeping.Unlock()
	m.forget()
	return nil
}

// idle is ErrRunning while something is delivered, ErrWriting while a recording is still being
// written.
func (m *Manager) idle() error {
	switch s := m.opt.Stage.State(); {
	case s.Delivering():
		return ErrRunning
	case s.Busy():
		return ErrWriting
	}
	return nil
}

// done gives the turn back.
func (m *Manager) done() { m.turn <- struct{}{} }

func (m *Manager) remember(path string) {
	if err := m.recents.add(path); err != nil {
		m.opt.Log.Warn("the list of recent shows cannot be kept", "error", err)
	}
}

// Recent is a file opened or saved before.
type Recent struct {
	Path    string
	Missing bool // not there at present, or on a disk that does not answer
}

// Recent lists the last ten files, newest first. It blocks for as long as their disks do, but
// no longer than supervise.DiskAnswers.
func (m *Manager) Recent() []Recent {
	paths := m.recents.list()
	out := make([]Recent, len(paths))
	var looks sync.WaitGroup
	for i, path := range paths {
		looks.Go(func() {
			err, answered := inTime(m, func() error {
				_, err := os.Stat(path)
				return err
			})
			out[i] = Recent{path, !answered || err != nil}
		})
	}
	looks.Wait()
	return out
}

// closesWithin is how long the end waits for what still writes a show file.
const closesWithin = 2 * time.Second

// Close ends the manager, after Run has ended. Unsaved changes are kept for the next
// start; after a save, or Discard, nothing is.
func (m *Manager) Close() {
	select {
	case <-m.turn:
		defer m.done()
	case <-time.After(closesWithin):
		m.keep()
		return // a disk does not answer; locks end with the program
	}
	m.keep()
	m.mu.Lock()
	doc, orphans := m.doc, m.orphans
	m.doc.lock, m.orphans = nil, nil
	m.mu.Unlock()
	doc.lock.release()
	for _, o := range orphans {
		o.lock.release()
	}
	m.session.release()
	m.session = nil
}
