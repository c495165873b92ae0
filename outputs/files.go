package outputs

import (
	"context"
	"errors"
	"time"
)

// What recordings can do besides running. Each is an optional interface of an Output; none
// of its methods blocks, and all may be called by any goroutine at any time. at is studio
// time, as in Packet.Time: what they ask for happens at the first keyframe at or after it,
// so whoever wants it at that very picture has the encoder make a keyframe there.
type (
	// Splitter begins a new file.
	Splitter interface{ Split(at time.Duration) }
	// Pauser stops writing, and goes on in the same file as if no time had passed.
	Pauser interface {
		Pause(at time.Duration, paused bool)
	}
	// Chapterer notes a place, which becomes a chapter of the file that has it.
	Chapterer interface{ Mark(Mark) }
)

// Mark is a named place of the programme.
type Mark struct {
	At   time.Duration // studio time
	Name string
	// Cut: the programme was cut there; nobody asked for the mark.
	Cut bool
}

// Chapter is a mark as a file has it: At is from the file's own beginning.
type Chapter struct {
	At   time.Duration `json:"at"`
	Name string        `json:"name"`
}

// FileEvent tells of a file that a recording has made, begun to fill, noted a chapter for, or
// closed.
type FileEvent struct {
	Path string
	// Part counts the files of one start of the recording, from 1.
	Part int
	// From is where the file begins on the recording's own timeline, which has no pauses.
	From time.Duration
	// Begun: its first picture has come (the first block of sound where there are none), and
	// lies at First in studio time. Path and Part are the only other fields that are set then.
	Begun bool
	First time.Duration
	// Left is what a pause leaves out of it, told when the pause begins, and again when it
	// ends; Path and Part are the only other fields that are set then.
	Left *Pause
	// Closed: nobody writes to the file any more. The fields below are set then.
	Closed bool
	// Removed: it was empty, and is gone.
	Removed bool
	// Problem is why the file ended when it was not meant to; empty otherwise. What it has
	// up to there plays.
	Problem string
	// Ended: its end was written, so that it needs no finishing, with or without a Problem.
	Ended bool
	// Holds is what was written into it.
	Holds Contents
	// Chapters are those it has; of a file that is not closed, those it will have so far.
	Chapters []Chapter
}

// Pause is a stretch of studio time that a file does not have: the picture at Until follows the
// one before From.
type Pause struct {
	From  time.Duration
	Until time.Duration // 0: it is not over
}

// ErrEmpty is what Files.Finish says of a file that held nothing; it has been removed.
var ErrEmpty = errors.New("there was nothing in the file")

// Contents is what a file should have, for checking that it does.
type Contents struct {
	// Packets by track, in the order of the feed's; Keyframes are pictures' only.
	Packets   []int64
	Keyframes int64
	// Length is of the pictures (of the sound without pictures), LongestGOP the longest
	// time from keyframe to keyframe.
	Length, LongestGOP time.Duration
	// SoundFrom and SoundTo are where sound was given to begin and to end, from the
	// beginning and the end of the pictures, by track: of a source that is recorded as it
	// comes. Nil: where the pictures do.
	SoundFrom, SoundTo []time.Duration `json:",omitempty"`
}

// Files is what a kind whose outputs are files does with them when they are closed. Its
// functions block for as long as reading takes, and keep to a processor's and a disk's
// spare time; ctx ends them.
type Files struct {
	// Check reads a file again and says whether it holds what was written; want.Packets is
	// nil when that is not known. The error is what is wrong, in words, or ctx's.
	Check func(ctx context.Context, path string, want Contents) (FileCheck, error)
	// Finish brings a file whose writer was killed into the form of one that ended well, in
	// its place and only when that has succeeded; one that has no packet yet is removed
	// (ErrEmpty). It reports whether there was anything to do. It takes as much room as the
	// file until then, and is an error where that would not leave room for others.
	Finish func(ctx context.Context, path string, chapters []Chapter) (changed bool, err error)
}

// FileCheck is what a check found.
type FileCheck struct {
	Length time.Duration
	SHA256 string // of the whole file, hexadecimal
	Bytes  int64
}
