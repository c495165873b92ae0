package outputs

import "context"

// Prober is an output that can ask its far end whether it would take a stream, without
// starting one: names, encryption, passwords and keys as far as the protocol tells them
// before media. Probe blocks until it knows or ctx ends, and leaves nothing open. said is
// one phrase of what was reached ("TLS 1.3, server answers"); the error is as Run's.
// It may be called while Run is not running.
type Prober interface {
	Probe(ctx context.Context) (said string, err error)
}
