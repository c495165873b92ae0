package engine

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/priority"
	"crosspoint.studio/crosspoint/internal/testkit/threads"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// nicely is a source that tells the precedence with which it works.
type nicely struct {
	*fake
	tell func(nice int)
}

type nicelySink struct {
	sources.Sink
	tell func(nice int)
}

func (s nicelySink) Video(ctx context.Context, f *media.Frame) error {
	if nice, err := threads.Nice(); err == nil {
		s.tell(nice)
	}
	return s.Sink.Video(ctx, f)
}

// Run enters the lane as decoders do.
func (s *nicely) Run(ctx context.Context, sink sources.Sink) error {
	done := make(chan error)
	go func() {
		defer priority.Enter(ctx)()
		done <- s.fake.Run(ctx, nicelySink{sink, s.tell})
	}()
	return <-done
}

// TestProgrammeIsDecodedFirst: the sources on programme have precedence, and lose it when they are
// not there any more.
func TestProgrammeIsDecodedFirst(t *testing.T) {
	threads.NeedRaise(t)
	doc := `{"format":2,"canvas":{"width":320,"height":180,"fps":"30"},
		"sources":[{"id":"one","name":"one","kind":"nicely"},{"id":"two","name":"two","kind":"nicely"}],
		"scenes":[{"id":"a","layers":[{"source":"one"}]},{"id":"b","layers":[{"source":"two"}]}],"start":{"program":"a","preview":"b"}}`
	s := newStudio(t, parse(t, doc), media.NewRealClock(), nil)
	var mu sync.Mutex
	nice := make(map[string]int)
	fakes := fakeKinds(s.held)
	paced := fakes["paced"]
	newFake := paced.New
	paced.Name = "nicely"
	paced.New = func(raw json.RawMessage, opt sources.Options) (sources.Source, error) {
		src, err := newFake(raw, opt)
		if err != nil {
			return nil, err
		}
		return &nicely{src.(*fake), func(n int) {
			mu.Lock()
			defer mu.Unlock()
			nice[opt.Name] = n
		}}, nil
	}
	s.opt.SourceKinds["nicely"] = paced
	stop := s.live(t)
	raised := func(first, second string) func(*State) bool {
		return func(*State) bool {
			mu.Lock()
			defer mu.Unlock()
			a, there := nice[first]
			b, too := nice[second]
			return there && too && a < 0 && b >= 0
		}
	}
	s.until(t, "the first has precedence", raised("one", "two"))
	s.must(t, &Cut{Scene: "b"})
	s.until(t, "the second has it", raised("two", "one"))
	stop()
}
