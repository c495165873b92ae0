package whip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// ICE liveness: a peer that says nothing for iceDisconnected is shown as degraded,
// after iceFailed more the connection is given up: 7 s in all, and what ends of a
// connection still costs has room within 10 s.
const (
	iceDisconnected = 3 * time.Second
	iceFailed       = 4 * time.Second
	iceKeepAlive    = time.Second
)

// settingEngine is common to both ends. loopback adds the loopback addresses to
// this machine's others, which a server on it may be using in containers; a valid local
// leaves only that one. The sockets' datagrams go through b, which may be nil.
func settingEngine(loopback bool, local netip.Addr, b *bundle) (webrtc.SettingEngine, error) {
	s := webrtc.SettingEngine{LoggerFactory: quiet{}}
	sockets, err := newRoomyNet(local, b)
	if err != nil {
		return s, err
	}
	s.SetNet(sockets)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetSTUNGatherTimeout(gatherTimeout)
	s.SetIncludeLoopbackCandidate(loopback || local.IsLoopback())
	if local.IsValid() {
		s.SetIPFilter(func(ip net.IP) bool { return ip.Equal(local.AsSlice()) })
	}
	return s, nil
}

// newPublisherPeer makes the sending end, which can send the given tracks and
// nothing else, through w and b. It closes bwe with itself; bwe may be nil.
func newPublisherPeer(tracks []plannedTrack, loopback bool, local netip.Addr, servers []webrtc.ICEServer, bwe *estimator, w *wire, b *bundle) (*webrtc.PeerConnection, error) {
	m := &webrtc.MediaEngine{}
	for _, t := range sections(tracks) {
		if err := t.codec.register(m, t.codec.offers(t.track), true); err != nil {
			return nil, err
		}
	}
	// The first interceptor sits nearest the wire: retransmissions so get
	// transport-wide sequence numbers of their own. There is no report.Sender: see
	// the package comment.
	registry := &interceptor.Registry{}
	if bwe != nil {
		// Nearest of all, so that it sees the numbers that feedback is about.
		control, err := cc.NewInterceptor(func() (cc.BandwidthEstimator, error) { return bwe, nil })
		if err != nil {
			return nil, fmt.Errorf("whip: congestion control cannot be set up: %w", err)
		}
		registry.Add(control)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}, kind); err != nil {
			return nil, fmt.Errorf("whip: transport-wide feedback cannot be set up: %w", err)
		}
	}
	if slices.ContainsFunc(tracks, func(t plannedTrack) bool { return t.rid != "" }) {
		if err := webrtc.ConfigureSimulcastExtensionHeaders(m); err != nil {
			return nil, fmt.Errorf("whip: simulcast cannot be set up: %w", err)
		}
	}
	registry.Add(w)

	settings, err := settingEngine(loopback, local, b)
	if err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers: servers, BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
	})
	if err != nil {
		return nil, fmt.Errorf("whip: WebRTC cannot be set up: %w", err)
	}
	return pc, nil
}

// quiet keeps pion from writing to standard error: what matters to the operator is
// an error of Run or a state.
type quiet struct{}

// NewLogger implements logging.LoggerFactory.
func (quiet) NewLogger(string) logging.LeveledLogger {
	return &logging.DefaultLeveledLogger{}
}
