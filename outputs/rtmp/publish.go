package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"

	"crosspoint.studio/crosspoint/internal/media"
)

// client is the publishing end's view of a session: the commands of the NetConnection
// and NetStream protocols (RTMP 1.0, 7.2) and the answers to them.
type client struct {
	*session
	target   target
	streamID uint32

	answers chan answer // capacity 8; the reader drops what nobody waits for

	mu        sync.Mutex
	publishes bool       // guarded by mu; publishing has begun
	ended     error      // guarded by mu; the server's last word
	software  string     // guarded by mu
	fourCCs   []string   // guarded by mu; nil when the server listed none
	tracks    bool       // guarded by mu; the server takes several tracks of sound
	over      chan error // closed by the reader when it ends
}

// answer is a command from the server.
type answer struct {
	name        string
	transaction int64
	args        []any
}

// Transactions, in the order they are opened.
const (
	tidConnect = iota + 1
	tidReleaseStream
	tidFCPublish
	tidCreateStream
	tidPublish
	tidUnpublish
)

// answerBudget is how many bytes a server may send without one message being whole: what it
// can make us hold. Answers are a few hundred.
const answerBudget = 1 << 20

func newClient(s *session, t target) *client {
	return &client{session: s, target: t, answers: make(chan answer, 8), over: make(chan error, 1)}
}

// run reads until the connection ends.
func (c *client) run() {
	defer close(c.over)
	c.perMessage = answerBudget
	err := c.read(c.handle)
	c.over <- err
}

func (c *client) handle(_ uint32, m *gortmp.ChunkMessage) error {
	cmd, ok := m.Message.(*message.CommandMessage)
	if !ok {
		return nil
	}
	// What could be read of a reply is what counts.
	args, _ := readAMF(cmd.Body)
	a := answer{cmd.CommandName, cmd.TransactionID, args}
	if a.name == "onStatus" && c.publishing() {
		if err := a.status(); err != nil {
			c.mu.Lock()
			c.ended = err
			c.mu.Unlock()
			return err
		}
		return nil
	}
	select {
	case c.answers <- a:
	default:
	}
	return nil
}

func (c *client) publishing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.publishes
}

// status is the error that an onStatus, _result or _error carries, nil when it
// is not one.
func (a answer) status() error {
	var info map[string]any
	for i := range a.args {
		if m := amfObject(a.args, i); m["code"] != nil || m["level"] != nil {
			info = m
		}
	}
	level, _ := info["level"].(string)
	code, _ := info["code"].(string)
	description, _ := info["description"].(string)
	if a.name == "_error" || level == "error" {
		return &statusError{code, description}
	}
	return nil
}

