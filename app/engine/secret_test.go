package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// TestKeyringThatDoesNotAnswer: the show begins all the same, what else was asked for at its
// start delivers, and the destination can be stopped, started again and ended with the show.
func TestKeyringThatDoesNotAnswer(t *testing.T) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "credential": "tube", "settings": to("d", "")},
		map[string]any{"id": "open", "kind": "fake", "settings": to("open", "")})
	locked := make(chan struct{})
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		o.Commands = []Timed{{Command: &GoLive{}}}
		o.Secret = func(string, []outputs.Recipient) (string, error) { <-locked; return "key", nil }
	})
	stop := s.live(t)
	st := s.until(t, "the other destination delivers", func(st *State) bool {
		return destinationOf(st, "open").Report.State == outputs.Confirmed
	})
	if d := destinationOf(st, "d"); !d.Started || d.Report.State != outputs.Connecting {
		t.Errorf("behind the keyring it shows %+v", d)
	}
	s.must(t, &StopLive{Destinations: []string{"d"}})
	idle := func(st *State) bool {
		d := destinationOf(st, "d")
		return !d.Started && d.Report.State == outputs.Idle && d.Problem == ""
	}
	s.until(t, "it has stopped", idle)
	s.must(t, &GoLive{Destinations: []string{"d"}})
	stop() // while it waits again
	if st := s.State(); !idle(st) {
		t.Errorf("at the end it shows %+v", destinationOf(st, "d"))
	}
	close(locked)
}

// TestWaitForAKeyring: the operator reads what is waited for, and after half a minute that the
// destination was given up, unless the keyring is unlocked in time.
func TestWaitForAKeyring(t *testing.T) {
	for _, c := range []struct {
		name           string
		unlocked       time.Duration
		err            error
		stopped        time.Duration
		want, wantErr  string
		waits          time.Duration
		problemAtThree string
	}{
		{name: "at once", want: "key"},
		{name: "after a while", unlocked: 20 * time.Second, want: "key", waits: 20 * time.Second, problemAtThree: "unlock it"},
		{name: "not there", unlocked: time.Second, err: errors.New("credentials: nothing is kept"), waits: time.Second, wantErr: `under "tube" and cannot be used (nothing is kept): enter it again`},
		{name: "never", unlocked: time.Hour, waits: secretWithin, problemAtThree: "unlock it", wantErr: `under "tube", and the keyring did not answer in 30 s: unlock it`},
		{name: "stopped", unlocked: time.Hour, stopped: 10 * time.Second, waits: 10 * time.Second, problemAtThree: "unlock it", wantErr: context.Canceled.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &Engine{opt: Options{Secret: func(string, []outputs.Recipient) (string, error) { time.Sleep(c.unlocked); return "key", c.err }}}
				v := newDelivery(&deliveries{e: e}, scenes.Destination{Credential: "tube"}, nil, false)
				l, began := v.legs[0], time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.stopped > 0 {
					time.AfterFunc(c.stopped, cancel)
				}
				problem := ""
				look := time.AfterFunc(secretTold+time.Second, func() {
					l.mu.Lock()
					defer l.mu.Unlock()
					problem = l.problem
				})
				v.lookForSecrets()
				got, err := l.secret(ctx)
				look.Stop()
				l.mu.Lock()
				defer l.mu.Unlock()
				if waits := time.Since(began); waits != c.waits || got != c.want || (err == nil) != (c.wantErr == "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
					t.Errorf("after %v: %q, %v; want after %v: %q, %q", waits, got, err, c.waits, c.want, c.wantErr)
				}
				if !strings.Contains(problem, c.problemAtThree) || c.problemAtThree == "" && problem != "" {
					t.Errorf("meanwhile the card says %q, want %q", problem, c.problemAtThree)
				}
				if err == nil && l.problem != "" {
					t.Errorf("the key is there, and the card still says %q", l.problem)
				}
				<-l.look.done
			})
		})
	}
}

// TestKeysAreAskedForTheirHosts: a key is looked up for the server that each ingest would tell it,
// and for the others that the show tells it.
func TestKeysAreAskedForTheirHosts(t *testing.T) {
	own, tube := "own", "tube"
	kinds := map[string]outputs.Kind{"tells": {TellsSecret: true}, "encrypts": {}}
	asked := make(chan string, 8)
	e := &Engine{opt: Options{OutputKinds: kinds, Secret: func(name string, to []outputs.Recipient) (string, error) {
		asked <- fmt.Sprint(name, " ", to)
		return "key", nil
	}}}
	d := scenes.Destination{
		Kind: "tells", Settings: []byte(`{"url": " rtmps://One.example:443/live/app "}`), Credential: tube,
		Backups: []scenes.Ingest{
			{Kind: "tells", Settings: []byte(`{"url": "rtmp://two.example/live"}`), Credential: &tube},
			{Kind: "tells", Settings: []byte(`{"url": "https://[2001:db8::1]/whip", "insecure": true}`), Credential: &own},
			{Kind: "encrypts", Settings: []byte(`{"url": "srt://three.example:9000"}`), Credential: &tube},
		},
	}
	e.show = &scenes.Show{Destinations: []scenes.Destination{d, {Kind: "tells", Settings: []byte(`{"url": "rtmp://%zz/"}`), Credential: tube}}}
	v := newDelivery(&deliveries{e: e}, d, nil, false)
	v.lookForSecrets()
	var got []string
	for range v.legs {
		got = append(got, <-asked)
	}
	slices.Sort(got)
	want := []string{
		"own [{2001:db8::1 true} {2001:db8::1 true}]",
		"tube []",
		"tube [{One.example false} {One.example false} {two.example true} { false}]",
		"tube [{two.example true} {One.example false} {two.example true} { false}]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("asked: %q, want %q", got, want)
	}
}
