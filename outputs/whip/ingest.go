package whip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	// eventQueue is how many packets wait for the sink; beyond that the readers wait.
	eventQueue = 1024
	// keyframeInterval is how often a keyframe is asked for while one is missing.
	keyframeInterval = 500 * time.Millisecond
	// What was sent before a DELETE, which comes by another socket, may still be on its way
	// through this process: it is all there when nothing has come for drainQuiet, or else
	// the publisher goes on and is not listened to after drainMost.
	drainQuiet = 40 * time.Millisecond
	drainMost  = 500 * time.Millisecond
)

var errDeleted = errors.New("whip: the publisher ended the stream")

// event is something that came in for a track: a packet or a sender report.
type event struct {
	track   int
	packet  *rtp.Packet
	report  *rtcp.SenderReport
	arrival time.Time
}

// ingest is one stream being received.
type ingest struct {
	key, id string
	layers  bool // of simulcast are handed on
	take    func([]string) []string
	log     *slog.Logger
	pc      *webrtc.PeerConnection
	tracks  []*ingestTrack // fixed by negotiate, under mu: pion's goroutines read it without any other order
	events  chan event
	ended   chan struct{} // closed by end
	closing chan struct{} // closed by close: nobody takes events any more
	readers sync.WaitGroup
	stalled atomic.Bool // ICE hears nothing of the publisher

	patching sync.Mutex // orders negotiation
	offer    string     // guarded by patching; the publisher's, as ICE stands now
	restarts int        // guarded by patching

	mu     sync.Mutex
	cause  error // guarded by mu; what the first end said; not nil once ended is closed
	ending bool  // guarded by mu; no reader may be started any more

	packets, bytes, lost, asked atomic.Int64
}

// end tells the stream to end because of err. The first reason counts.
func (in *ingest) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cause == nil {
		in.cause = err
		close(in.ended)
	}
}

// over: end has been called.
func (in *ingest) over() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}

// negotiate answers an offer. After an error close has to be called.
func (in *ingest) negotiate(ctx context.Context, offer string, loopback bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, offerReadTimeout)
	defer cancel()
	if err := in.newPeer(loopback); err != nil {
		return "", err
	}
	in.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		in.stalled.Store(in.pc.ConnectionState() == webrtc.PeerConnectionStateDisconnected) // changes are told in any order
		switch s {
		case webrtc.PeerConnectionStateFailed:
			in.end(fmt.Errorf("whip: %w: the publisher does not answer any more", ErrLost))
		case webrtc.PeerConnectionStateClosed:
			in.end(fmt.Errorf("whip: %w: the publisher ended it", ErrLost))
		}
	})
	in.pc.OnTrack(in.onTrack)
	in.patching.Lock()
	defer in.patching.Unlock()
	answer, err := in.answer(ctx, offer)
	if err != nil {
		return "", err
	}
	if err := in.planTracks(offer); err != nil {
		return "", err
	}
	return in.refuseLayers(offer, answer), nil
}

