package sources

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// scripted plays one step of its script a run.
type scripted struct {
	runs  int
	steps []func(ctx context.Context, sink Sink) error
}

func (s *scripted) Run(ctx context.Context, sink Sink) error {
	step := s.steps[min(s.runs, len(s.steps)-1)]
	s.runs++
	return step(ctx, sink)
}

func onePicture(ctx context.Context, sink Sink) error {
	return sink.Video(ctx, media.NewFramePool(media.I420, 16, 16, 0).Get())
}

func TestSuperviseTellsTheWholeStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("the camera is in use")
		src := &scripted{steps: []func(context.Context, Sink) error{
			func(context.Context, Sink) error { return refused },
			func(context.Context, Sink) error { panic("boom") },
			func(ctx context.Context, sink Sink) error {
				if err := onePicture(ctx, sink); err != nil {
					return err
				}
				synctest.Wait()
				return refused
			},
			func(ctx context.Context, sink Sink) error {
				synctest.Wait()
				return supervise.Permanent(errors.New("no such codec"))
			},
		}}
		sink := newRecorder(Live, 10, 0)
		var mu sync.Mutex
		var got []string
		start := time.Now()
		err := Supervise(t.Context(), src, sink, func(s Status) {
			mu.Lock()
			defer mu.Unlock()
			text := s.State.String()
			if s.Err != nil {
				text += ": " + s.Err.Error()
			}
			got = append(got, text)
		})
		want := []string{
			"opening", "waiting: the camera is in use", "opening", "waiting: internal error: boom",
			"opening", "running", "waiting: the camera is in use", "opening", "failed: no such codec",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), strings.Join(want, ", "))
		}
		if !supervise.IsPermanent(err) {
			t.Errorf("ended with %v", err)
		}
		// 0.5 + 0.75 + 1.125 s, each +-20 %.
		if d := time.Since(start); d < 1900*time.Millisecond || d > 2850*time.Millisecond {
			t.Errorf("four tries took %v", d)
		}
		if sink.restarts != 3 || sink.holds != 4 {
			t.Errorf("%d restarts and %d holds, want 3 and 4", sink.restarts, sink.holds)
		}
	})
}

func TestSuperviseEndsWithTheMaterialAndWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &scripted{steps: []func(context.Context, Sink) error{onePicture}}
		var last Status
		if err := Supervise(t.Context(), src, newRecorder(Live, 1, 0), func(s Status) { last = s }); err != nil || last.State != Ended {
			t.Errorf("the end of the material: %v, state %v", err, last.State)
		}
		src = &scripted{steps: []func(context.Context, Sink) error{func(context.Context, Sink) error { return errors.New("gone") }}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := Supervise(ctx, src, newRecorder(Live, 1, 0), func(Status) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if src.runs < 8 || src.runs > 15 {
			t.Errorf("%d tries in a minute", src.runs)
		}
	})
}

func TestTogetherEndsAllPartsAndKeepsTheFirstError(t *testing.T) {
	checkLeaks(t)
	first := errors.New("first")
	err := together(t.Context(),
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return first },
	)
	if !errors.Is(err, first) {
		t.Errorf("got %v", err)
	}
	err = together(t.Context(), func(context.Context) error { panic(fmt.Sprint("at ", 7)) })
	if err == nil || !strings.Contains(err.Error(), "at 7") {
		t.Errorf("a panic became %v", err)
	}
}

// remarked is a Sink with ears.
type remarked struct {
	Sink
	got string
}

func (r *remarked) Remark(text string) { r.got = text }

func TestRemarksPassTheSupervision(t *testing.T) {
	r := &remarked{}
	remark(&watched{Sink: r}, "no font")
	if r.got != "no font" {
		t.Errorf("heard %q", r.got)
	}
}

// TestPartsPanic: the fault of one part of a source is one line, and the stack is kept beside it.
func TestPartsPanic(t *testing.T) {
	err := together(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}, func(context.Context) error { panic("boom") })
	var fault *supervise.PanicError
	if !errors.As(err, &fault) || err.Error() != "internal error: boom" || !strings.Contains(string(fault.Stack), "TestPartsPanic") {
		t.Errorf("got %v (%T)", err, err)
	}
}
