package av

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
)

// Encoder is one row of the table of video encoders.
type Encoder struct {
	Name     string // libavcodec's
	Codec    media.Codec
	Title    string // for menus
	Hardware bool
	// Device is the libav device type whose surfaces the encoder wants; empty: it
	// takes pictures from memory.
	Device string
	// NV12 is what it takes natively; I420 otherwise.
	NV12 bool
	// Deep: it takes 4:2:2 pictures of 10 bits.
	Deep bool
	// presets are the names its "preset" option takes; another encoder's means its own
	// default, since a show's preset is chosen before the encoder is.
	presets []string
	// options maps our settings to libavcodec's option names, in the order of the
	// ffmpeg command line.
	options func(o VideoEncoderOptions) []option
}

type option struct{ name, value string }

// repeatableThreads is how many frames x264 works on at once for Repeatable, whatever the
// machine has: enough for four processors, and not much memory on two.
const repeatableThreads = 4

// Encoders is the table: a new encoder is one row. Within a codec, hardware comes in
// the order in which "auto" tries it; software is what it falls back to.
func Encoders() []Encoder {
	return []Encoder{
		{Name: "libx264", Codec: media.H264, Title: "x264 (software)", presets: x26xPresets, options: x264Options},
		{Name: "h264_nvenc", Codec: media.H264, Title: "NVENC", Hardware: true, NV12: true, presets: nvencPresets, options: nvencOptions},
		{Name: "h264_qsv", Codec: media.H264, Title: "Quick Sync", Hardware: true, NV12: true, presets: qsvPresets, options: qsvOptions},
		{Name: "h264_vaapi", Codec: media.H264, Title: "VA-API", Hardware: true, NV12: true, Device: "vaapi", options: vaapiOptions},
		{Name: "h264_videotoolbox", Codec: media.H264, Title: "VideoToolbox", Hardware: true, NV12: true, options: videotoolboxOptions},
		{Name: "libx265", Codec: media.HEVC, Title: "x265 (software)", presets: x26xPresets, options: x265Options},
		{Name: "libsvtav1", Codec: media.AV1, Title: "SVT-AV1 (software)", presets: svtPresets, options: svtOptions},
		{Name: "prores_ks", Codec: media.ProRes, Title: "ProRes (software)", Deep: true, presets: proresProfiles, options: proresOptions},
	}
}

// IsHardware reports whether a name of the table is a hardware encoder's.
func IsHardware(name string) bool {
	return slices.ContainsFunc(Encoders(), func(e Encoder) bool { return e.Name == name && e.Hardware })
}

// SoftwareEncoder is the name of the first software encoder for a codec, "" without one.
func SoftwareEncoder(codec media.Codec) string {
	for _, e := range Encoders() {
		if e.Codec == codec && !e.Hardware {
			return e.Name
		}
	}
	return ""
}

// rate is constant bit rate with a VBV of one second (Repeatable: without one) and a
// keyframe every GOP.
func rate(o VideoEncoderOptions) []option {
	b := strconv.Itoa(o.BitrateBPS)
	list := []option{{"b", b}}
	if !o.Repeatable {
		list = append(list, option{"maxrate", b}, option{"bufsize", b})
	}
	list = append(list, option{"g", strconv.Itoa(o.GOP)})
	if o.BFrames >= 0 {
		list = append(list, option{"bf", strconv.Itoa(o.BFrames)})
	}
	if o.Threads > 0 {
		list = append(list, option{"threads", strconv.Itoa(o.Threads)})
	}
	return list
}

// x264: VBV at the bitrate bounds every second without padding. HRD signalling and
// filler (nal-hrd=cbr) are left out: filler costs the same on every destination and
// on disk, WebRTC and most platforms want none, and the HRD's buffering and timing
// SEI trouble strict receivers. Scene cuts never make keyframes; the GOP is closed.
// Without a VBV what x264 makes depends on the number of threads, but not on how they
// run (tried: with one, both frame and slice threads code the same pictures differently).
func x264Options(o VideoEncoderOptions) []option {
	if o.Repeatable {
		o.Threads = repeatableThreads
	}
	return append(rate(o), []option{
		{"preset", orElse(o.Preset, "veryfast")}, {"sc_threshold", "0"}, {"forced-idr", "1"},
		{"flags", "+cgop"}, {"a53cc", "0"},
	}...)
}

// x264Params are settings that libavcodec has no option for. x264's macroblock tree rounds
// differently with each instruction set, and with AVX-512 depends on what lies in memory beside its
// data besides: Repeatable takes the one in plain C (cpu-independent), which gives the same bits on
// every processor, and all other code is the processor's best.
func x264Params(o VideoEncoderOptions) string {
	params := "repeat-headers=1"
	if o.Repeatable {
		params += ":cpu-independent=1"
	}
	return params
}

func nvencOptions(o VideoEncoderOptions) []option {
	return append(rate(o), []option{
		{"preset", orElse(o.Preset, "p4")}, {"rc", "cbr"}, {"no-scenecut", "1"}, {"forced-idr", "1"},
		{"strict_gop", "1"}, {"a53cc", "0"},
	}...)
}

func qsvOptions(o VideoEncoderOptions) []option {
	return append(rate(o), []option{
		{"preset", orElse(o.Preset, "veryfast")}, {"forced_idr", "1"}, {"idr_interval", "0"}, {"a53cc", "0"},
	}...)
}

func vaapiOptions(o VideoEncoderOptions) []option {
	return append(rate(o), []option{{"rc_mode", "CBR"}, {"idr_interval", "0"}, {"sei", "0"}}...)
}

