package engine

import (
	"slices"
	"time"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// State is everything a control surface shows, at one tick. It is immutable; the
// next State is another value.
type State struct {
	Tick int64
	Time time.Duration // studio time of Tick
	Show *scenes.Show
	// Revision grows with every change of Show, undo and redo included.
	Revision int64
	// Undo and Redo complete "Undo …" and "Redo …"; empty when there is nothing.
	Undo, Redo string
	// UndoHeard and RedoHeard are the names of the sources and buses that are muted, off the air
	// or faded out now, and would not be after an Undo or a Redo.
	UndoHeard, RedoHeard []string

	Program    string // id of the scene or source on programme; "" is black
	Preview    string
	Transition TransitionState
	Next       Next
	Black      float64 // fade to black: 0 none .. 1 black
	FadedOut   bool    // what FTB is going to

	// Tally by source id and by scene id; absent means off.
	Tally map[string]Tally

	Sources      []SourceState // in the show's order
	Master       MasterState
	Monitor      MonitorState
	Buses        []BusState // in the show's order; the programme's, which Master is, among them
	Destinations []DestinationState
	Recordings   []DestinationState
	// ISOs are the own recordings of sources, by source id: those that the show lists, in
	// its order, then others that were started.
	ISOs       []DestinationState
	Replay     ReplayState
	Renditions []RenditionState
	// LateSounds are the names of buses, and of sources that are recorded on their own, of whose
	// sound an encoder left out some in the last ten seconds.
	LateSounds []string
	Counters   Counters
	GPU        gpu.Info
	// Marks are those that were set by command, the newest last.
	Marks []outputs.Mark
	// Live: at least one destination has been started and not stopped.
	Live bool
	// Recording: at least one recording has been started and not stopped.
	Recording bool
	// Writing are the names of recordings that were stopped and are still being written: those
	// of sources, and those that the show does not have any more, too.
	Writing []string
	// Warnings are what the operator should know now: the engine's own, newest last, and then
	// those about sources, renditions and outputs. One that has cleared is gone.
	Warnings []Warning
	// RefusedCommands is how many commands of the list (Options.Commands) were refused.
	RefusedCommands int64
}

// Busy reports whether something is delivered that another show, or the end of the program,
// would end, or cut short: a stream, a recording, or a source's own recording, also one that is
// still being written. Before the first state (nil) nothing is.
func (s *State) Busy() bool { return s.Delivering() || s != nil && len(s.Writing) > 0 }

// Delivering reports whether something is live or recording that the operator has not stopped.
func (s *State) Delivering() bool {
	return s != nil && (s.Live || s.Recording || s.RecordingISO())
}

// RecordingISO reports whether at least one source is recorded on its own.
func (s *State) RecordingISO() bool {
	return slices.ContainsFunc(s.ISOs, func(d DestinationState) bool { return d.Started })
}

// TransitionState is the switcher's transition as surfaces show it.
type TransitionState struct {
	Mode       TransitionMode
	Lever      float64 // place of the T-bar, 0..1
	Progress   float64 // share of the incoming picture
	FramesLeft int     // of a running AUTO
}

// Tally is what a source's lamp shows.
type Tally uint8

// Tallies. Programme wins over preview.
const (
	OnPreview Tally = iota + 1 // green
	OnProgram                  // red
)

// Meter is a stereo level: peak and hold in dBFS (-Inf for silence), clip latched.
type Meter struct {
	PeakDB, HoldDB [2]float64
	Clipped        bool
}

// Loudness is a bus's loudness by EBU R 128: levels in LUFS and dBTP, -Inf for silence and
// for what has not been measured yet; see audio.LoudnessReading, whose fields these are.
type Loudness audio.LoudnessReading

// SourceStatus is how a source is doing.
type SourceStatus uint8

// Source statuses.
const (
	SourceOpening SourceStatus = iota + 1
	SourceRunning
	SourceHeld    // nothing new for a while: the last picture stands
	SourceLost    // nothing for 5 s: the slate shows, and keys are on without it
	SourceWaiting // failed, will be tried again
	SourceEnded   // played to its end
	SourceFailed  // the operator has to change something
)

func (s SourceStatus) String() string {
	return [...]string{"", "opening", "running", "held", "lost", "waiting", "ended", "failed"}[s]
}

// MarshalText makes statuses readable in statistics.
func (s SourceStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SourceState is one source as surfaces show it.
type SourceState struct {
	ID, Name, Kind string
	Status         SourceStatus
	// Detail is what is received ("1920x1080 30 fps h264"), Problem one sentence
	// about what is wrong, empty when nothing is.
	Detail, Problem string
	// Remark is one sentence about what is wrong with a picture that is shown all the same,
	// empty when nothing is.
	Remark string
	// SoundProblem is one sentence about what its sound did within the last 10 s that the
	// mix had to cover, empty when nothing.
	SoundProblem string
	// StandIn is the id of the source that is shown and heard in its place at present.
	StandIn string
	// LeftOutOf are the names of the keys that are on air without it: what is lost of a key, or
	// cannot be used, is not drawn, where a scene shows the slate in its place.
	LeftOutOf          []string
	HasVideo, HasAudio bool
	// PixelAspect is the width of its picture's pixels by their height; 0 before the first.
	PixelAspect float64
	// Recordable: it can be recorded on its own, and, where its kind has pictures, be an
	// angle of the replay buffer.
	Recordable bool
	Strip      scenes.Strip
	// Heard: its sound, or silence of it, goes to some mix now: it is not muted, its fader is up,
	// and it is on air, follows a picture that is shown, or is sent from before its fader.
	Heard       bool
	Inserts     []InsertState
	ReductionDB float64 // of all dynamics together
	Solo        string  // "afl", "pfl" or ""
	Meter       Meter
	Frames      int64 // pictures that arrived
	Dropped     int64 // lost because the queue was full
	Skipped     int64 // passed over because a newer one was due
	Repeated    int64 // ticks that had to show the last picture again
	Underruns   int64 // audio frames replaced by silence
	QueueMS     float64
	// DeviceMS is how long the sound of a device is under way until it is queued, as far as
	// that is known; 0 for others. LatencyMS is that, the queue of a live source, the tick that
	// takes it from there, and what its inserts and the buses' delay it by: so much later is its sound in the mix, an operator's
	// delay apart. 0 for paced sources, whose sound is placed.
	DeviceMS, LatencyMS float64
	// DelayMS is the operator's delay as far as it is in force: sound cannot be made earlier
	// than by what is queued of it. Where the source has pictures, those wait for the rest.
	DelayMS float64
	// BehindMS is by how much the sound of a live source is later than its pictures and the
	// operator's delay have it, because no more pictures can wait for it; 0 while they are in step.
	BehindMS float64
	DriftPPM float64
	Restarts int64
	Clip     ClipState // of sources that Seek and Pause work on
}

// ClipState is where a media file is. Its zero value is a source without a position.
type ClipState struct {
	Seekable bool
	// Position of what this tick shows or sounds, from the in point; Length of the
	// material, 0 while that is not known.
	Position, Length   time.Duration
	Loop, Paused, Over bool // Over: it has come to its end and stands there
	Parked             bool // it waits for its cut (when_idle)
}

// MasterState is the programme's sound.
type MasterState struct {
	GainDB float64
	Muted  bool
	Meter  Meter
}

// MonitorState is where the operator listens.
type MonitorState struct {
	Device    string  // empty while there is none
	Problem   string  // one sentence about why there is none
	LatencyMS float64 // from the mix to the device, as far as known
	// DriftPPM is how much slower than the studio the device's clock runs.
	DriftPPM float64
	// What the operator did not hear, or heard a fade of, since the program began: how often
	// the queue in front of the device was empty, how often it was too long and was cut, and
	// the audio frames that found it full.
	Underruns, Skips, Dropped int64
}

// DestinationState is one destination or recording as surfaces show it.
type DestinationState struct {
	ID, Name, Kind string
	Rendition      string
	Started        bool // by the operator
	Finishing      bool // a recording that was stopped, of which Queue is still to be written
	// Paused: a recording was told to pause, and leaves out what comes from then on. Report says
	// so once its keyframe has reached the file, minutes later where the disk is slow.
	Paused bool
	Report outputs.Report
	// Problem is one sentence about the last failure; it clears when media is
	// acknowledged again. What else is known of the state is in Report.Detail.
	Problem    string
	Uptime     time.Duration // since media was first acknowledged on this connection
	BitrateBPS int64         // sent over the last second
	Queue      time.Duration
	Copied     bool  // an ISO recording that has its source's streams as they come, not encoded
	SoundOnly  bool  // an ISO recording of a source that has no pictures
	Dropped    int64 // packets dropped by the queue or by the output
	Reconnects int64
	// TargetBPS is what its encoders are to make together, EncoderBPS what they aim at now:
	// less while the bitrate follows a network that is too slow. 0 while it does not run.
	TargetBPS, EncoderBPS int64
	Group                 string
	StartAt, StopAt       string // RFC 3339, or empty
	// Chain is its list of ingests; nil when there is only one. It is the same value
	// from State to State while nothing in it changes.
	Chain     *IngestChain
	Recording RecordingState // of a recording
}

// IngestChain is a destination's ingests and which of them carries it.
type IngestChain struct {
	Active   int // place in Ingests
	Hot      bool
	Ingests  []IngestState  // by rank; the first is the primary
	Switches []IngestSwitch // newest last
}

// IngestState is one ingest. A cold backup that is not needed is idle.
type IngestState struct {
	Name, Kind string
	State      outputs.State
	Problem    string
}

// IngestSwitch is one change of the ingest that carries a destination.
type IngestSwitch struct {
	At       time.Time     // by the wall clock
	Time     time.Duration // studio time
	From, To string        // names of ingests
	Cause    string
}

// RenditionState is one running encode.
type RenditionState struct {
	ID, Encoder string
	Frames      int64 // encoded
	Dropped     int64 // dropped before encoding because the encoder was late
	// EncodeMS is the mean for a picture, BitrateBPS what came out, and Dropping the share of
	// pictures dropped: of the last second; 0 in the first.
	EncodeMS   float64
	BitrateBPS int64
	Dropping   float64
	// Late: pictures were dropped in the last ten seconds.
	Late bool
	// DelayP50MS and DelayP99MS are from the time at which a picture's tick was due to
	// its packet's leaving the encoder, since the start; 0 on the virtual clock.
	DelayP50MS, DelayP99MS float64
	// ThroughP50MS and ThroughP99MS are the same from the time stamp of the live picture in
	// it (of the oldest, where it shows several), as in Counters.CaptureP50MS; 0 without
	// live sources.
	ThroughP50MS, ThroughP99MS float64
	// BeforeP50MS and BeforeP99MS are the part of it until the encoder takes the picture; the
	// rest is the encoder's own.
	BeforeP50MS, BeforeP99MS float64
	AimBPS                   int64 // what the encoder aims at now
	// Held is how many pictures the encoder keeps to itself at present (B-frames, frame
	// threads): its own delay is this many frames and EncodeMS.
	Held int64
}

// Counters count ticks and their cost. Times are of the last second.
type Counters struct {
	Ticks, New, Repeated, Late int64
	Passthrough, Rects, Full   int64   // ticks by the compositor's path
	TickMS, ComposeMS, MixMS   float64 // mean
	TickMaxMS                  float64
	// TickP50MS and TickP99MS are the median and the 99th percentile of the ticks of
	// the last ten seconds, RunTickP50MS and RunTickP99MS of all since the start, to 2 %.
	TickP50MS, TickP99MS       float64
	RunTickP50MS, RunTickP99MS float64
	BudgetMS                   float64
	// CaptureP50MS and CaptureP99MS are from the time stamp of a live source's picture to
	// the time of the tick that first shows it, since the start; 0 without live sources.
	// Time stamps are placed so that the source's fastest pictures arrive at once.
	CaptureP50MS, CaptureP99MS float64
	ViewFPS                    float64 // what views are limited to at present
	PixelsPerTick              int
	Goroutines                 int
	HeapMB                     float64
	GCRuns                     int64     // runs of the garbage collector since the start
	Started                    time.Time // when studio time began, by the wall clock
	FirstPicture               time.Time // when the first programme picture had been handed on, by the wall clock
}

// Warning is one sentence for the operator: what happened, what still runs, what to do.
type Warning struct {
	Key  string // what it is about; one warning per key
	Text string
	Tick int64 // since when
}
