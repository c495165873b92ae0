package rtmp

import (
	"context"
	"fmt"
)

// Probe implements outputs.Prober: it connects, with encryption and password, up to the
// application. The stream key is not told before publishing, so it is not tried.
func (p *publisher) Probe(ctx context.Context) (string, error) {
	c, at, err := p.open(ctx, &plan{video: -1, audio: -1}, &reporter{}, phaseConnect)
	if err != nil {
		return "", p.target.explain(at, err)
	}
	c.close()
	for range c.over { // until the reader has ended
	}
	secured := "without encryption"
	if p.target.secure {
		secured = "with TLS"
		if p.target.insecure {
			secured = "with an unchecked certificate"
		}
	}
	return fmt.Sprintf("%s opens the application %q %s; the key is known when it is live", p.target.host, p.target.appName(), secured), nil
}