func videotoolboxOptions(o VideoEncoderOptions) []option {
	return append(rate(o), []option{{"realtime", "1"}, {"constant_bit_rate", "0"}, {"a53cc", "0"}}...)
}

func x265Options(o VideoEncoderOptions) []option {
	return append(rate(o), []option{
		{"preset", orElse(o.Preset, "ultrafast")}, {"forced-idr", "1"}, {"a53cc", "0"},
		{"x265-params", fmt.Sprintf("log-level=none:keyint=%d:min-keyint=1:scenecut=0:open-gop=0:repeat-headers=1:info=0", o.GOP)},
	}...)
}

// SVT-AV1 has no VBV of the usual kind; its constant bit rate (rc=2) needs the
// low-delay structure (pred-struct=1), which also keeps pictures in display order.
func svtOptions(o VideoEncoderOptions) []option {
	quietSVT()
	params := "rc=2:pred-struct=1:scd=0:buf-sz=1000"
	if o.Threads > 0 {
		params += ":lp=" + strconv.Itoa(o.Threads)
	}
	return []option{
		{"b", strconv.Itoa(o.BitrateBPS)}, {"g", strconv.Itoa(o.GOP)},
		{"preset", orElse(o.Preset, "12")}, {"svtav1-params", params},
	}
}

// ProRes has no bitrate: its profile, which is the preset here, says how finely it
// quantises. FFmpeg's encoder otherwise searches each slice for the finest step that keeps
// the profile's rate, which takes 160 ms for a 1080p picture where a fixed step takes 31 on
// two processors; the fixed ones below are in the middle of each profile's range, so that
// files come out near the profile's usual size. The vendor is what Apple's own files say;
// some programs look.
func proresOptions(o VideoEncoderOptions) []option {
	const lambda = 118 // FF_QP2LAMBDA
	profile := orElse(o.Preset, "standard")
	step := map[string]int{"proxy": 8, "lt": 6, "standard": 4, "hq": 2}[profile]
	return []option{
		{"profile", profile}, {"vendor", "apl0"}, {"global_quality", strconv.Itoa(step * lambda)},
		{"threads", strconv.Itoa(o.Threads)}, // 0: one slice per processor
	}
}

// quietSVT keeps SVT-AV1, which has no log callback, from writing its banner to stderr.
func quietSVT() {
	if _, set := os.LookupEnv("SVT_LOG"); !set {
		_ = os.Setenv("SVT_LOG", "1") // errors only; failing to is harmless
	}
}

// The presets of x264 and x265, of NVENC, of Quick Sync and of SVT-AV1.
var (
	x26xPresets  = []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"}
	nvencPresets = []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7"}
	qsvPresets   = []string{"veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}
	// ProRes's are its profiles.
	proresProfiles = []string{"proxy", "lt", "standard", "hq"}
	svtPresets     = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"}
)

// KnownPreset reports that some encoder of the table has the preset.
func KnownPreset(name string) bool {
	return slices.ContainsFunc(Encoders(), func(e Encoder) bool { return slices.Contains(e.presets, name) })
}

// PresetsFor are the presets to choose from for the named encoder of a codec; for "auto" those
// of the codec's software, which other encoders replace by their own default.
func PresetsFor(codec media.Codec, encoder string) []string {
	if encoder == "auto" {
		encoder = SoftwareEncoder(codec)
	}
	for _, e := range Encoders() {
		if e.Name == encoder {
			return slices.Clone(e.presets)
		}
	}
	return nil
}

// Misfit is a setting of an encode that no build of FFmpeg can do, as show files call it.
type Misfit struct{ Setting, Text string }

// Misfits are what is wrong with an encoder ("auto": any) and a preset for a codec.
func Misfits(codec media.Codec, encoder, preset string) (out []Misfit) {
	var names []string
	for _, e := range Encoders() {
		names = append(names, e.Name)
		if e.Name == encoder && e.Codec != codec {
			out = append(out, Misfit{"encoder", fmt.Sprintf("%s makes %s, but the codec here is %s", e.Name, e.Codec, codec)})
		}
	}
	if encoder != "auto" && !slices.Contains(names, encoder) {
		out = append(out, Misfit{"encoder", fmt.Sprintf("there is no encoder %q; there are auto, %s", encoder, strings.Join(names, ", "))})
	}
	if !KnownPreset(preset) {
		out = append(out, Misfit{"preset", fmt.Sprintf("no encoder has a preset %q", preset)})
	}
	return out
}

// own is o with a preset that the row knows, or none.
func (e Encoder) own(o VideoEncoderOptions) VideoEncoderOptions {
	if !slices.Contains(e.presets, o.Preset) {
		o.Preset = ""
	}
	return o
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// CLIArgs are the arguments of the ffmpeg command line that give its encoder the
// same settings; for measuring beside it. They are meant for -f h264: other
// containers add the global header flag.
func (o VideoEncoderOptions) CLIArgs() ([]string, error) {
	o = o.withDefaults()
	for _, row := range Encoders() {
		if row.Name != o.Encoder {
			continue
		}
		args := []string{"-c:v", row.Name}
		for _, opt := range row.options(row.own(o)) {
			args = append(args, "-"+opt.name, opt.value)
		}
		c := orDefault(o.Color)
		matrix := map[media.Matrix]string{media.BT709: "bt709", media.BT601: "smpte170m", media.BT2020: "bt2020nc"}[c.Matrix]
		rng := "tv"
		if c.Range == media.Full {
			rng = "pc"
		}
		return append(args, "-colorspace", matrix, "-color_range", rng, "-chroma_sample_location", "left"), nil
	}
	return nil, fmt.Errorf("av: no encoder %q", o.Encoder)
}
