package engine

import (
	"fmt"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// acquire makes user take part in the encodes that rendition id needs for an ingest of
// kind with the sound tracks named, opening those that do not run yet. on, if not nil, gets
// their packets from now on.
func (d *deliveries) acquire(show *scenes.Show, user *delivery, id string, sound []scenes.Track, kind outputs.Kind, on sink) (*link, error) {
	r, ok := show.Rendition(id)
	if !ok {
		return nil, fmt.Errorf("there is no rendition %q", id)
	}
	if err := carries(kind, r); err != nil {
		return nil, err
	}
	audio := kind.Audio[0]
	bitrate := r.Audio.BitrateKbps * 1000
	if audio == media.Opus {
		bitrate = opusBitrateBPS
	}
	d.opens.Lock()
	defer d.opens.Unlock()
	noB, iso := d.noBFrames(show, r), user.iso
	if iso != nil { // of that source alone, every picture of it
		noB, r.Video.FrameDivisor = false, 1
		r.ID, r.Video.Width, r.Video.Height = iso.name(), iso.width, iso.height
		id = r.ID
	}
	// Renditions that are equal but for their names and their sound are one encode of
	// pictures, buses with equal settings one of sound.
	l := &link{videoKey: fmt.Sprintf("%v %v", r.Video, noB), users: 1}
	if iso != nil {
		l.videoKey = iso.name() + " " + l.videoKey
	}
	l.key = l.videoKey
	buses := make([]string, len(sound))
	for i, t := range sound {
		if buses[i] = t.Bus; t.Bus == "" {
			buses[i] = r.Audio.Bus
		}
		l.audioKeys = append(l.audioKeys, fmt.Sprintf("%s %d %s", audio, bitrate, buses[i]))
		l.key += fmt.Sprintf("|%s %q", l.audioKeys[i], t.Name)
	}
	if l := d.links[l.key]; l != nil {
		l.users++
		l.video.join(user)
		if on != nil {
			l.stream.attachFrom(on, l.video.beginFor(user))
		}
		return l, nil
	}
	v := d.video[l.videoKey]
	if v == nil {
		var err error
		v, err = openVideo(r, d.e, noB, func(err error) {
			d.e.warn.set("encoder "+id, fmt.Sprintf("The encoder of rendition %q reports: %v. Pictures are missing where it is used; other renditions go on. If it stays, restart the destinations that use it.", id, err), d.e.state.Load().Tick)
		})
		if err != nil {
			return nil, err
		}
		if iso != nil {
			v.source = iso.id
		}
		d.video[l.videoKey] = v
	}
	tracks := []media.Track{v.now()}
	for i, key := range l.audioKeys {
		a := d.audio[key]
		if a == nil {
			var err error
			a, err = openAudio(buses[i], audio, bitrate, d.e, func(err error) {
				d.e.warn.set("audio encoder "+buses[i], fmt.Sprintf("The %s encoder of bus %q reports: %v. Sound is missing where it is used; pictures and all other sound go on. If it stays, restart the destinations that use it.", audio, buses[i], err), d.e.state.Load().Tick)
			})
			if err != nil {
				d.unused(l)
				return nil, err
			}
			if iso != nil {
				a.source = iso.id
			}
			d.audio[key] = a
		}
		track := a.track
		track.Title = sound[i].Name
		tracks = append(tracks, track)
	}
	l.stream, l.video = newStream(tracks...), v
	v.join(user)
	if on != nil {
		l.stream.attachFrom(on, v.beginFor(user))
	}
	d.links[l.key] = l
	v.add(l.stream)
	for i, key := range l.audioKeys {
		d.audio[key].add(l.stream, i+1)
	}
	d.activate()
	return l, nil
}

// acquireSound is acquire for the recording of a source that has sound alone: lossless where
// the container holds that, else as the rendition's sound is coded.
func (d *deliveries) acquireSound(show *scenes.Show, user *delivery, kind outputs.Kind, on sink) (*link, error) {
	iso, codec, bitrate := user.iso, media.FLAC, 0
	if !iso.lossless(user.def.Settings) {
		r, ok := show.Rendition(user.def.Rendition)
		if !ok {
			return nil, fmt.Errorf("there is no rendition %q", user.def.Rendition)
		}
		codec, bitrate = kind.Audio[0], r.Audio.BitrateKbps*1000
	}
	d.opens.Lock()
	defer d.opens.Unlock()
	bus := iso.name()
	key := fmt.Sprintf("%s %d %s", codec, bitrate, bus)
	l := &link{key: bus + " sound", audioKeys: []string{key}, users: 1}
	a := d.audio[key]
	if a == nil {
		var err error
		a, err = openAudio(bus, codec, bitrate, d.e, func(err error) {
			d.e.warn.set("audio encoder "+bus, fmt.Sprintf("The %s encoder of %s reports: %v. Sound is missing in its own recording; everything else goes on. If it stays, start that recording again.", codec, iso.in.def.Name, err), d.e.state.Load().Tick)
		})
		if err != nil {
			return nil, err
		}
		a.source = iso.id
		d.audio[key] = a
	}
	track := a.track
	track.Title, track.FPS = iso.in.def.Name, d.e.fps
	l.stream = newStream(track)
	if on != nil {
		l.stream.attach(on)
	}
	d.links[l.key] = l
	a.add(l.stream, 0)
	d.activate()
	return l, nil
}

// unused closes those of l's encodes that no link uses, after the tick has let go of
// them; opens is held.
func (d *deliveries) unused(l *link) {
	var video *videoRunner
	var audio []*audioRunner
	if v := d.video[l.videoKey]; v != nil && !d.used(func(o *link) bool { return o.videoKey == l.videoKey }) {
		delete(d.video, l.videoKey)
		video = v
	}
	for _, key := range l.audioKeys {
		if a := d.audio[key]; a != nil && !d.used(func(o *link) bool { return slices.Contains(o.audioKeys, key) }) {
			delete(d.audio, key)
			audio = append(audio, a)
		}
	}
	d.activate()
	d.settle()
	// What its encoder had to say is over with it.
	if video != nil {
		video.close()
		d.e.warn.clear("encoder " + video.id)
		d.e.warn.clear("bitrate " + video.id)
	}
	for _, a := range audio {
		a.close()
		d.e.warn.clear("audio encoder " + a.bus)
	}
}

// noBFrames: some destination of the show that uses an encode equal to r cannot take
// pictures out of display order. Decided from the whole show, so that starting
// that destination later does not need another encoder.
func (d *deliveries) noBFrames(show *scenes.Show, r scenes.Rendition) bool {
	for _, v := range show.Destinations {
		ids := append([]string{v.Rendition}, v.Simulcast...)
		if !slices.ContainsFunc(ids, func(id string) bool {
			o, ok := show.Rendition(id)
			return ok && o.Video == r.Video
		}) {
			continue
		}
		noB := d.e.opt.OutputKinds[v.Kind].NoBFrames
		for _, b := range v.Backups {
			noB = noB || d.e.opt.OutputKinds[b.Kind].NoBFrames
		}
		if noB {
			return true
		}
	}
	return false
}

// release gives up user's use of a link and closes encodes that nobody uses.
func (d *deliveries) release(user *delivery, l *link) {
	d.opens.Lock()
	defer d.opens.Unlock()
	if l.copied != nil {
		delete(d.links, l.key)
		l.copied.remove(l.stream)
		l.copied.use(-1)
		return
	}
	if l.video != nil {
		l.video.leave(user)
	}
	if l.users--; l.users > 0 || d.links[l.key] != l {
		return
	}
	delete(d.links, l.key)
	if v := d.video[l.videoKey]; v != nil {
		v.remove(l.stream)
	}
	for _, key := range l.audioKeys {
		if a := d.audio[key]; a != nil {
			a.remove(l.stream)
		}
	}
	d.unused(l)
}

func (d *deliveries) used(by func(*link) bool) bool {
	for _, l := range d.links {
		if by(l) {
			return true
		}
	}
	return false
}

// activate shows the tick the current encodes; opens is held.
func (d *deliveries) activate() {
	r := &runners{}
	for _, v := range d.video {
		r.video = append(r.video, v)
	}
	for _, a := range d.audio {
		r.audio = append(r.audio, a)
	}
	d.active.Store(r)
}

// settle waits until the tick no longer uses a set that was replaced, so that its
// encodes can be closed.
func (d *deliveries) settle() {
	d.delivering.Lock()
	defer d.delivering.Unlock()
}

// second closes the books of a second of all encodes. Of the tick goroutine.
func (d *deliveries) second(now time.Duration) {
	r := d.active.Load()
	for _, v := range r.video {
		v.recent.turn(now, encodeTotals{v.frames.Load(), v.dropped.Load(), v.bytes.Load(), v.busy.Load()})
	}
	for _, a := range r.audio {
		a.recent.turn(now, encodeTotals{dropped: a.dropped.Load()})
	}
}

// lateSounds are the buses, and the sources that are recorded on their own, whose encoders of
// sound have left some out in the last ten seconds. Of the tick goroutine.
func (d *deliveries) lateSounds() (names []string) {
	for _, a := range d.active.Load().audio {
		if _, _, _, late := a.recent.state(a.clock.Now()); !late {
			continue
		}
		name := a.bus
		if b := d.e.desk.buses[a.bus]; b != nil {
			name = b.def.Name
		}
		if in := d.e.inputs[a.source]; in != nil {
			name = in.def.Name
		}
		names = append(names, name)
	}
	slices.Sort(names) // several codecs of one, in any order
	return slices.Compact(names)
}

// states are the running encodes as surfaces show them. Of the tick goroutine.
func (d *deliveries) states() []RenditionState {
	var out []RenditionState
	for _, v := range d.active.Load().video {
		frames := v.frames.Load()
		s := RenditionState{ID: v.id, Encoder: v.name(), AimBPS: v.aim(), Frames: frames, Dropped: v.dropped.Load(), Held: max(frames-v.packets.Load(), 0)}
		s.DelayP50MS, s.DelayP99MS = quantiles(&v.delay)
		s.BeforeP50MS, s.BeforeP99MS = quantiles(&v.before)
		s.ThroughP50MS, s.ThroughP99MS = quantiles(&v.through)
		s.EncodeMS, s.BitrateBPS, s.Dropping, s.Late = v.recent.state(v.clock.Now())
		out = append(out, s)
	}
	return out
}
