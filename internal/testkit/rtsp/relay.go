// Package rtsp is an RTSP server for tests that hands one publisher's stream to readers, as
// a camera's recorder does. It is real: gortsplib's, on loopback.
//
// Threads: the server's own; Start returns at once and everything ends with the test.
// Ownership: packets are the publisher's and pass through uncopied. What it does not do:
// several streams, passwords, recording.
package rtsp

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// relay handles the server's requests.
type relay struct {
	server *gortsplib.Server

	mu        sync.Mutex
	stream    *gortsplib.ServerStream  // guarded by mu
	publisher *gortsplib.ServerSession // guarded by mu

	flowing [2]atomic.Bool // a packet of the stream has come that readers could have
}

// Server is a server that runs until its test ends.
type Server struct {
	// Address is where to publish to and to read from.
	Address string

	relay *relay
}

// Flowing reports that packets of both of the publisher's streams have come, so that the
// answer to PLAY can say where they are.
func (s *Server) Flowing() bool { return s.relay.flowing[0].Load() && s.relay.flowing[1].Load() }

// Published reports that somebody publishes, so that readers are answered.
func (s *Server) Published() bool {
	_, stream, _ := s.relay.current()
	return stream != nil
}

// Start is Open for tests that need no more than the address.
func Start(t testing.TB, udp bool) (address string) {
	t.Helper()
	return Open(t, udp).Address
}

// Open starts a server until the test ends. udp lets readers ask for UDP; publishers use TCP.
func Open(t testing.TB, udp bool) *Server {
	t.Helper()
	r := &relay{}
	r.server = &gortsplib.Server{Handler: r, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", ports.Free(t))}
	if udp {
		even := ports.Even(t)
		r.server.UDPRTPAddress, r.server.UDPRTCPAddress = fmt.Sprintf("127.0.0.1:%d", even), fmt.Sprintf("127.0.0.1:%d", even+1)
	}
	if err := r.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.server.Close)
	return &Server{Address: "rtsp://" + r.server.RTSPAddress + "/cam", relay: r}
}

func status(code base.StatusCode) *base.Response { return &base.Response{StatusCode: code} }

// current is the stream that is published, or nil and the answer for it.
func (r *relay) current() (*base.Response, *gortsplib.ServerStream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stream == nil {
		return status(base.StatusNotFound), nil, nil
	}
	return status(base.StatusOK), r.stream, nil
}

// OnDescribe is called by a reader's DESCRIBE.
func (r *relay) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return r.current()
}

// OnAnnounce is called by the publisher's ANNOUNCE.
func (r *relay) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	stream := &gortsplib.ServerStream{Server: r.server, Desc: ctx.Description}
	if err := stream.Initialize(); err != nil {
		return status(base.StatusInternalServerError), err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream, r.publisher = stream, ctx.Session
	return status(base.StatusOK), nil
}

// OnSetup is called by everybody's SETUP.
func (r *relay) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return status(base.StatusOK), nil, nil
	}
	return r.current()
}

// OnPlay is called by a reader's PLAY.
func (r *relay) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return status(base.StatusOK), nil
}

// OnRecord is called by the publisher's RECORD. Readers are told the publisher's own wall
// clock of every packet: with the time of its arrival here instead, what they make of
// pictures and sound would be apart by how unevenly the two arrive.
func (r *relay) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	_, stream, _ := r.current()
	ctx.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		if ntp, known := ctx.Session.PacketNTP(m, p); known {
			_ = stream.WritePacketRTPWithNTP(m, p, ntp) // a reader that has gone is not the publisher's trouble
			r.flowing[min(slices.Index(stream.Desc.Medias, m), 1)].Store(true)
		}
	})
	return status(base.StatusOK), nil
}

// OnSessionClose is called when anybody has gone.
func (r *relay) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Session == r.publisher {
		r.stream.Close()
		r.stream, r.publisher = nil, nil
	}
}
