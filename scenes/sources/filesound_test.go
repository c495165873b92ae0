package sources

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
)

// soundFile runs a file of sound alone until cond.
func soundFile(t *testing.T, settings string, what string, cond func(*recorder) bool) (Clip, *recorder, *running) {
	t.Helper()
	checkLeaks(t)
	src, err := File().New(json.RawMessage(settings), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, 1000, 0)
	work := start(t, src, sink)
	sink.until(t, what, func() bool { return cond(sink) })
	return src.(Clip), sink, work
}

// Paused, a file without pictures waits: it is not read to its end, nor over and over.
func TestFileOfSoundPauses(t *testing.T) {
	blind := clip
	blind.blind = true
	path := makeFile(t, filepath.Join(t.TempDir(), "a.wav"), blind, "-c:a", "pcm_s16le")
	src, sink, work := soundFile(t, settingsOf("path", path, "loop", true, "paused", true), "the pause at the start",
		func(r *recorder) bool { return r.holds == 1 })
	if sink.hasSound {
		t.Error("sound while paused")
	}
	src.(Pauser).PauseAt(time.Second - intoPicture)
	sink.until(t, "the pause at the second beep", func() bool { return sink.holds == 2 })
	if sink.hasSound {
		t.Error("sound while paused")
	}
	src.SetPaused(false)
	sink.until(t, "sound", func() bool { return len(sink.sound) > media.SampleRateHz })
	_ = work.stop() // ended by us
	if got := beeps(sink.sound); len(got) == 0 || got[0] > 48 {
		t.Errorf("beeps at %v, want one at once", got)
	}
	for _, f := range sink.faults {
		t.Error(f)
	}
}

// A song with its cover is sound alone: it is over at its end, and can be paused and sought in.
func TestFileWithACover(t *testing.T) {
	dir := t.TempDir()
	blind, one := clip, clip
	blind.blind = true
	one.frames, one.silent = 1, true
	plain := makeFile(t, filepath.Join(dir, "plain.m4a"), blind, "-c:a", "aac")
	cover := makeFile(t, filepath.Join(dir, "cover.png"), one, "-frames:v", "1")
	path := filepath.Join(dir, "a.m4a")
	runFFmpeg(t, "-i", plain, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic", path)
	src, sink, work := soundFile(t, settingsOf("path", path), "the end", func(r *recorder) bool { return r.holds == 1 })
	if n := len(sink.sound) / 2; sink.streams != "video false, audio true" || n < 2*media.SampleRateHz-10 || n > 2*media.SampleRateHz+2048 {
		t.Errorf("streams %s, %d audio frames; want sound alone of 2 s", sink.streams, n)
	}
	src.Seek(1)
	sink.until(t, "the end again", func() bool { return sink.holds == 2 })
	if sink.soundEnd < 900*time.Millisecond || sink.soundEnd > 1100*time.Millisecond {
		t.Errorf("%v were played from 1 s on, want 1 s", sink.soundEnd)
	}
	_ = work.stop() // ended by us
	for _, f := range sink.faults {
		t.Error(f)
	}
}

// A file that does not say how long it is loops at its end, not where its bit rate has one.
func TestFileOfGuessedLengthLoops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.aac")
	// Two seconds of noise take most of its bits, and four of silence hardly any.
	runFFmpeg(t, "-f", "lavfi", "-i", "aevalsrc='if(lt(t,2),random(0)-0.5,0)|if(lt(t,2),random(1)-0.5,0)':s=48000:d=6", "-c:a", "aac", "-b:a", "192k", path)
	src, sink, work := soundFile(t, settingsOf("path", path, "loop", true), "the second pass",
		func(r *recorder) bool { return r.soundEnd > 13*time.Second })
	_ = work.stop() // ended by us
	length := src.Timeline().Length
	if length < 5900*time.Millisecond || length > 6200*time.Millisecond {
		t.Errorf("it is %v long, want 6 s", length)
	}
	if got := beeps(sink.sound); len(got) < 2 || (media.TimeOf(int64(got[1]), perFrame)-length).Abs() > 50*time.Millisecond {
		t.Errorf("noise begins at %v, want a second one at %v", got, length)
	}
	for _, f := range sink.faults {
		t.Error(f)
	}
}

// stripSink is a Sink whose sound goes into a strip, as in the studio.
type stripSink struct {
	*recorder
	strip *audio.Strip
}

func (s stripSink) Audio(ctx context.Context, b media.AudioBlock) error {
	s.strip.Write(b)
	return s.recorder.Audio(ctx, b)
}

