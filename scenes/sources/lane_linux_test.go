package sources

import (
	"context"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/priority"
	"crosspoint.studio/crosspoint/internal/testkit/threads"
)

// niceSink takes note of the precedence of the thread that hands it pictures.
type niceSink struct {
	*recorder
	nice map[int]int // guarded by the recorder's mu; how many pictures came with which
}

func (s niceSink) Video(ctx context.Context, f *media.Frame) error {
	nice, err := threads.Nice()
	s.mu.Lock()
	if err == nil {
		s.nice[nice]++
	}
	s.mu.Unlock()
	return s.recorder.Video(ctx, f)
}

// TestPicturesAreDecodedInTheLane: what decodes a file's pictures is in the lane of its context,
// behind a seek too.
func TestPicturesAreDecodedInTheLane(t *testing.T) {
	threads.NeedRaise(t)
	checkLeaks(t)
	src, err := File().New([]byte(settingsOf("path", makeFile(t, filepath.Join(t.TempDir(), "a.mp4"), clip, "-c:v", "libx264"), "loop", true)), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	var lane priority.Lane
	lane.Raise(true)
	ctx, cancel := context.WithCancel(priority.With(t.Context(), &lane))
	defer cancel()
	sink := niceSink{newRecorder(Paced, 1000, 0), make(map[int]int)}
	done := make(chan error, 1)
	go func() { done <- src.Run(ctx, sink) }()
	sink.until(t, "pictures", func() bool { return sink.numVideo > 10 })
	src.(Clip).Seek(1)
	sink.until(t, "the seek", func() bool { return sink.restarts > 0 })
	at := 0
	sink.until(t, "pictures behind it", func() bool {
		if at == 0 {
			at = sink.numVideo
		}
		return sink.numVideo > at+10
	})
	cancel()
	_ = ended(t, done) // by us
	if len(sink.nice) != 1 {
		t.Errorf("pictures by nice value: %v, want one value for all", sink.nice)
	}
	for nice := range sink.nice {
		if nice >= 0 {
			t.Errorf("decoded with a nice value of %d", nice)
		}
	}
}
