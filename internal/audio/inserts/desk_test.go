package inserts

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

const (
	deskInputs = 16
	deskBuses  = 6
	deskFrames = 1600 // a tick of 30 a second
)

// desk is a mixer of 16 stereo inputs, each with gate, compressor and equaliser, that all
// go to 6 buses.
func desk(t testing.TB, withInserts bool) (m *audio.Mixer, strips []*audio.Strip) {
	t.Helper()
	m = audio.NewMixer()
	t.Cleanup(m.Close)
	routes := []audio.Route{{Bus: m.Programme()}}
	var buses []*audio.Bus
	for i := 1; i < deskBuses; i++ {
		b := audio.NewBus(fmt.Sprint("aux", i))
		buses = append(buses, b)
		routes = append(routes, audio.Route{Bus: b, GainDB: -float64(i)})
	}
	m.SetBuses(buses)
	for range deskInputs {
		s := audio.NewStrip(audio.Paced, media.NewVirtualClock(), audio.StripOptions{Controls: audio.Controls{GainDB: -12, Pan: 0.25}})
		s.SetRoutes(routes)
		if withInserts {
			var list []*audio.Insert
			for _, kind := range []string{Gate, Compressor, EQ} {
				p := deskProcessor(t, kind)
				list = append(list, audio.NewInsert(p, audio.InsertOptions{ID: kind, Reduces: Reduces(kind)}))
			}
			s.SetInserts(list)
		}
		m.Add(s)
		strips = append(strips, s)
	}
	return m, strips
}

// deskProcessor is a processor that has something to do; the chain owns it.
func deskProcessor(t testing.TB, kind string) audio.Processor {
	t.Helper()
	settings := map[string]string{
		Gate:       `{"threshold_db":-30,"hysteresis_db":6,"range_db":-60,"attack_ms":25,"hold_ms":200,"release_ms":150}`,
		Compressor: `{"threshold_db":-18,"ratio":4,"knee_db":6,"attack_ms":6,"release_ms":60,"makeup_db":0}`,
		EQ:         `{"low_hz":100,"low_db":3,"lowmid_hz":400,"lowmid_db":-3,"lowmid_q":1,"highmid_hz":2500,"highmid_db":3,"highmid_q":1,"high_hz":8000,"high_db":2}`,
	}
	p, err := Open(kind, []byte(settings[kind]))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tick feeds every strip a block and mixes it.
func tick(m *audio.Mixer, strips []*audio.Strip, sound, out []float32, n int64) {
	at := media.TimeOf(n*deskFrames, media.Rational{Num: 1, Den: media.SampleRateHz})
	for _, s := range strips {
		s.Write(media.AudioBlock{Samples: sound, PTS: at})
	}
	m.MixTick(out, n*deskFrames)
}

func speech() []float32 {
	b := make([]float32, 2*deskFrames)
	hiss(-20)(b, 0)
	return b
}

func TestDeskAllocatesNothing(t *testing.T) {
	m, strips := desk(t, true)
	sound, out := speech(), make([]float32, 2*deskFrames)
	n := int64(0)
	for range 20 {
		tick(m, strips, sound, out, n)
		n++
	}
	if got := testing.AllocsPerRun(20, func() {
		tick(m, strips, sound, out, n)
		n++
	}); got != 0 {
		t.Errorf("%v allocations a tick, want 0", got)
	}
}

// BenchmarkDesk is issue by issue the desk of the plan: 16 stereo inputs with gate,
// compressor and equaliser, 6 buses with loudness. realtime is seconds of sound per
// second of one core.
func BenchmarkDesk(b *testing.B) {
	for _, c := range []struct {
		name    string
		inserts bool
	}{{"inserts", true}, {"faders", false}} {
		b.Run(c.name, func(b *testing.B) {
			m, strips := desk(b, c.inserts)
			sound, out := speech(), make([]float32, 2*deskFrames)
			n, began := int64(0), cpuTime(b)
			for b.Loop() {
				tick(m, strips, sound, out, n)
				n++
			}
			b.ReportMetric(float64(n)*deskFrames/media.SampleRateHz/(cpuTime(b)-began).Seconds(), "realtime")
		})
	}
}

// cpuTime is what this process has used: on a busy machine time by the clock says nothing.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDeskFFmpeg is the ffmpeg program with the same filters: 16 inputs out of one
// generator, each through gate, compressor and equaliser, 6 mixes with R 128. One
// thread, so that its CPU time is comparable.
func BenchmarkDeskFFmpeg(b *testing.B) {
	const seconds = 20
	var g strings.Builder
	fmt.Fprintf(&g, "anoisesrc=r=48000:a=0.3:d=%d,aformat=channel_layouts=stereo:sample_fmts=flt,asplit=%d", seconds, deskInputs)
	for i := range deskInputs {
		fmt.Fprintf(&g, "[i%d]", i)
	}
	var outs []string
	for i := range deskInputs {
		chain := []string{"agate=detection=peak:link=maximum:threshold=0.0316:ratio=9000:knee=2:range=0.001:attack=25:release=350"}
		for _, kind := range []string{Compressor, EQ} {
			opt, _, err := describe(kind, []byte(`{"threshold_db":-18,"attack_ms":6,"release_ms":60,"ratio":4,"knee_db":6,"makeup_db":0,"low_hz":100,"low_db":3,"lowmid_hz":400,"lowmid_db":-3,"lowmid_q":1,"highmid_hz":2500,"highmid_db":3,"highmid_q":1,"high_hz":8000,"high_db":2}`))
			if err != nil {
				b.Fatal(err)
			}
			chain = append(chain, opt.Graph)
		}
		fmt.Fprintf(&g, ";[i%d]%s,volume=-12dB,asplit=%d", i, strings.Join(chain, ","), deskBuses)
		for k := range deskBuses {
			fmt.Fprintf(&g, "[s%dx%d]", i, k)
		}
	}
	args := []string{"-v", "error", "-nostdin", "-filter_complex_threads", "1"}
	for k := range deskBuses {
		g.WriteString(";")
		for i := range deskInputs {
			fmt.Fprintf(&g, "[s%dx%d]", i, k)
		}
		fmt.Fprintf(&g, "amix=inputs=%d:normalize=0,ebur128=peak=true[m%d]", deskInputs, k)
		outs = append(outs, "-map", fmt.Sprintf("[m%d]", k), "-f", "null", "-")
	}
	args = append(append(args, "-filter_complex", g.String()), outs...)
	total, runs := time.Duration(0), 0
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), testkit.Program(b, "ffmpeg"), args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("ffmpeg: %v: %s", err, out)
		}
		total += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		runs++
	}
	b.ReportMetric(seconds*float64(runs)/total.Seconds(), "realtime")
}
