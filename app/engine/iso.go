package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// isoSource is what an ISO recording is of: one source's pictures at their own size, as
// they are brought to the studio's ticks, and its sound before the strip, or that alone.
type isoSource struct {
	id            string
	folder        string // of its files; empty or relative: in the folder for recordings
	in            *input // as it was when the recording was started
	width, height int    // of the encode; set before it is opened
	sounds        bool   // it has sound alone; set before its encode is opened
	copier        *copier
	codec         string // scenes.ISOAuto and so on
}

// isoKey is what deliveries call the recording of a source: no id of a show has a colon.
func isoKey(source string) string { return "iso:" + source }

// name is what its encodes are called.
func (s *isoSource) name() string { return "iso " + s.id }

// sizeOf is a picture's size as it looks, with square pixels, even, for input.size.
func sizeOf(f *media.Frame) int64 {
	w := f.Width
	if f.SAR.IsSet() {
		w = int(float64(w)*f.SAR.Float() + 0.5)
	}
	return int64(max(w&^1, 16))<<32 | int64(max(f.Height&^1, 16))
}

// isoSizeWait is how long a recording that starts waits for its source's first picture to
// learn its size; without one the canvas's is taken, and what comes is fitted to it.
const isoSizeWait = 2 * time.Second

// soundOnly: it is of a kind without pictures, or what it plays has none.
func (in *input) soundOnly() bool {
	return in.kind.HasAudio && in.audio.Load() && !(in.kind.HasVideo && in.video.Load())
}

// lossless: a file of these settings can hold sound as it is.
func (s *isoSource) lossless(settings json.RawMessage) bool {
	var set struct{ Container string }
	_ = json.Unmarshal(settings, &set) // the recorder says what is wrong with them
	return set.Container == "" || set.Container == "mkv"
}

// learnSize sets the size to the source's, waiting at most limit for its first picture
// unless it has none.
func (s *isoSource) learnSize(canvas scenes.Canvas, limit time.Duration) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if size := s.in.size.Load(); size != 0 {
			s.width, s.height = int(size>>32), int(size&0xffffffff)
			return
		}
		if s.in.soundOnly() {
			return
		}
		select {
		case <-look.C:
			if !s.in.inTrouble() {
				continue
			}
		case <-s.in.done:
		case <-timeout.C:
		}
		s.width, s.height = canvas.Width, canvas.Height
		return
	}
}

// picture is what an encode is given at this tick: the programme, or the picture of its
// source, the slate where there is none. Borrowed; of the tick goroutine.
func (d *deliveries) picture(source string, program *media.Frame) *media.Frame {
	if source == "" {
		return program
	}
	if in := d.e.inputs[source]; in != nil && in.current != nil {
		return in.current
	}
	return d.e.slate
}

// sound is what an audio encode is given of this tick, n samples: its bus, or the sound of
// its source before the strip. Of the tick goroutine.
func (d *deliveries) sound(a *audioRunner, n int) []float32 {
	if a.source == "" {
		return d.e.desk.samples(a.bus, n)
	}
	if in := d.e.inputs[a.source]; in != nil {
		if b := in.strip.Tapped(); len(b) == n {
			return b
		}
	}
	return d.e.desk.samples("", n)
}

// tapSounds turns the taps of the sources on whose ISO recordings run. Of the tick
// goroutine, before the mix.
func (d *deliveries) tapSounds() {
	for _, a := range d.active.Load().audio {
		if a.source == "" {
			continue
		}
		if in := d.e.inputs[a.source]; in != nil {
			in.strip.SetTap(true)
		}
	}
}

// in reports whether what v delivers is in show.
func (v *delivery) in(show *scenes.Show) bool {
	if v.iso != nil {
		_, ok := show.Source(v.iso.id)
		return ok
	}
	if v.ring != nil {
		return true
	}
	_, dest := show.Destination(v.def.ID)
	_, rec := show.Recording(v.def.ID)
	return dest || rec
}

