package whip

import (
	"context"
	"fmt"
	"net/http"
)

// Probe implements outputs.Prober: it asks the endpoint with OPTIONS and the token (RFC 9725
// section 4.2), which starts no session. A server that does not speak of tokens there is
// believed to be reached.
func (o *output) Probe(ctx context.Context) (string, error) {
	s := newSignaller(o.endpoint, o.token, o.userAgent, o.local)
	defer s.close()
	res, at, err := s.follow(ctx, http.MethodOptions, o.endpoint, nil, nil)
	if err != nil {
		return "", err
	}
	defer drain(res)
	if code := res.StatusCode; refusesToken(code) || code == http.StatusNotFound || code/100 == 5 {
		return "", s.refusal(at, res)
	}
	secured := "without encryption"
	if at.Scheme == "https" {
		secured = "with TLS"
	}
	return fmt.Sprintf("%s answers %s; whether it takes the token is known when it is live", at.Host, secured), nil
}
