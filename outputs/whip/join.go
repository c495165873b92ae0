package whip

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

const (
	// reportPatience is how long a stream is held back for the sender reports that
	// bring its tracks together.
	reportPatience = 2 * time.Second
	// maxHeld bounds what is held back meanwhile, in packets.
	maxHeld = 2000
)

// ingestTrack is a track of a stream being received. But for ssrc it belongs to the
// stream's run.
type ingestTrack struct {
	index int
	kind  webrtc.RTPCodecType
	codec codec
	layer string // of simulcast; "" without
	ssrc  atomic.Uint32
	order reorder
	join  assembler
	time  timeline
	asked time.Time
}

func newIngestTrack(index int, kind webrtc.RTPCodecType, c codec, layer string) *ingestTrack {
	return &ingestTrack{index: index, kind: kind, codec: c, layer: layer, join: c.newAssembler(), time: timeline{timeBase: c.timeBase()}}
}

// heldUnit is a unit before its time is known.
type heldUnit struct {
	track   *ingestTrack
	unit    unit
	arrival time.Time
}

// joiner makes packets out of events and gives them to the sink. It belongs to the
// stream's run.
type joiner struct {
	in      *ingest
	sink    Sink
	began   time.Time // the first unit's arrival
	epoch   time.Time // PTS 0 on the sender's wall clock
	local   time.Time // PTS 0 on ours, of what came the fastest; known once started
	told    bool      // epoch is by a report
	held    []heldUnit
	started bool
}

func (j *joiner) take(e event) {
	t := j.in.tracks[e.track]
	if e.report != nil {
		j.report(t, e)
		j.release(e.arrival)
		return
	}
	j.in.packets.Add(1)
	j.in.bytes.Add(int64(len(e.packet.Payload)))
	t.order.push(e.packet, e.arrival, func(p *rtp.Packet, gap bool) {
		if t.join.push(p, gap, func(u unit) { j.unit(heldUnit{t, u, e.arrival}) }) {
			j.in.askKeyframe(t, e.arrival)
		}
	})
	var lost int64
	for _, t := range j.in.tracks {
		lost += t.order.lost
	}
	j.in.lost.Store(lost)
}

// report takes a sender report. The first fixes what the sender's clock is to ours. When that
// comes only after a start by arrival, time goes on as it has begun: that of the pictures where
// there are some, which cannot be left out to go back in time.
func (j *joiner) report(t *ingestTrack, e event) {
	at := ntpToTime(e.report.NTPTime)
	switch {
	case j.told:
	case !j.started:
		j.told, j.epoch = true, at
	case t.time.mapped:
		if t.kind == webrtc.RTPCodecTypeAudio && slices.ContainsFunc(j.in.tracks, func(o *ingestTrack) bool { return o.kind == webrtc.RTPCodecTypeVideo && o.time.mapped }) {
			return // the pictures' is first
		}
		j.told, j.epoch = true, at.Add(-media.TimeOf(t.time.pts(e.report.RTPTime), t.time.timeBase))
	default:
		return // nothing of it has come, and the next report says the same
	}
	t.time.report(j.epoch, at, e.report.RTPTime)
}

func (j *joiner) unit(u heldUnit) {
	if j.began.IsZero() {
		j.began = u.arrival
	}
	if j.started {
		j.emit(u)
		return
	}
	j.held = append(j.held, u)
	j.release(u.arrival)
}

// release starts the stream when the time of all tracks is known and a keyframe is
// there, or after the patience is over.
func (j *joiner) release(now time.Time) {
	if j.started || j.began.IsZero() {
		return
	}
	ready := true
	for _, t := range j.in.tracks {
		ready = ready && t.time.mapped
		if t.kind == webrtc.RTPCodecTypeVideo {
			ready = ready && j.firstPicture(t) != nil
		}
	}
	if ready || now.Sub(j.began) > reportPatience || len(j.held) >= maxHeld {
		j.start()
	}
}