// Samples of a file that are no numbers come to the strip as they are: there they become
// silence, are counted and told.
func TestFileOfNoNumbers(t *testing.T) {
	checkLeaks(t)
	const frames, bad = 4800, 100
	data := make([]byte, 0, frames*8)
	for n := range frames {
		left, right := float32(0.25), float32(0.25)
		if n >= 1000 && n < 1000+bad {
			left, right = float32(math.NaN()), float32(math.Inf(-1))
		}
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(left))
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(right))
	}
	// RIFF WAVE, WAVE_FORMAT_IEEE_FLOAT.
	wav := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(36+len(data)))
	wav = append(wav, "WAVEfmt \x10\x00\x00\x00\x03\x00\x02\x00"...)
	wav = binary.LittleEndian.AppendUint32(wav, media.SampleRateHz)
	wav = binary.LittleEndian.AppendUint32(wav, media.SampleRateHz*8)
	wav = append(wav, "\x08\x00\x20\x00data"...)
	wav = append(binary.LittleEndian.AppendUint32(wav, uint32(len(data))), data...)
	path := filepath.Join(t.TempDir(), "bad.wav")
	if err := os.WriteFile(path, wav, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := File().New(json.RawMessage(settingsOf("path", path)), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := stripSink{newRecorder(Paced, 1000, 0), audio.NewStrip(audio.Paced, media.NewVirtualClock(), audio.StripOptions{})}
	work := start(t, src, sink)
	sink.until(t, "the end of the file", func() bool { return sink.holds > 0 })
	_ = work.stop() // ended by us
	st := sink.strip.Stats()
	if st.BadSamples != 2*bad {
		t.Errorf("%d samples that are no numbers are counted, want %d", st.BadSamples, 2*bad)
	}
	var told audio.Troubles
	told.Look(audio.StripStats{}, 0)
	if got, want := told.Look(st, time.Second), fmt.Sprintf("It sent %d samples that are no numbers", 2*bad); !strings.HasPrefix(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// TestFileWhoseSoundBeginsLate: what lies before it is no sound that came too late, though the mix was
// past its beginning when the sound was found; and it begins to the frame where the file says, as
// it is.
func TestFileWhoseSoundBeginsLate(t *testing.T) {
	checkLeaks(t)
	dir := t.TempDir()
	whole := makeFile(t, filepath.Join(dir, "whole.mkv"), material{width: 320, height: 180, fps: fps25, frames: 100}, "-c:v", "ffv1", "-c:a", "pcm_f32le")
	path := filepath.Join(dir, "late.mkv")
	runFFmpeg(t, "-i", whole, "-itsoffset", "2", "-i", whole, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
	src, err := File().New(json.RawMessage(settingsOf("path", path, "hardware", "off")), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newTicked()
	work := start(t, src, sink)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var heard []float32
	const first = 25 // tick of the mix at which it begins to take
	for n := range int64(100 - first) {
		b, err := sink.tick(ctx, first+n)
		if err != nil {
			t.Fatalf("tick %d: %v", first+n, err)
		}
		heard = append(heard, b...)
	}
	sink.pictures.Close()
	sink.strip.Close()
	_ = work.stop() // ended by us
	if got := beeps(heard); len(got) != 2 || got[0] < media.SampleRateHz || got[0] > media.SampleRateHz+48 {
		t.Errorf("beeps begin at %v, want the first of 2 at %d", got, media.SampleRateHz)
	}
	if st := sink.strip.Stats(); st.LateFrames != 0 || st.Underruns != 0 {
		t.Errorf("stats: %+v", st)
	}
}

// TestFileOfNumberedChannels: channels without a known place do not take the pictures with them, and
// what is heard of them is said.
func TestFileOfNumberedChannels(t *testing.T) {
	dir := t.TempDir()
	silent := clip
	silent.silent = true
	pictures := makeFile(t, filepath.Join(dir, "pictures.mkv"), silent, "-c:v", "ffv1")
	raw := filepath.Join(dir, "raw")
	for _, c := range []struct {
		channels    int
		left, right float32
		line, said  string
	}{
		{9, 0.5, -0.25, "pcm_s16le 48 kHz 9 channels; its 9 channels are in no arrangement that can be mixed down: the first two are heard, left and right",
			"Its 9 channels are in no arrangement that can be mixed down: the first two are heard, left and right."},
		{65, 0, 0, "; its 65 channels are in no arrangement that can be mixed down: it is silent",
			"Its 65 channels are in no arrangement that can be mixed down: it is silent."},
	} {
		frame := binary.LittleEndian.AppendUint16(nil, 16384)   // 0.5
		frame = binary.LittleEndian.AppendUint16(frame, 0xe000) // -0.25
		frame = append(frame, make([]byte, 2*(c.channels-2))...)
		writeFile(t, raw, func(w io.Writer) {
			for range 2 * media.SampleRateHz {
				_, _ = w.Write(frame) // kept by the bufio.Writer
			}
		})
		path := filepath.Join(dir, fmt.Sprintf("%d.mkv", c.channels))
		runFFmpeg(t, "-i", pictures, "-f", "s16le", "-ar", "48000", "-ac", strconv.Itoa(c.channels), "-i", raw, "-map", "0", "-map", "1", "-c", "copy", path)
		sink := playFile(t, settingsOf("path", path, "hardware", "off"), virtual(fps25), 1000)
		wantNumbers(t, path, sink.frames, upTo(0, 50))
		if n := len(sink.sound) / 2; n < 2*media.SampleRateHz-48 || sink.sound[2000] != c.left || sink.sound[2001] != c.right {
			t.Errorf("%d channels: %d audio frames, which begin with %v and %v", c.channels, n, sink.sound[2000], sink.sound[2001])
		}
		if !strings.HasSuffix(sink.text, c.line) || !slices.Equal(sink.changes, []string{c.said}) {
			t.Errorf("%d channels: its line is %q, said was %q", c.channels, sink.text, sink.changes)
		}
	}
}