// wait returns the first answer that match likes, or the first status that says no. An
// answer that says no is an error.
func (c *client) wait(ctx context.Context, match func(answer) bool) (answer, error) {
	for {
		select {
		case a := <-c.answers:
			if counts(a, match) {
				return a, a.status()
			}
		case err := <-c.over:
			// Its last words have come before its end: they are the reason.
			for len(c.answers) > 0 {
				if a := <-c.answers; counts(a, match) {
					return a, a.status()
				}
			}
			if err == nil {
				err = errWriteEnd
			}
			return answer{}, err
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
}

func counts(a answer, match func(answer) bool) bool {
	return match(a) || a.name == "onStatus" && a.status() != nil
}

func reply(transaction int64) func(answer) bool {
	return func(a answer) bool {
		return a.transaction == transaction && (a.name == "_result" || a.name == "_error")
	}
}

// connect opens the application. ackEvery is how often we ask the server to
// acknowledge what it has read, in bytes.
// login is appended to application and address, empty or beginning with '?'.
// several says that there is more than one track of sound; else nothing is said of
// tracks, because not every server likes what it does not know.
func (c *client) connect(ctx context.Context, userAgent, login string, ackEvery int32, several bool) error {
	object := map[string]any{
		"app":        c.target.app + login,
		"type":       "nonprivate",
		"flashVer":   "FMLE/3.0 (compatible; " + userAgent + ")", // some servers insist on the first word
		"tcUrl":      c.target.tcURL() + login,
		"fourCcList": []any{fourCCHEVC, fourCCAV1}, // Enhanced RTMP, "Enhancing NetConnection connect Command"
	}
	if several {
		object["capsEx"] = capsMultitrack
		object["audioFourCcInfoMap"] = map[string]any{fourCCAAC: canEncode}
	}
	err := c.command(ctx, 0, "connect", tidConnect, object)
	if err != nil {
		return err
	}
	a, err := c.wait(ctx, reply(tidConnect))
	if err != nil {
		return err
	}
	// After consent, as other publishers do it.
	if err := c.write(ctx, csControl, 0, 0, &message.WinAckSize{Size: ackEvery}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tracks = offersMultitrack(a.args)
	for i := range a.args {
		m := amfObject(a.args, i)
		if v, ok := m["fmsVer"].(string); ok {
			c.software = c.target.redact(v)
		}
		if list, ok := m["fourCcList"].([]any); ok {
			c.fourCCs = []string{}
			for _, v := range list {
				if s, ok := v.(string); ok {
					c.fourCCs = append(c.fourCCs, s)
				}
			}
		}
		if info, ok := m["videoFourCcInfoMap"].(map[string]any); ok {
			for s := range info {
				c.fourCCs = append(c.fourCCs, s)
			}
		}
	}
	return nil
}

// multitrack reports whether the server takes several tracks of sound.
func (c *client) multitrack() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tracks
}

// takes reports whether the server takes a codec. known is false for Enhanced
// RTMP codecs with servers that list none: many take them all the same.
func (c *client) takes(codec media.Codec) (takes, known bool) {
	want := fourCC(codec)
	c.mu.Lock()
	defer c.mu.Unlock()
	if want == "" {
		return true, true
	}
	for _, s := range c.fourCCs {
		if s == want || s == "*" {
			return true, true
		}
	}
	return c.fourCCs == nil, c.fourCCs != nil
}

// publish starts the stream and waits for the server's consent.
func (c *client) publish(ctx context.Context) error {
	// These two are no part of the specification; services expect them and
	// others answer with an error that means nothing.
	if err := c.command(ctx, 0, "releaseStream", tidReleaseStream, nil, c.target.key); err != nil {
		return err
	}
	if err := c.command(ctx, 0, "FCPublish", tidFCPublish, nil, c.target.key); err != nil {
		return err
	}
	if err := c.command(ctx, 0, "createStream", tidCreateStream, nil); err != nil {
		return err
	}
	a, err := c.wait(ctx, reply(tidCreateStream))
	if err != nil {
		return err
	}
	if len(a.args) < 2 {
		return fmt.Errorf("%w: no stream id", errGarbage)
	}
	id, ok := a.args[1].(float64)
	if !ok || id < 0 || id > 1<<31 {
		return fmt.Errorf("%w: bad stream id", errGarbage)
	}
	c.streamID = uint32(id)
	if err := c.command(ctx, c.streamID, "publish", tidPublish, nil, c.target.key, "live"); err != nil {
		return err
	}
	_, err = c.wait(ctx, func(a answer) bool {
		if a.name == "_error" && a.transaction == tidPublish {
			return true
		}
		info := a.statusInfo()
		code, _ := info["code"].(string)
		return a.name == "onStatus" && (strings.HasPrefix(code, "NetStream.Publish.") || info["level"] == "error")
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.publishes = true
	return nil
}

func (a answer) statusInfo() map[string]any {
	for i := range a.args {
		if m := amfObject(a.args, i); m["code"] != nil {
			return m
		}
	}
	return nil
}

// metadata sends the description of the stream.
func (c *client) metadata(ctx context.Context, values any) error {
	body, err := encodeAMF("onMetaData", values)
	if err != nil {
		return err
	}
	return c.write(ctx, csMeta, 0, c.streamID, &message.DataMessage{
		Name: "@setDataFrame", Encoding: message.EncodingTypeAMF0, Body: body,
	})
}

func (c *client) video(ctx context.Context, timestamp uint32, body []byte) error {
	return c.write(ctx, csVideo, timestamp, c.streamID, &message.VideoMessage{Payload: bytes.NewReader(body)})
}

func (c *client) audio(ctx context.Context, timestamp uint32, body []byte) error {
	return c.write(ctx, csAudio, timestamp, c.streamID, &message.AudioMessage{Payload: bytes.NewReader(body)})
}

// finish ends the stream properly: what was queued goes out, then the farewell, and
// the server may read all of it before the connection goes. ctx bounds it.
func (c *client) finish(ctx context.Context) error {
	err := errors.Join(
		c.flush(ctx, csVideo), c.flush(ctx, csAudio),
		c.command(ctx, 0, "FCUnpublish", tidUnpublish, nil, c.target.key),
		c.command(ctx, 0, "deleteStream", 0, nil, c.streamID),
	)
	if err == nil {
		err = c.flush(ctx, csCommand)
	}
	if err != nil {
		return err
	}
	c.closeWrite()
	select {
	case <-c.over:
	case <-ctx.Done():
	}
	return nil
}
