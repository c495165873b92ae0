package supervise

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestInTime(t *testing.T) {
	for _, c := range []struct {
		name             string
		takes, ctx, want time.Duration
		answered         bool
	}{
		{"in time", time.Second, time.Hour, time.Second, true},
		{"too late", time.Hour, time.Hour, 10 * time.Second, false},
		{"not wanted any more", time.Hour, 3 * time.Second, 3 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
				defer cancel()
				began := time.Now()
				found, answered := InTime(ctx, 10*time.Second, func() int { time.Sleep(c.takes); return 7 })
				if took := time.Since(began); took != c.want || answered != c.answered || answered && found != 7 {
					t.Errorf("%d, %v after %v; want %v after %v", found, answered, took, c.answered, c.want)
				}
				time.Sleep(c.takes) // what was left behind ends in the bubble
			})
		})
	}
}