// startISO starts the own recordings of the sources named, or of all that the show lists.
func (d *deliveries) startISO(ids []string) error {
	if len(ids) == 0 {
		if ids = d.e.show.ISO.Sources; len(ids) == 0 {
			return errors.New("no source is chosen for recording on its own")
		}
	}
	for _, id := range ids {
		if err := d.canISO(id); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := d.startOneISO(id, false); err != nil {
			return err
		}
	}
	return nil
}

// canISO says why a source cannot be recorded on its own.
func (d *deliveries) canISO(id string) error {
	in := d.e.inputs[id]
	switch {
	case in == nil:
		return fmt.Errorf("there is no source %q", id)
	case in.src == nil:
		return fmt.Errorf("%s does not run: there is nothing to record of it", in.def.Name)
	case in.kind.Pacing == sources.Still:
		return fmt.Errorf("%s is a still: there is nothing to record of it", in.def.Name)
	}
	return nil
}

// canAngle says why a source cannot be an angle of the replay buffer.
func (d *deliveries) canAngle(id string) error {
	if err := d.canISO(id); err != nil {
		return err
	}
	if in := d.e.inputs[id]; !in.kind.HasVideo {
		return fmt.Errorf("%s has no picture: it cannot be an angle of the replay buffer", in.def.Name)
	}
	return nil
}

// startOneISO starts one recording; with along it ends with the programme's.
func (d *deliveries) startOneISO(id string, along bool) error {
	settings, folder, err := isoSettings(d.e.show.ISO.Settings, time.Now().Format("2006-01-02 15-04-05")+" "+id)
	if err != nil {
		return err
	}
	in := d.e.inputs[id]
	iso, sound := d.isoOf(in)
	iso.folder = folder
	def := scenes.Destination{ID: isoKey(id), Name: in.def.Name + " (ISO)", Kind: scenes.RecordingKind, Rendition: ISORendition(d.e.show), Settings: settings, Enabled: true}
	d.start(def, sound, true, func(v *delivery) { v.iso = iso })
	d.mu.Lock()
	defer d.mu.Unlock()
	if along {
		d.along[id] = true
	}
	return nil
}

// makeFolder makes the folder of its files where it is missing. Where there is a second
// folder, the recorder goes there when it cannot be made.
func (s *isoSource) makeFolder(ctx context.Context, base string, settings json.RawMessage) error {
	if s.folder == "" {
		return nil // the folder for recordings, or nothing is written at all
	}
	folder := s.folder
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(base, folder)
	}
	err, answered := supervise.InTime(ctx, supervise.DiskAnswers, func() error { return os.MkdirAll(folder, 0o755) })
	if !answered {
		err = errors.New("its disk does not answer")
	}
	var set struct{ Spill string }
	_ = json.Unmarshal(settings, &set) // the recorder says what is wrong with them
	if err == nil || set.Spill != "" {
		return nil
	}
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("the folder %s cannot be made: %w", folder, err)
}

// isoOf is what a delivery of a source of its own needs. Of the tick goroutine.
func (d *deliveries) isoOf(in *input) (*isoSource, []scenes.Track) {
	iso := &isoSource{id: in.def.ID, in: in, copier: d.e.copier(in.def.ID), codec: d.e.show.ISO.Codec}
	if !in.kind.HasAudio {
		return iso, nil
	}
	in.strip.SetTap(true)
	return iso, []scenes.Track{{Bus: iso.name(), Name: in.def.Name}}
}

// ISORendition is the rendition whose coding ISO recordings and the replay buffer's angles
// have; "" where the show has none.
func ISORendition(show *scenes.Show) string { return show.RenditionOrFirst(show.ISO.Rendition) }

// ReplayRendition is the rendition that the replay buffer keeps of the programme; "" where
// the show has none.
func ReplayRendition(show *scenes.Show) string { return show.RenditionOrFirst(show.Replay.Rendition) }

