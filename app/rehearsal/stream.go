package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// maxKeyframeInterval is beyond what the platforms take (most ask for 2 s, all for at
// most 4 s).
const maxKeyframeInterval = 4 * time.Second

// trackPatience is how long a stream may be without pictures or sound before that is
// worth a warning.
const trackPatience = 5 * time.Second

// stream is one stream being received. One goroutine, its connection's, calls describe,
// packet and end; any may call report.
type stream struct {
	r              *Receiver
	id             int64
	protocol, name string
	peer           string
	began          time.Time
	recording      *recording // nil without; used by the connection's goroutine

	mu      sync.Mutex // guards everything below
	state   State
	problem string
	ended   time.Time
	tracks  []media.Track

	video, audio cadence
	keyframes    spread
	bFrames      bool
	unsupported  []string
	packets      int64
	bytes        int64
	lastPacket   time.Time

	windowStart   time.Duration // of arrival: bitrate and skew are measured by the second
	windowBytes   int64
	bitrate       int64
	delay         [2]time.Duration // sums of arrival less time stamp; pictures, sound
	delayed       [2]int64
	skew          time.Duration
	skewKnown     bool
	examination   pending
	found         findings
	recordingName string
}

func newStream(r *Receiver, id int64, protocol, name, peer string) *stream {
	return &stream{r: r, id: id, protocol: protocol, name: name, peer: peer, began: time.Now(), state: Receiving}
}

// describe says what track i is.
func (s *stream) describe(i int, t media.Track) {
	s.mu.Lock()
	for len(s.tracks) <= i {
		s.tracks = append(s.tracks, media.Track{})
	}
	if t.Codec == media.H264 && t.Width == 0 {
		if sps, ok := readSPS(t.Extradata); ok {
			t.Width, t.Height = sps.Width, sps.Height
		}
	}
	s.tracks[i] = t
	s.examination.reset()
	s.mu.Unlock()
	if s.r.opt.RecordDir == "" {
		return
	}
	if s.recording == nil {
		s.recording = newRecording(s)
	}
	s.recording.describe(i, t)
}

// packet takes the next packet of a described track, which arrived at arrival on a
// clock that began with the stream. The packet is not changed.
func (s *stream) packet(p *media.Packet, arrival time.Duration) {
	s.mu.Lock()
	if p.Track < 0 || p.Track >= len(s.tracks) || s.tracks[p.Track].Codec == "" || s.state != Receiving {
		s.mu.Unlock()
		return
	}
	t := &s.tracks[p.Track]
	dts, pts := media.TimeOf(p.DTS, t.TimeBase), media.TimeOf(p.PTS, t.TimeBase)
	s.packets++
	s.bytes += int64(len(p.Data))
	s.windowBytes += int64(len(p.Data))
	s.lastPacket = time.Now()
	var job *examination
	if s.judged(p) {
		side := 0
		if p.Audio {
			side = 1
			s.audio.add(dts, arrival)
		} else {
			s.picture(p, t, dts, pts, arrival)
		}
		s.delay[side] += arrival - dts
		s.delayed[side]++
		s.closeWindow(arrival)
		job = s.examination.packet(s, p, pts)
	}
	s.mu.Unlock()

	if job != nil && !s.r.examiner.submit(job) {
		s.mu.Lock()
		s.examination.running = false
		s.mu.Unlock()
	}
	if s.recording != nil {
		s.recording.packet(p, pts)
	}
}

// judged: cadence and lip sync are those of the pictures and of the first track of sound;
// mu is held.
func (s *stream) judged(p *media.Packet) bool {
	return !p.Audio || p.Track == slices.IndexFunc(s.tracks, func(t media.Track) bool { return t.Codec.IsAudio() })
}

// picture is what packet does for pictures; mu is held.
func (s *stream) picture(p *media.Packet, t *media.Track, dts, pts, arrival time.Duration) {
	s.video.add(dts, arrival)
	if p.Keyframe {
		s.keyframes.mark(pts)
		return
	}
	if t.Codec == media.H264 && !s.bFrames && hasBSlice(p.Data) {
		s.bFrames = true
	}
}

// closeWindow measures what is measured by the second; mu is held.
func (s *stream) closeWindow(arrival time.Duration) {
	elapsed := arrival - s.windowStart
	if elapsed < time.Second {
		return
	}
	s.bitrate = s.windowBytes * 8 * int64(time.Second) / int64(elapsed)
	if s.delayed[0] > 0 && s.delayed[1] > 0 {
		s.skew = s.delay[0]/time.Duration(s.delayed[0]) - s.delay[1]/time.Duration(s.delayed[1])
		s.skewKnown = true
	}
	s.windowStart, s.windowBytes = arrival, 0
	s.delay, s.delayed = [2]time.Duration{}, [2]int64{}
}

// unsupportedCodec notes that the stream carries something that is not taken.
func (s *stream) unsupportedCodec(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsupported = append(s.unsupported, name)
}

// refuse turns a stream away that has begun: nothing of it counts from here on.
func (s *stream) refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == Receiving {
		s.state, s.problem, s.ended = Refused, why, time.Now()
	}
}

// end finishes the stream and its recording; why is empty for an orderly end.
func (s *stream) end(why string) {
	s.r.over(s)
	s.mu.Lock()
	if s.state == Receiving {
		s.state, s.problem, s.ended = Ended, why, time.Now()
	}
	s.examination.reset()
	s.mu.Unlock()
	if s.recording != nil {
		s.recording.close()
	}
	s.r.log.Info("rehearsal stream ends", "protocol", s.protocol, "name", s.name, "reason", why)
}

