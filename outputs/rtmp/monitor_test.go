package rtmp

import (
	"strings"
	"testing"
	"time"
)

// waitingFeed has that much waiting.
type waitingFeed struct {
	testFeed
	queued time.Duration
}

func (f *waitingFeed) Queued() time.Duration { return f.queued }

// A peer that has vanished is told from a network that is too slow as soon as there is a difference.
func TestVanishedIsNotSlow(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name          string
		queued, still time.Duration
		want          string
	}{
		{"well", 0, 100 * time.Millisecond, ""},
		{"a pause in what is sent", 0, 2 * time.Second, ""},
		{"a slow network", ms(900), ms(300), "takes less than the stream needs"},
		{"a slow network with a long way", ms(900), ms(900), "takes less than the stream needs"},
		{"vanished, the queue has just filled", ms(750), ms(1200), "no acknowledgement for 1s"},
		{"vanished", ms(900), ms(2400), "no acknowledgement for 2s"},
		{"vanished, in the kernel's buffers only", 0, ms(3100), "no acknowledgement for 3s"},
	} {
		m := &monitor{
			c: &client{session: &session{}}, plan: &plan{video: -1, audio: -1}, feed: &waitingFeed{queued: c.queued},
			limits: defaultLimits(), advanced: now.Add(-c.still),
		}
		if got := m.degradation(now, 1000); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