// firstPicture is the first access unit of t that is held; it is a keyframe.
func (j *joiner) firstPicture(t *ingestTrack) *heldUnit {
	for i := range j.held {
		if j.held[i].track == t {
			return &j.held[i]
		}
	}
	return nil
}

// start announces the tracks and gives out what is held.
func (j *joiner) start() {
	if j.started || len(j.held) == 0 {
		return
	}
	j.started = true
	j.align()
	// Time is counted from the first unit on, whatever the reports counted from.
	first := j.held[0]
	j.shift(media.TimeOf(first.track.time.pts(first.unit.rtpTime), first.track.codec.timeBase()))

	tracks := make([]media.Track, len(j.in.tracks))
	for i, t := range j.in.tracks {
		tracks[i] = media.Track{Codec: t.codec.codec, TimeBase: t.codec.timeBase(), Title: t.layer}
		if t.kind == webrtc.RTPCodecTypeAudio {
			tracks[i].SampleRateHz, tracks[i].Channels = int(t.codec.clockRateHz), int(t.codec.channels)
		} else if p := j.firstPicture(t); p != nil {
			switch t.codec.codec {
			case media.H264:
				describeH264(&tracks[i], p.unit.data)
			case media.HEVC:
				describeHEVC(&tracks[i], p.unit.data)
			}
		}
	}
	j.sink.Start(tracks)
	for _, u := range j.held {
		j.emit(u)
	}
	j.held = nil
}

// align maps the tracks that no report has spoken of by arrival, beside those that one has
// spoken of: the sender's clock may be any. Of what is held the fastest counts, since a
// large picture takes longer to come than sound.
func (j *joiner) align() {
	for _, u := range j.held {
		if t := &u.track.time; t.reported {
			if at := u.arrival.Add(-media.TimeOf(t.pts(u.unit.rtpTime), t.timeBase)); j.local.IsZero() || at.Before(j.local) {
				j.local = at
			}
		}
	}
	if j.local.IsZero() {
		j.local = j.began
	}
	for _, u := range j.held {
		u.track.time.assume(j.local, u.arrival, u.unit.rtpTime)
	}
}

// shift moves time zero later by d.
func (j *joiner) shift(d time.Duration) {
	j.epoch, j.local = j.epoch.Add(d), j.local.Add(d)
	for _, t := range j.in.tracks {
		t.time.offset -= media.UnitsIn(d, t.codec.timeBase())
	}
}

func (j *joiner) emit(u heldUnit) {
	t := u.track
	tb := t.codec.timeBase()
	if !t.time.mapped {
		t.time.assume(j.local, u.arrival, u.unit.rtpTime)
	}
	pts := t.time.pts(u.unit.rtpTime)
	p := &media.Packet{
		Track: t.index, Audio: t.kind == webrtc.RTPCodecTypeAudio, Data: u.unit.data,
		PTS: pts, DTS: pts, Keyframe: u.unit.keyframe,
		Time: media.TimeOf(pts, tb), Made: u.arrival.Sub(j.began),
	}
	if t.codec.codec == media.Opus {
		p.Duration = opusDuration(p.Data)
	}
	j.sink.Packet(p)
}

func describeH264(t *media.Track, au []byte) {
	c, err := h264.ParamSets(au)
	if err != nil {
		return
	}
	t.Extradata = c.AnnexB()
	if sps, err := h264.ParseSPS(c.SPS[0]); err == nil {
		t.Width, t.Height = sps.Width, sps.Height
	}
}

// opusDuration is the length of an Opus packet in samples of 48 kHz by its first
// bytes (RFC 6716 section 3.1), 0 when it makes no sense.
func opusDuration(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var frame int64
	switch config := b[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int64{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = [2]int64{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	switch b[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(b) < 2 {
		return 0
	}
	return frame * int64(b[1]&0x3f)
}
