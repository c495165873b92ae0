package sources

import (
	"fmt"
	"path/filepath"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestLoopedSoundBeginsWhole: whatever the sound's length is beside that of the pictures, each
// turn begins with the sound's first frame, and what is over is left out at the end of the one before.
func TestLoopedSoundBeginsWhole(t *testing.T) {
	dir := t.TempDir()
	silent := clip
	silent.silent = true
	pictures := makeFile(t, filepath.Join(dir, "pictures.mkv"), silent, "-c:v", "ffv1")
	for _, length := range []float64{1.96, 2, 2.04} {
		t.Run(fmt.Sprintf("%v s", length), func(t *testing.T) {
			path := filepath.Join(dir, fmt.Sprintf("%v.mkv", length))
			// A burst in the first 20 ms, and another sound behind the pictures' end.
			const sound = "if(lt(t,0.02),0.5,if(lt(t,2),0,-0.5))"
			runFFmpeg(t, "-i", pictures, "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='%s|%s':s=48000:d=%v", sound, sound, length),
				"-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "pcm_f32le", path)
			sink := playFile(t, settingsOf("path", path, "loop", true, "hardware", "off"), virtual(fps25), 130)
			wantNumbers(t, "pictures", sink.frames, append(append(upTo(0, 50), upTo(0, 50)...), upTo(0, 30)...))
			const pass, burst = 2 * media.SampleRateHz, media.SampleRateHz / 50
			if n := len(sink.sound) / media.Channels; n < 2*pass+burst {
				t.Fatalf("%d audio frames", n)
			}
			for i := range 2*pass + burst {
				want := float32(0)
				if i%pass < burst {
					want = 0.5
				}
				if got := sink.sound[i*media.Channels]; got != want {
					t.Fatalf("frame %d of turn %d is %v, want %v", i%pass, i/pass+1, got, want)
				}
			}
		})
	}
}
