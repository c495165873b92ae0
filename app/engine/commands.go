package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// Command is one change of the studio. It is applied as a whole at one tick, or
// refused with a sentence and nothing changed. The exported fields are its JSON
// form; commandNames gives its name.
type Command interface{ apply(e *Engine) error }

// The commands of the live desk; editing.go has those that edit the show. Program may
// be left out while a show has one programme.
type (
	// Preview chooses what is next.
	Preview struct {
		Program string `json:"program,omitempty"`
		Scene   string `json:"scene"` // a scene's or a source's id
	}
	// Cut takes the preview, or Scene if given, to programme at this tick.
	Cut struct {
		Program string `json:"program,omitempty"`
		Scene   string `json:"scene,omitempty"`
	}
	// AutoTake starts the transition, halts a running one, continues a halted one.
	AutoTake struct {
		Program string `json:"program,omitempty"`
	}
	// TBar moves the T-bar to Position, 0..1.
	TBar struct {
		Program  string  `json:"program,omitempty"`
		Position float64 `json:"position"`
	}
	// FadeToBlack fades out or in; without On it toggles.
	FadeToBlack struct {
		Program string `json:"program,omitempty"`
		On      *bool  `json:"on,omitempty"`
	}
	// SetTransition changes what AUTO and the T-bar do; fields left out stay. A transition
	// under way ends as it began, but for the rate of an AUTO that goes on after a halt.
	SetTransition struct {
		Kind      string   `json:"kind,omitempty"`
		Frames    int      `json:"frames,omitempty"`
		Color     string   `json:"color,omitempty"`
		Softness  *float64 `json:"softness,omitempty"`
		Direction string   `json:"direction,omitempty"`
	}
	// SetNext chooses what the next transition moves: the background, and the
	// downstream keys that go on or off with it. Fields left out stay.
	SetNext struct {
		Background *bool     `json:"background,omitempty"`
		Overlays   *[]string `json:"overlays,omitempty"`
	}
	// SetOverlay switches a downstream key; without On it toggles.
	SetOverlay struct {
		ID string `json:"id"`
		On *bool  `json:"on,omitempty"`
	}
	// GoLive starts destinations: those named and the enabled ones of a group, or
	// without either all enabled ones.
	GoLive struct {
		Destinations []string `json:"destinations,omitempty"`
		Group        string   `json:"group,omitempty"`
	}
	// StopLive stops destinations: those named and those of a group, or without either all.
	StopLive struct {
		Destinations []string `json:"destinations,omitempty"`
		Group        string   `json:"group,omitempty"`
	}
	// StartRecording starts recordings: those named, or all.
	StartRecording struct {
		Recordings []string `json:"recordings,omitempty"`
	}
	// StopRecording stops recordings: those named, or all.
	StopRecording struct {
		Recordings []string `json:"recordings,omitempty"`
	}
	// StartISO starts the own recordings of the sources named, or of all that the show lists.
	StartISO struct {
		Sources []string `json:"sources,omitempty"`
	}
	// StopISO stops the own recordings of the sources named, or all.
	StopISO struct {
		Sources []string `json:"sources,omitempty"`
	}
	// Seek sets a media file's position in seconds from its in point.
	Seek struct {
		Source   string  `json:"source"`
		Position float64 `json:"position"`
	}
	// Pause stops or resumes a media file.
	Pause struct {
		Source string `json:"source"`
		Paused bool   `json:"paused"`
	}
	// RestartSource closes a source and opens it again now.
	RestartSource struct {
		Source string `json:"source"`
	}
	// ResetClip clears the latched clip lamps.
	ResetClip struct{}
	// ResetLoudness begins the loudness of a bus anew, of all without Bus.
	ResetLoudness struct {
		Bus string `json:"bus,omitempty"`
	}
)

