package whip

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// A dry run says of a server that refuses what a try to go live would say of it.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		code int
		bad  string
	}{
		{204, ""}, {405, ""}, // it is not asked for a stream, and need not know OPTIONS
		{401, "refused the token"}, {403, "refused the token"}, {404, "has no endpoint"}, {501, "no WHIP endpoint"},
		{500, ownFault}, {502, ownFault}, {503, "too busy"},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.code) }))
			defer srv.Close()
			o := newOutput(t, srv.URL+"/whip/stream-key", testToken)
			said, err := o.(outputs.Prober).Probe(t.Context())
			if c.bad == "" {
				if err != nil || !strings.Contains(said, "answers without encryption") {
					t.Errorf("%q, %v", said, err)
				}
				return
			}
			live := o.Run(t.Context(), newPlayout(t, time.Second))
			expectError(t, err, c.bad, outputs.IsPermanent(live))
			if live == nil || live.Error() != err.Error() {
				t.Errorf("the dry run says %v, the output %v", err, live)
			}
		})
	}
}
