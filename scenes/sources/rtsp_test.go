package sources

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// rtspRelay is an RTSP server that hands one publisher's stream to readers, as a
// camera's recorder does. It is real: gortsplib's, on loopback.
type rtspRelay struct {
	server *gortsplib.Server

	mu        sync.Mutex
	stream    *gortsplib.ServerStream  // guarded by mu
	publisher *gortsplib.ServerSession // guarded by mu
}

func status(code base.StatusCode) *base.Response { return &base.Response{StatusCode: code} }

// current is the stream that is published, or nil and the answer for it.
func (r *rtspRelay) current() (*base.Response, *gortsplib.ServerStream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stream == nil {
		return status(base.StatusNotFound), nil, nil
	}
	return status(base.StatusOK), r.stream, nil
}

func (r *rtspRelay) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return r.current()
}

func (r *rtspRelay) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	stream := &gortsplib.ServerStream{Server: r.server, Desc: ctx.Description}
	if err := stream.Initialize(); err != nil {
		return status(base.StatusInternalServerError), err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream, r.publisher = stream, ctx.Session
	return status(base.StatusOK), nil
}

func (r *rtspRelay) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return status(base.StatusOK), nil, nil
	}
	return r.current()
}

func (r *rtspRelay) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return status(base.StatusOK), nil
}

func (r *rtspRelay) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	_, stream, _ := r.current()
	ctx.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		_ = stream.WritePacketRTP(m, p) // a reader that has gone is not the publisher's trouble
	})
	return status(base.StatusOK), nil
}

func (r *rtspRelay) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Session == r.publisher {
		r.stream.Close()
		r.stream, r.publisher = nil, nil
	}
}

// startRTSP starts the relay; udp lets readers ask for UDP.
func startRTSP(t *testing.T, udp bool) (address string) {
	t.Helper()
	r := &rtspRelay{}
	for try := 0; ; try++ {
		r.server = &gortsplib.Server{Handler: r, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}
		if udp {
			even := freePort(t, "udp") &^ 1
			r.server.UDPRTPAddress, r.server.UDPRTCPAddress = fmt.Sprintf("127.0.0.1:%d", even), fmt.Sprintf("127.0.0.1:%d", even+1)
		}
		err := r.server.Start()
		if err == nil {
			break
		}
		if try == 10 { // somebody else took a port meanwhile
			t.Fatal(err)
		}
	}
	t.Cleanup(r.server.Close)
	return "rtsp://" + r.server.RTSPAddress + "/cam"
}

func TestNetworkRTSP(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			checkLeaks(t)
			address := startRTSP(t, transport == "udp")
			spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "rtsp", "-rtsp_transport", "tcp", address)...)
			sink := pullUnchecked(t, settingsOf("url", address, "rtsp_transport", transport, "hardware", "off"), 40)
			if !strings.Contains(sink.text, "640x360") || !strings.Contains(sink.text, "aac 48 kHz stereo") {
				t.Errorf("described as %q", sink.text)
			}
		})
	}
}