// commandNames are the names of commands in command lists and on every control
// surface; stable.
var commandNames = map[string]func() Command{
	"preview":            func() Command { return &Preview{} },
	"cut":                func() Command { return &Cut{} },
	"take":               func() Command { return &Cut{} },
	"auto":               func() Command { return &AutoTake{} },
	"tbar":               func() Command { return &TBar{} },
	"ftb":                func() Command { return &FadeToBlack{} },
	"transition":         func() Command { return &SetTransition{} },
	"next":               func() Command { return &SetNext{} },
	"overlay":            func() Command { return &SetOverlay{} },
	"strip":              func() Command { return &SetStrip{} },
	"master":             func() Command { return &SetMaster{} },
	"send":               func() Command { return &SetSend{} },
	"bus":                func() Command { return &SetBus{} },
	"put_bus":            func() Command { return &PutBus{} },
	"remove_bus":         func() Command { return &RemoveBus{} },
	"add_insert":         func() Command { return &AddInsert{} },
	"insert":             func() Command { return &SetInsert{} },
	"remove_insert":      func() Command { return &RemoveInsert{} },
	"move_insert":        func() Command { return &MoveInsert{} },
	"duck":               func() Command { return &Duck{} },
	"solo":               func() Command { return &SoloSource{} },
	"monitor":            func() Command { return &MonitorBus{} },
	"go_live":            func() Command { return &GoLive{} },
	"stop_live":          func() Command { return &StopLive{} },
	"start_recording":    func() Command { return &StartRecording{} },
	"stop_recording":     func() Command { return &StopRecording{} },
	"split_recording":    func() Command { return &SplitRecording{} },
	"pause_recording":    func() Command { return &PauseRecording{} },
	"mark":               func() Command { return &SetMark{} },
	"start_iso":          func() Command { return &StartISO{} },
	"stop_iso":           func() Command { return &StopISO{} },
	"set_iso":            func() Command { return &SetISO{} },
	"set_replay":         func() Command { return &SetReplay{} },
	"start_replay":       func() Command { return &StartReplay{} },
	"stop_replay":        func() Command { return &StopReplay{} },
	"save_replay":        func() Command { return &SaveReplay{} },
	"mark_replay":        func() Command { return &MarkReplay{} },
	"play_replay":        func() Command { return &PlayReplay{} },
	"seek":               func() Command { return &Seek{} },
	"pause":              func() Command { return &Pause{} },
	"restart_source":     func() Command { return &RestartSource{} },
	"reset_clip":         func() Command { return &ResetClip{} },
	"reset_loudness":     func() Command { return &ResetLoudness{} },
	"add_source":         func() Command { return &AddSource{} },
	"update_source":      func() Command { return &UpdateSource{} },
	"remove_source":      func() Command { return &RemoveSource{} },
	"replace_show":       func() Command { return &ReplaceShow{} },
	"rename_show":        func() Command { return &RenameShow{} },
	"set_start":          func() Command { return &SetStart{} },
	"fade_rate":          func() Command { return &SetFadeRate{} },
	"add_scene":          func() Command { return &AddScene{} },
	"update_scene":       func() Command { return &UpdateScene{} },
	"remove_scene":       func() Command { return &RemoveScene{} },
	"set_layers":         func() Command { return &SetLayers{} },
	"put_overlay":        func() Command { return &PutOverlay{} },
	"remove_overlay":     func() Command { return &RemoveOverlay{} },
	"put_rendition":      func() Command { return &PutRendition{} },
	"remove_rendition":   func() Command { return &RemoveRendition{} },
	"apply_plan":         func() Command { return &ApplyPlan{} },
	"put_destination":    func() Command { return &PutDestination{} },
	"remove_destination": func() Command { return &RemoveDestination{} },
	"put_recording":      func() Command { return &PutRecording{} },
	"remove_recording":   func() Command { return &RemoveRecording{} },
	"reorder":            func() Command { return &Reorder{} },
	"undo":               func() Command { return &Undo{} },
	"redo":               func() Command { return &Redo{} },
}