// answer takes an offer, the first or one after a restart of ICE; patching is held.
func (in *ingest) answer(ctx context.Context, offer string) (string, error) {
	if err := in.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("whip: the offer cannot be read: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(in.pc)
	answer, err := in.pc.CreateAnswer(nil)
	if err == nil {
		err = in.pc.SetLocalDescription(answer)
	}
	if err != nil {
		return "", fmt.Errorf("whip: the answer cannot be made: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	in.offer = offer
	return in.pc.LocalDescription().SDP, nil
}

// tag is the entity tag of the ICE session.
func (in *ingest) tag() string {
	in.patching.Lock()
	defer in.patching.Unlock()
	return in.tagLocked()
}

func (in *ingest) tagLocked() string { return fmt.Sprintf(`"%s-%d"`, in.id, in.restarts) }

// patch adds the publisher's late candidates (204) or restarts ICE (200, with our new
// credentials and candidates). Other codes refuse.
func (in *ingest) patch(ctx context.Context, match string, f fragment) (answer string, code int) {
	in.patching.Lock()
	defer in.patching.Unlock()
	before, err := parseFragment(in.offer)
	if err != nil {
		return "", http.StatusConflict
	}
	restart := f.ufrag != "" && f.ufrag != before.ufrag
	switch {
	case match == "":
		return "", http.StatusPreconditionRequired
	case restart && match != `"*"` && match != "*", !restart && match != in.tagLocked():
		return "", http.StatusPreconditionFailed
	case restart && f.password == "":
		return "", http.StatusBadRequest
	}
	if restart {
		ctx, cancel := context.WithTimeout(ctx, offerReadTimeout)
		defer cancel()
		text, err := in.answer(ctx, withICE(in.offer, f))
		if err != nil {
			in.log.Info("whip ICE restart failed", "reason", err)
			return "", http.StatusInternalServerError
		}
		own, err := parseFragment(text)
		if err != nil {
			return "", http.StatusInternalServerError
		}
		in.restarts++
		own.end = true
		return own.String(), http.StatusOK
	}
	for _, c := range f.candidates {
		if err := in.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + c}); err != nil {
			return "", http.StatusBadRequest
		}
	}
	return "", http.StatusNoContent
}

// newPeer makes the receiving end: it takes what the table lists, sends receiver
// reports twice a second, NACKs and transport-wide feedback. It does not take rtx:
// pion's NACK generator does not see what comes back that way and asks for the same
// packets for ever (interceptor v0.1.48; at 3 % loss three quarters of the traffic
// were repetitions). Without it repetitions come in the stream itself.
func (in *ingest) newPeer(loopback bool) error {
	m := &webrtc.MediaEngine{}
	for _, c := range codecTable {
		if err := c.register(m, c.accepts, false); err != nil {
			return err
		}
	}
	registry := &interceptor.Registry{}
	responses, err := nack.NewGeneratorInterceptor(nack.GeneratorSize(4096), nack.GeneratorInterval(30*time.Millisecond),
		nack.GeneratorMaxNacksPerPacket(uint16(reorderPatience/(30*time.Millisecond))),
		nack.WithGeneratorLoggerFactory(quiet{}))
	if err != nil {
		return fmt.Errorf("whip: NACK cannot be set up: %w", err)
	}
	registry.Add(responses)
	reports, err := report.NewReceiverInterceptor(report.ReceiverInterval(500*time.Millisecond),
		report.WithReceiverLoggerFactory(quiet{}))
	if err != nil {
		return fmt.Errorf("whip: the receiver reports cannot be set up: %w", err)
	}
	registry.Add(reports)
	if err := webrtc.ConfigureTWCCSenderWithOptions(m, registry, twcc.WithLoggerFactory(quiet{})); err != nil {
		return fmt.Errorf("whip: transport-wide feedback cannot be set up: %w", err)
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(m); err != nil {
		return fmt.Errorf("whip: simulcast cannot be set up: %w", err)
	}
	settings, err := settingEngine(loopback, netip.Addr{}, nil)
	if err != nil {
		return err
	}
	if loopback {
		settings.SetIPFilter(net.IP.IsLoopback)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	in.pc, err = api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return fmt.Errorf("whip: WebRTC cannot be set up: %w", err)
	}
	return nil
}

// planTracks lists what was agreed on: at most one section of each kind, of pictures with
// the layers of simulcast in it. It runs before the
// publisher has the answer, but only mu orders it before onTrack for the memory model.
func (in *ingest) planTracks(offer string) error {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer); err != nil { // pion has read it
		return fmt.Errorf("whip: the offer cannot be read: %w", err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, t := range in.pc.GetTransceivers() {
		parameters := t.Receiver().GetParameters().Codecs
		i := slices.IndexFunc(codecTable, func(c codec) bool {
			return c.kind() == t.Kind() && slices.ContainsFunc(parameters, func(p webrtc.RTPCodecParameters) bool { return p.MimeType == c.mime })
		})
		if i < 0 {
			return fmt.Errorf("whip: the %s track cannot be taken: %w", t.Kind(), ErrCodec)
		}
		if slices.ContainsFunc(in.tracks, func(o *ingestTrack) bool { return o.kind == t.Kind() }) {
			return fmt.Errorf("whip: the offer has more than one %s track", t.Kind())
		}
		for _, name := range in.layersOf(&d, t.Mid()) {
			in.tracks = append(in.tracks, newIngestTrack(len(in.tracks), t.Kind(), codecTable[i], name))
		}
	}
	if len(in.tracks) == 0 {
		return errors.New("whip: the offer has no tracks")
	}
	return nil
}

// layersOf are the names of the layers of a section that are handed on: one, "", for a
// section without simulcast.
func (in *ingest) layersOf(offer *sdp.SessionDescription, mid string) []string {
	for _, m := range offer.MediaDescriptions {
		if value, _ := m.Attribute("mid"); value != mid {
			continue
		}
		names := takenLayers(m, "send")
		if taken := in.takes(names); len(taken) > 0 {
			names = taken
		} else if len(names) > 0 {
			names = names[:1] // without simulcast the first is sent all the same
		}
		switch {
		case len(names) > 1 && !in.layers:
			return names[:1]
		case len(names) > 0:
			return names[:min(len(names), maxLayers)]
		}
	}
	return []string{""}
}

// takes are those of the offered layers that are taken, in the offer's order.
func (in *ingest) takes(offered []string) []string {
	if in.take == nil || len(offered) == 0 {
		return offered
	}
	taken := in.take(slices.Clone(offered))
	return slices.DeleteFunc(slices.Clone(offered), func(name string) bool { return !slices.Contains(taken, name) })
}

// refuseLayers takes the layers that are not taken out of pion's answer, which takes all
// (RFC 8853 section 5.3.2).
func (in *ingest) refuseLayers(offer, answer string) string {
	var d sdp.SessionDescription
	if in.take == nil || d.UnmarshalString(offer) != nil { // planTracks has read it
		return answer
	}
	var taken []string
	for _, m := range d.MediaDescriptions {
		taken = append(taken, in.takes(takenLayers(m, "send"))...)
	}
	var out strings.Builder
	for line := range strings.Lines(answer) {
		if name, ok := strings.CutPrefix(line, "a=rid:"); ok {
			if name, _, _ = strings.Cut(name, " "); !slices.Contains(taken, name) {
				continue
			}
		}
		if strings.HasPrefix(line, "a=simulcast:") {
			if len(taken) == 0 {
				continue
			}
			line = "a=simulcast:recv " + strings.Join(taken, ";") + "\r\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// onTrack starts a track's readers; pion calls it at the first packet.
func (in *ingest) onTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	in.mu.Lock()
	defer in.mu.Unlock()
	i := slices.IndexFunc(in.tracks, func(t *ingestTrack) bool { return t.kind == remote.Kind() && t.layer == remote.RID() })
	switch {
	case in.ending:
		return
	case i < 0: // a layer that nobody wants: feedback is about it too
		in.readers.Go(func() {
			room := make([]byte, 1500)
			for {
				if _, _, err := remote.Read(room); err != nil {
					return
				}
			}
		})
		return
	}
	in.tracks[i].ssrc.Store(uint32(remote.SSRC()))
	in.readers.Go(func() {
		for {
			p, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			if !in.post(event{track: i, packet: p, arrival: time.Now()}) {
				return
			}
		}
	})
	in.readers.Go(func() {
		for {
			packets, err := readRTCP(receiver, remote.RID())
			if err != nil {
				return
			}
			for _, p := range packets {
				sr, ok := p.(*rtcp.SenderReport)
				if ok && sr.SSRC == uint32(remote.SSRC()) && !in.post(event{track: i, report: sr, arrival: time.Now()}) {
					return
				}
			}
		}
	})
}

func readRTCP(r *webrtc.RTPReceiver, rid string) (packets []rtcp.Packet, err error) {
	if rid == "" {
		packets, _, err = r.ReadRTCP()
	} else {
		packets, _, err = r.ReadSimulcastRTCP(rid)
	}
	return packets, err
}

// post hands e to run; false means that nobody takes it any more.
func (in *ingest) post(e event) bool {
	select {
	case in.events <- e:
		return true
	case <-in.closing:
		return false
	}
}

// run delivers the stream to sink until it ends, and closes everything.
func (in *ingest) run(sink Sink) {
	in.log.Info("whip stream begins", "tracks", len(in.tracks))
	join := joiner{in: in, sink: sink}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for over := false; !over; {
		select {
		case e := <-in.events:
			last = e.arrival
			join.take(e)
		case now := <-ticker.C:
			join.release(now)
			if now.Sub(last) > quietTimeout {
				in.end(fmt.Errorf("whip: %w: nothing came for %v", ErrLost, quietTimeout))
			}
		case <-in.ended:
			over = true
		}
	}
	in.mu.Lock()
	err := in.cause
	in.mu.Unlock()
	if errors.Is(err, errDeleted) {
		err = nil
		in.drain(&join)
		join.start()
	}
	in.close()
	in.log.Info("whip stream ends", "reason", err)
	sink.End(err)
}

// drain takes what was sent before the DELETE.
func (in *ingest) drain(join *joiner) {
	most, quiet := time.NewTimer(drainMost), time.NewTimer(drainQuiet)
	defer most.Stop()
	defer quiet.Stop()
	for over := false; !over; {
		select {
		case e := <-in.events:
			join.take(e)
			quiet.Reset(drainQuiet)
		case <-quiet.C:
			over = len(in.events) == 0 // of both, select takes any
		case <-most.C:
			over = true
		}
	}
}

// close ends the peer connection and waits for the readers. It is called once.
func (in *ingest) close() {
	in.mu.Lock()
	in.ending = true
	in.mu.Unlock()
	close(in.closing)
	in.end(context.Canceled)
	if in.pc != nil {
		closePeer(in.pc)
	}
	in.readers.Wait()
}

// askKeyframe sends a PLI (RFC 4585 section 6.3.1).
func (in *ingest) askKeyframe(t *ingestTrack, now time.Time) {
	if now.Sub(t.asked) < keyframeInterval {
		return
	}
	t.asked = now
	in.asked.Add(1)
	_ = in.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: t.ssrc.Load()}}) // asked again soon
}
