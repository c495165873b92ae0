package whip

import (
	"fmt"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// anAnswer is one of Chromium's to an offer of H.264 and Opus, shortened.
const anAnswer = "v=0\r\no=- 7595655801978680453 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2122260223 127.0.0.1 61764 typ host generation 0\r\n" +
	"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=fingerprint:sha-256 " + "AA:BB" + "\r\na=setup:active\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n" +
	"a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 transport-cc\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=mid:1\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"

// TestAnswerOfManyCandidates: a server cannot have this machine try any number of addresses.
func TestAnswerOfManyCandidates(t *testing.T) {
	tb := media.Rational{Num: 1, Den: 90000}
	tracks, err := plan([]media.Track{{Codec: media.H264, TimeBase: tb}, {Codec: media.Opus, TimeBase: tb}})
	if err != nil {
		t.Fatal(err)
	}
	candidates := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a=candidate:1 1 udp 2122260223 10.0.%d.%d 5000 typ host\r\n", i/256, i%256)
		}
		return b.String()
	}
	// Behind the media's sections, which have one more; above them; and in one that answers nothing.
	in := map[string]func(list string) string{
		"first section":   func(list string) string { return strings.Replace(anAnswer, "a=mid:0\r\n", "a=mid:0\r\n"+list, 1) },
		"last section":    func(list string) string { return anAnswer + list },
		"above all":       func(list string) string { return strings.Replace(anAnswer, "m=video", list+"m=video", 1) },
		"another section": func(list string) string { return anAnswer + "m=application 9 UDP/DTLS/SCTP 0\r\n" + list },
		"each section": func(list string) string {
			return strings.NewReplacer("a=mid:0\r\n", "a=mid:0\r\n"+list, "a=mid:1\r\n", "a=mid:1\r\n"+list).Replace(anAnswer)
		},
	}
	for where, answer := range in {
		if err := checkAnswer("host", answer(candidates(maxCandidates-1)), tracks); err != nil {
			t.Errorf("%s: %d candidates are refused: %v", where, maxCandidates, err)
		}
		for _, n := range []int{maxCandidates, 3000} {
			err := checkAnswer("host", answer(candidates(n)), tracks)
			if err == nil || err.Error() != "whip: host names more than 64 addresses to connect to, and they are not tried" || outputs.IsPermanent(err) {
				t.Errorf("%s: %d candidates: %v", where, n+1, err)
			}
		}
	}
	// A restart that goes on at the addresses of the answer has no more of them.
	if f, err := parseFragment(in["first section"](candidates(3000))); err == nil {
		t.Errorf("of an answer %d candidates are taken", len(f.candidates))
	}
}

// FuzzAnswer: whatever a server answers, it is judged without a panic; an accepted
// answer names every codec, and a fragment taken from it goes back into it.
func FuzzAnswer(f *testing.F) {
	f.Add(anAnswer)
	f.Add(strings.Replace(anAnswer, "m=video 9", "m=video 0", 1))
	f.Add(strings.Replace(anAnswer, "H264/90000", "VP8/90000", 1))
	f.Add("v=0\r\n")
	f.Add("m=audio 9 RTP/AVP 0\r\na=rtpmap\r\na=rtpmap:\r\na=rtpmap:111 opus")
	tb := media.Rational{Num: 1, Den: 90000}
	tracks, err := plan([]media.Track{{Codec: media.H264, TimeBase: tb}, {Codec: media.Opus, TimeBase: tb}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		err := checkAnswer("host", answer, tracks)
		if err == nil && (!strings.Contains(strings.ToLower(answer), "h264") || !strings.Contains(strings.ToLower(answer), "opus")) {
			t.Error("an answer without a codec was accepted")
		}
		if err != nil && outputs.IsPermanent(err) && !strings.Contains(err.Error(), ErrCodec.Error()) {
			t.Errorf("permanent for another reason: %v", err)
		}
		part, err := parseFragment(answer)
		if err != nil || part.ufrag == "" || part.password == "" {
			return
		}
		if again, err := parseFragment(withICE(answer, part)); err != nil || again.ufrag != part.ufrag {
			t.Errorf("%+v became %+v, %v", part, again, err)
		}
	})
}