// own: it is neither a destination nor a recording of the show's lists.
func (v *delivery) own() bool { return v.iso != nil || v.ring != nil }

// isoSettings are the settings of one file, called name, in the folder that raw says.
func isoSettings(raw json.RawMessage, name string) (settings json.RawMessage, folder string, err error) {
	s := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, "", fmt.Errorf("the settings of ISO recordings cannot be read: %w", err)
		}
		if err := json.Unmarshal(s["path"], &folder); s["path"] != nil && err != nil {
			return nil, "", fmt.Errorf("the folder of ISO recordings has to be a text")
		}
	}
	path, err := json.Marshal(filepath.Join(folder, name))
	if err != nil {
		return nil, "", err
	}
	s["path"] = path
	settings, err = json.Marshal(s)
	return settings, folder, err
}

// stopISO ends the own recordings of the sources named, or all. It does not wait.
func (d *deliveries) stopISO(ids []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if d.dest[isoKey(id)] == nil {
			return fmt.Errorf("the recording of source %q has not been started", id)
		}
	}
	for _, v := range d.dest {
		if v.iso != nil && v.ring == nil && (len(ids) == 0 || slices.Contains(ids, v.iso.id)) {
			v.stop()
			delete(d.along, v.iso.id)
		}
	}
	return nil
}

// isoAlong starts those that go with the programme's recordings. What cannot be recorded
// is told, and keeps nothing else from starting.
func (d *deliveries) isoAlong() {
	if !d.e.show.ISO.WithRecording {
		return
	}
	var refused []string
	for _, id := range d.e.show.ISO.Sources {
		err := d.canISO(id)
		if err == nil && !d.isoStarted(id) {
			err = d.startOneISO(id, true)
		}
		if err != nil {
			refused = append(refused, Plain(err.Error()))
		}
	}
	if len(refused) > 0 {
		d.e.warn.set("iso", fmt.Sprintf("Not recorded on its own: %s. Everything else is recorded.", strings.Join(refused, "; ")), d.e.tick)
	} else {
		d.e.warn.clear("iso")
	}
}

func (d *deliveries) isoStarted(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.dest[isoKey(id)]
	return v != nil && v.isRunning() && !v.stopping.Load()
}

// isoFollows stops what was started along with the programme's recordings once none of
// those goes on.
func (d *deliveries) isoFollows() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		if v.recording && v.iso == nil && v.isRunning() && !v.stopping.Load() {
			return
		}
	}
	for id := range d.along {
		if v := d.dest[isoKey(id)]; v != nil {
			v.stop()
		}
	}
	clear(d.along)
}

// listISO is the own recordings of sources, those that the show lists first; their ID is
// the source's.
func (d *deliveries) listISO(show *scenes.Show, now time.Duration) (out []DestinationState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	add := func(id string) {
		source, ok := show.Source(id)
		if !ok {
			return
		}
		s := DestinationState{Kind: scenes.RecordingKind, Rendition: show.ISO.Rendition, Report: outputs.Report{State: outputs.Idle}}
		if v := d.dest[isoKey(id)]; v != nil {
			s = v.state(now)
		}
		s.ID, s.Name = id, source.Name
		out = append(out, s)
	}
	for _, id := range show.ISO.Sources {
		add(id)
	}
	for _, v := range show.Sources {
		if d.dest[isoKey(v.ID)] != nil && !slices.Contains(show.ISO.Sources, v.ID) {
			add(v.ID)
		}
	}
	return out
}

// isoWait is how long an ISO recording that starts now may wait for its source's size.
// Studio time waits for all that open before it begins together.
func (d *deliveries) isoWait(in *input) time.Duration {
	switch {
	case d.e.clock.Virtual():
		return in.limit
	case d.opening.Load():
		return time.Until(d.openBy)
	}
	return isoSizeWait
}

func (c StartISO) apply(e *Engine) error { return e.outs.startISO(c.Sources) }
func (c StopISO) apply(e *Engine) error  { return e.outs.stopISO(c.Sources) }
