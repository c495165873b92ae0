package ui

import (
	"errors"
	"log/slog"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Studio is what the window needs of the engine. *engine.Engine, with V
// *engine.View, is one; tests have another.
type Studio[V Picture] interface {
	// State is the newest snapshot; nil before the first tick. It never blocks.
	State() *engine.State
	// Do applies a command at the next tick and blocks for about that long. The
	// error is a sentence for the operator.
	Do(engine.Command) error
	// OpenView starts a live picture for the window. It does not block.
	OpenView(engine.ViewSpec) V
}

// Picture is one live picture; *engine.View is one.
type Picture interface {
	// Latest is the newest RGBA frame since the last call, the caller's to
	// release, or nil. It never blocks.
	Latest() *media.Frame
	// SetHidden stops and resumes drawing.
	SetHidden(bool)
	// Close ends the picture. It does not wait.
	Close()
}

// studio is Studio without the type parameter, for panels.
type studio interface {
	State() *engine.State
	Do(engine.Command) error
	openView(engine.ViewSpec) Picture
}

type anyStudio[V Picture] struct{ Studio[V] }

func (s anyStudio[V]) openView(spec engine.ViewSpec) Picture { return s.OpenView(spec) }

// Services are what the window needs besides the engine. Every method may be called
// from any goroutine; those that say so block and are never called on Fyne's. A nil
// service hides what depends on it.
type Services struct {
	Documents   Documents
	Credentials Credentials
	Inventory   Inventory
	Machine     Machine
	Logs        Logs
	Rehearsal   Rehearsal
	Preflight   Preflight
	// SourceKinds and OutputKinds are drawn as forms from their schemas.
	SourceKinds map[string]sources.Kind
	OutputKinds map[string]outputs.Kind
	// RecordDir is where recordings without a path go.
	RecordDir string
}

// Documents is the file behind the show. Methods that read or write files block.
type Documents interface {
	// Info says what is open; it does not block.
	Info() DocumentInfo
	// New replaces the show by a template: "demo", "empty" or "camera", the last two on this
	// canvas.
	New(template string, canvas scenes.Canvas) error
	// Open replaces the show by a file's. The error lists every mistake of the file.
	Open(path string) error
	// Save writes to the file it came from; it is ErrNoPath when there is none.
	Save() error
	// SaveAs writes to path and goes on with that.
	SaveAs(path string) error
	// Recent lists files opened or saved before, newest first.
	Recent() []RecentShow
	// Recovery is unsaved work that an earlier run left behind.
	Recovery() (r RecoveredShow, ok bool)
	// Recover opens that work; DropRecovery removes it.
	Recover() error
	DropRecovery() error
	// Discard forgets the unsaved changes of this run: called before closing without
	// saving, so that the next start offers nothing.
	Discard() error
}

// DocumentInfo describes the open show file.
type DocumentInfo struct {
	Path  string // empty: never saved
	Name  string // for titles
	Dirty bool   // has changes that Save would write
	// ReadOnly is why Save is refused (another window has the file), or empty.
	ReadOnly string
	// Unkept is why unsaved changes would not survive a crash, or nil.
	Unkept error
	// FirstRun: nothing was asked for on the command line and nothing was opened before.
	FirstRun bool
}

// RecentShow is a file opened or saved before.
type RecentShow struct {
	Path    string
	Missing bool
}

// RecoveredShow is unsaved work of an earlier run.
type RecoveredShow struct {
	Path string // of the show file it belongs to; empty: never saved
	Name string
	Time time.Time
}

// ErrNoPath is what Save returns for a show that has no file yet.
var ErrNoPath = errors.New("the show has no file yet: save it under a name")

// Credentials keeps stream keys and passwords outside the show, by name. All block.
type Credentials interface {
	// Set keeps a secret, which may be told to these and to nobody else.
	Set(name, secret string, to ...outputs.Recipient) error
	// Allow lets the secret under name be told to these too.
	Allow(name string, to ...outputs.Recipient) error
	// Where is "the keyring", or the path of the file that has the secret under name in plain
	// text; "" where none is kept that can be read.
	Where(name string) string
	Delete(name string) error
}

// Inventory lists what a field of a form can be set to.
type Inventory interface {
	// Choices are for a picker named by a schema ("camera", "microphone", "font", …);
	// ok is false for pickers it does not know. It blocks.
	Choices(picker string) (list []Choice, ok bool)
}

// Choice is one device, font or the like.
type Choice struct{ Value, Label string }

// Machine measures the process and the computer. It does not block, whatever the disk does.
type Machine interface {
	// Sample is what was used since the last call.
	Sample() MachineStats
}

// MachineStats is zero where something is not known.
type MachineStats struct {
	// CPU is the process's use in cores (1.5 is one and a half); Cores there are.
	CPU   float64
	Cores int
	// RSS is the process's memory in bytes.
	RSS int64
	// DiskFree is what is left where recordings without a path go, in bytes; -1 is not known:
	// the disk does not answer, or has not been asked yet.
	DiskFree int64
}

// Logs is the newest part of the program's log.
type Logs interface {
	// Since returns records with larger numbers than seq, oldest first.
	Since(seq int64) []LogRecord
	// Keep is the least level that is kept of what comes from now on.
	Keep(least slog.Level)
}

// LogRecord is one line of the log.
type LogRecord struct {
	Seq   int64 // counts from 1
	Time  time.Time
	Level slog.Level
	Text  string
}

// Rehearsal is the built-in receiver's findings.
type Rehearsal interface {
	Streams() []RehearsalStream
}

// RehearsalStream is what the receiver says of one stream.
type RehearsalStream struct {
	ID       int64
	Title    string // protocol and name
	State    string // receiving, ended, refused
	Facts    []Fact
	Problems []string
}

// Fact is a thing that was measured and its value with unit.
type Fact struct{ Name, Value string }
