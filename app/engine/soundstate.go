package engine

import (
	"fmt"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/scenes"
)

// BusState is one mix as surfaces show it.
type BusState struct {
	ID, Name    string
	GainDB      float64
	Muted       bool
	Meter       Meter
	Loudness    Loudness
	ReductionDB float64 // of all dynamics together
	Clipped     int64   // samples beyond full scale
	LatencyMS   float64 // of its inserts and its limiter; sources are that much earlier
	Inserts     []InsertState
	Listening   bool // the monitor plays it while nothing is soloed
	// Carried are the names of what runs with its sound: the mix cannot be removed then.
	Carried []string
}

// InsertState is one processor as surfaces show it, in the order of the show.
type InsertState struct {
	ID          string
	ReductionDB float64
	// Problem says what is wrong; the sound then passes it by.
	Problem string
}

// meterState is a meter as surfaces show it.
func meterState(m audio.Meter) Meter { return Meter{m.PeakDB, m.HoldDB, m.Clipped} }

func (s insertSet) state(defs []scenes.Insert) []InsertState {
	if len(defs) == 0 {
		return nil
	}
	out := make([]InsertState, 0, len(defs))
	for _, def := range defs {
		v := InsertState{ID: def.ID}
		if in := s[def.ID]; in != nil {
			v.Problem = Plain(in.problem)
			if in.insert != nil {
				v.ReductionDB = in.insert.ReductionDB()
				if err := in.insert.Err(); err != nil {
					v.Problem = "it has failed and is passed by: " + Plain(err.Error())
				}
			}
		}
		out = append(out, v)
	}
	return out
}

// state is the buses as surfaces show them.
func (d *desk) state() []BusState {
	out := make([]BusState, 0, len(d.order))
	for _, b := range d.order {
		out = append(out, BusState{
			ID: b.def.ID, Name: b.def.Name, GainDB: b.def.GainDB, Muted: b.def.Muted,
			Meter: meterState(b.bus.Meter()), Loudness: Loudness(b.bus.Loudness()), ReductionDB: b.bus.ReductionDB(), Clipped: b.bus.ClippedSamples(),
			LatencyMS: float64(b.bus.Latency()) / 48, Inserts: b.inserts.state(b.def.Inserts),
			Listening: b.def.ID == d.listen,
		})
	}
	return out
}

// soloNames are the names of solos on surfaces and in commands.
var soloNames = map[audio.Solo]string{audio.AfterFader: "afl", audio.BeforeFader: "pfl"}

// monitorState is where the operator listens, as surfaces show it.
func (e *Engine) monitorState() (s MonitorState) {
	if e.opt.MonitorStats == nil {
		return s
	}
	st := e.opt.MonitorStats()
	s.Device, s.LatencyMS, s.DriftPPM = st.Device, float64(st.Latency)/1e6, st.PPM
	s.Underruns, s.Skips, s.Dropped = st.Underruns, st.Skips, st.Dropped
	if st.Device == "" && st.Err != nil {
		s.Problem = Plain(st.Err.Error())
	}
	return s
}

// sound adds what the desk knows of an input to its state.
func (d *desk) sound(in *input, s *SourceState) {
	if st := in.strip.Stats(); in.strip.Mode() == audio.Live && s.HasAudio {
		after := 0
		for _, b := range d.order {
			after = max(after, b.bus.Latency())
		}
		s.DeviceMS = float64(in.device.Load()) / 1e6
		s.LatencyMS = s.DeviceMS + float64(st.Latency)/1e6 + float64(in.strip.InsertLatency()+after)/48 + float64(in.frame)/1e6 - min(float64(st.Delay)/1e6, 0)
	}
	s.Heard = in.isHeard(func(string) bool { return true })
	s.Inserts = in.inserts.state(in.def.Audio.Inserts)
	s.ReductionDB = in.strip.ReductionDB()
	s.Solo = soloNames[in.strip.Solo()]
}

// soundTroubles are the sentences about inserts that do not work.
func soundTroubles(s *State) (out []Warning) {
	each := func(owner, key string, list []InsertState) {
		for _, in := range list {
			if in.Problem != "" {
				out = append(out, Warning{"insert " + key + " " + in.ID, fmt.Sprintf("The insert %q of %s does not work%s. The sound goes on without it; change its settings, or take it out.", in.ID, owner, sentence(in.Problem)), s.Tick})
			}
		}
	}
	for _, v := range s.Sources {
		each(v.Name, "source "+v.ID, v.Inserts)
	}
	for _, v := range s.Buses {
		each("the bus "+v.Name, "bus "+v.ID, v.Inserts)
	}
	return out
}