// report is the state at now.
func (s *stream) report(now time.Time) Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := now
	if s.state != Receiving {
		until = s.ended
	}
	out := Report{
		ID: s.id, Protocol: s.protocol, Name: s.name, Peer: s.peer, State: s.state, Began: s.began,
		Seconds: until.Sub(s.began).Seconds(), Problem: s.problem,
		Packets: s.packets, Bytes: s.bytes, BitrateBPS: s.bitrate, Recording: s.recordingName,
	}
	if s.state != Receiving || now.Sub(s.lastPacket) > 2*time.Second {
		out.BitrateBPS = 0
	}
	if d := s.lastPacket.Sub(s.began).Seconds(); d > 0 {
		out.MeanBPS = int64(float64(s.bytes*8) / d)
	}
	if s.skewKnown {
		out.MuxSkewMS = milliseconds(s.skew)
	}
	for _, t := range s.tracks {
		switch {
		case t.Codec == "":
		case t.Codec.IsAudio() && out.Audio != nil:
			out.Audio.Tracks++
			out.Audio.Titles = append(out.Audio.Titles, t.Title)
		case t.Codec.IsAudio():
			out.Audio = &AudioReport{
				Tracks: 1, Codec: t.Codec, SampleRateHz: t.SampleRateHz, Channels: t.Channels, Blocks: s.audio.count,
				Gaps: s.audio.gapReport(), JitterMS: s.audio.jitter * 1000, MaxJitterMS: s.audio.maxJitter * 1000,
			}
		default:
			out.Video = s.videoReport(t)
		}
	}
	s.found.report(&out)
	if s.state == Receiving || s.state == Ended && s.packets > 0 {
		out.Warnings = s.warnings(until, out.Video)
	}
	return out
}

func (s *stream) videoReport(t media.Track) *VideoReport {
	v := &VideoReport{
		Codec: t.Codec, Width: t.Width, Height: t.Height, Pictures: s.video.count, BFrames: s.bFrames,
		Keyframe: KeyframeReport{Count: s.keyframes.n, MinSeconds: s.keyframes.least.Seconds(), MeanSeconds: s.keyframes.mean(), MaxSeconds: s.keyframes.most.Seconds()},
		Gaps:     s.video.gapReport(), JitterMS: s.video.jitter * 1000, MaxJitterMS: s.video.maxJitter * 1000,
	}
	if s.keyframes.hasLast {
		v.Keyframe.Count++
	}
	if s.found.width > 0 {
		v.Width, v.Height = s.found.width, s.found.height
	}
	if v.FPS, v.Variable = s.video.rate(); v.FPS.IsSet() {
		v.FPSText = v.FPS.String()
	}
	if t.Codec == media.H264 {
		if sps, ok := readSPS(t.Extradata); ok {
			v.Profile = sps.ProfileName()
		}
	}
	return v
}

// warnings are what a platform would complain of; mu is held.
func (s *stream) warnings(until time.Time, v *VideoReport) []string {
	var out []string
	if len(s.unsupported) > 0 {
		out = append(out, "it carries "+strings.Join(s.unsupported, ", ")+", which platforms do not take")
	}
	if until.Sub(s.began) > trackPatience {
		if s.video.count == 0 {
			out = append(out, "no pictures arrive in a codec that is taken")
		}
		if s.audio.count == 0 {
			out = append(out, "no sound arrives in a codec that is taken")
		}
	}
	if s.state == Receiving && s.packets > 0 && until.Sub(s.lastPacket) > 2*time.Second {
		out = append(out, fmt.Sprintf("nothing has arrived for %.0f s", until.Sub(s.lastPacket).Seconds()))
	}
	if v == nil {
		return out
	}
	open := time.Duration(0)
	if s.keyframes.hasLast {
		open = s.video.last - s.keyframes.last
	}
	if worst := max(s.keyframes.most, open); worst > maxKeyframeInterval {
		out = append(out, fmt.Sprintf("keyframes are up to %.1f s apart; platforms want 2 s and refuse more than 4 s", worst.Seconds()))
	}
	if v.Gaps.Count > 0 {
		out = append(out, fmt.Sprintf("pictures are missing: %.2f s in %d gaps", v.Gaps.MissingSeconds, v.Gaps.Count))
	}
	if s.audio.gaps > 0 {
		out = append(out, fmt.Sprintf("sound is missing: %.2f s in %d gaps", s.audio.missing.Seconds(), s.audio.gaps))
	}
	if n := v.Gaps.Backwards + s.audio.backwards; n > 0 {
		out = append(out, fmt.Sprintf("time stamps went back %d times", n))
	}
	if v.Variable {
		out = append(out, "the frame rate is not constant")
	}
	return out
}

func milliseconds(d time.Duration) *float64 {
	v := float64(d.Microseconds()) / 1000
	return &v
}

// readSPS reads the first sequence parameter set of an Annex B stream.
func readSPS(annexB []byte) (h264.SPS, bool) {
	for nal := range h264.NALUnits(annexB) {
		if h264.Type(nal) == h264.TypeSPS {
			sps, err := h264.ParseSPS(nal)
			return sps, err == nil
		}
	}
	return h264.SPS{}, false
}

// hasBSlice reports whether the first slice of an access unit is bi-predictive
// (H.264 7.3.3, table 7-6).
func hasBSlice(annexB []byte) bool {
	for nal := range h264.NALUnits(annexB) {
		if h264.Type(nal) != h264.TypeSlice {
			continue
		}
		r := h264.BitReader{Data: nal[1:min(len(nal), 16)]}
		r.UE() // first_mb_in_slice
		kind := r.UE()
		return r.Err == nil && kind%5 == 1
	}
	return false
}