// CommandNames lists all names, sorted.
func CommandNames() []string {
	names := make([]string, 0, len(commandNames))
	for n := range commandNames {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// CommandFields lists the fields of a command in command lists; nil for a name that is none.
func CommandFields(name string) []string {
	make, ok := commandNames[name]
	if !ok {
		return nil
	}
	var fields []string
	t := reflect.TypeOf(make()).Elem()
	for i := range t.NumField() {
		field, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if field == "" || field == "-" {
			continue
		}
		if strings.Contains(options, "omitempty") {
			field = "[" + field + "]"
		}
		fields = append(fields, field)
	}
	return fields
}

// nameOf is the name a command is logged under.
func nameOf(c Command) string {
	t := fmt.Sprintf("%T", c)
	for _, name := range CommandNames() { // sorted: "cut" before its alias "take"
		if fmt.Sprintf("%T", commandNames[name]()) == "*"+strings.TrimPrefix(t, "*") {
			return name
		}
	}
	return t
}

// Timed is a command with the tick at which it is applied.
type Timed struct {
	Tick    int64
	Command Command
}

// ParseTimed reads one line of a command list:
//
//	{"at": 375, "do": "cut"}    {"at": "12.5s", "do": "preview", "scene": "cam2"}
//
// A time is brought to the tick that is due then at rate fps. Unknown commands
// and fields are errors.
func ParseTimed(line []byte, fps media.Rational) (Timed, error) {
	var fields map[string]json.RawMessage
	if err := object(line, &fields); err != nil {
		return Timed{}, err
	}
	tick, err := parseAt(fields["at"], fps)
	if err != nil {
		return Timed{}, err
	}
	delete(fields, "at")
	c, err := parseCommand(fields)
	return Timed{tick, c}, err
}

// ParseCommand reads {"do": NAME, …}.
func ParseCommand(data []byte) (Command, error) {
	var fields map[string]json.RawMessage
	if err := object(data, &fields); err != nil {
		return nil, err
	}
	return parseCommand(fields)
}

func parseCommand(fields map[string]json.RawMessage) (Command, error) {
	var name string
	if err := json.Unmarshal(fields["do"], &name); err != nil || name == "" {
		return nil, fmt.Errorf(`"do" has to name a command`)
	}
	make, ok := commandNames[name]
	if !ok {
		return nil, fmt.Errorf("there is no command %q%s (crosspoint commands lists them)", name, scenes.DidYouMean(name, CommandNames()))
	}
	delete(fields, "do")
	rest, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	c := make()
	if err := complete(name, fields); err != nil {
		return nil, fmt.Errorf("command %q: %w", name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(rest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("command %q: %w", name, inWords(err))
	}
	return c, nil
}

// object reads a JSON object.
func object(data []byte, into *map[string]json.RawMessage) error {
	err := json.Unmarshal(data, into)
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &other) || err == nil && *into == nil: // the latter is null
		return errors.New(`a command is a JSON object such as {"do": "cut"}`)
	case err != nil:
		return fmt.Errorf("this is not a JSON object: %w", err)
	}
	return nil
}

// complete reports fields that a command does not have, and those that it needs.
func complete(name string, fields map[string]json.RawMessage) error {
	var known, missing []string
	for _, f := range CommandFields(name) {
		field := strings.Trim(f, "[]")
		known = append(known, field)
		if _, given := fields[field]; !given && field == f {
			missing = append(missing, strconv.Quote(field))
		}
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, f) {
			return fmt.Errorf("there is no field %q%s", f, scenes.DidYouMean(f, known))
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s is missing", missing[0])
	}
	return fmt.Errorf("%s are missing", strings.Join(missing, " and "))
}

// inWords says what encoding/json says of a command in words of the list's author.
func inWords(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) || wrong.Field == "" {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	want := "an object in { }"
	switch wrong.Type.Kind() {
	case reflect.String:
		want = "text in quotes"
	case reflect.Bool:
		want = "true or false"
	case reflect.Int, reflect.Int64, reflect.Int32:
		want = "a whole number"
	case reflect.Float64, reflect.Float32:
		want = "a number"
	case reflect.Slice:
		want = "a list in [ ]"
	}
	got, digits, _ := strings.Cut(wrong.Value, " ")
	got = map[string]string{"string": "text", "number": "a number", "bool": "true or false", "array": "a list", "object": "an object"}[got]
	if digits != "" {
		got = digits
	}
	return fmt.Errorf("%q has to be %s, not %s", wrong.Field, want, got)
}

func parseAt(raw json.RawMessage, fps media.Rational) (int64, error) {
	if len(raw) == 0 {
		return 0, fmt.Errorf(`"at" is missing: a tick number, or a time such as "12.5s"`)
	}
	var tick int64
	if err := json.Unmarshal(raw, &tick); err == nil && tick >= 0 {
		return tick, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			return media.UnitsIn(d, fps.Inv()), nil
		}
	}
	return 0, fmt.Errorf(`"at" is %s: it has to be a tick number, or a time such as "12.5s"`, raw)
}
