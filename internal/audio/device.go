package audio

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gen2brain/malgo"
)

// Backend names a machine's way to its sound devices.
type Backend string

// Backends.
const (
	// DefaultBackend is the first of the system's that works: WASAPI, Core Audio,
	// PulseAudio (and PipeWire through it), ALSA and so on, never NullBackend.
	DefaultBackend Backend = ""
	// NullBackend has one device that plays to nobody and records silence, in real
	// time: for tests and machines without sound.
	NullBackend Backend = "null"
	// PulseBackend is PulseAudio only.
	PulseBackend Backend = "pulse"
)

// ErrNoDevice is wrapped by errors about a device that is not there.
var ErrNoDevice = errors.New("no such sound device")

// errNoSound: miniaudio found no system of the machine's that it could ask for devices.
var errNoSound = errors.New("this machine has no sound device, or its sound server does not run")

// errStopped is a device that went away by itself.
var errStopped = errors.New("the device stopped: unplugged, or the sound server went away")

// errSilent is a device that no longer calls back.
var errSilent = errors.New("the device delivers nothing any more")

const (
	// capturePeriod is the length of a recording device's blocks that is asked for.
	capturePeriod = 10 * time.Millisecond
	// capturePeriods is how many of them the sound system may hold back: room that costs no
	// time. Of miniaudio's own three, 30 ms, PulseAudio threw sound away whenever a busy machine
	// kept it or us waiting for longer: 4.2 s of 20 at a load of 16, and 0 to 0.3 s with this.
	capturePeriods = 50
	// playbackPeriod is the same of a playing device, and all that PulseAudio has in hand
	// (miniaudio 0.11.24, ma_device__pa_buffer_attr_new), so it is what monitor and server
	// together may be late by.
	playbackPeriod = 20 * time.Millisecond
)

// stallTimeout is how long a device may be silent before it is taken for dead.
const stallTimeout = 2 * time.Second

// backendNull is ma_backend_null. malgo v0.11.24's own constant is one too low:
// it lacks ma_backend_custom before it.
const backendNull malgo.Backend = malgo.BackendNull + 1

// closeTimeout is how long a device may take to close.
const closeTimeout = 3 * time.Second

// Device is a sound device as the operator sees it.
type Device struct {
	ID      string // stable name within its backend, hexadecimal
	Name    string
	Default bool
}

// Devices lists what there is to record from and to play to. It may take some
// hundred milliseconds.
func Devices(backend Backend) (capture, playback []Device, err error) {
	ctx, err := newContext(backend)
	if err != nil {
		return nil, nil, fmt.Errorf("audio: the sound devices cannot be listed: %w", err)
	}
	defer freeContext(ctx)
	for kind, list := range map[malgo.DeviceType]*[]Device{malgo.Capture: &capture, malgo.Playback: &playback} {
		infos, err := ctx.Devices(kind)
		if err != nil {
			return nil, nil, fmt.Errorf("audio: the sound devices cannot be listed: %w", err)
		}
		for i, info := range infos {
			*list = append(*list, Device{ID: info.ID.String(), Name: nameAmong(infos, i), Default: info.IsDefault != 0})
		}
	}
	return capture, playback, nil
}

// systemName is what the sound system itself calls a device, where that is a text (PulseAudio
// and ALSA: what pactl and aplay list), or "".
func systemName(id malgo.DeviceID) string {
	name, _, _ := bytes.Cut(id[:], []byte{0})
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return string(name)
}

// nameAmong is a device's name, with the system's behind it where another is called the same.
func nameAmong(infos []malgo.DeviceInfo, i int) string {
	name := infos[i].Name()
	for k := range infos {
		if own := systemName(infos[i].ID); k != i && infos[k].Name() == name && own != "" {
			return name + " (" + own + ")"
		}
	}
	return name
}

// newContext connects to a backend. Every connection costs some hundred bytes that malgo
// v0.11.24 never gives back (its log object), so reopening is done
// with a backoff.
func newContext(backend Backend) (*malgo.AllocatedContext, error) {
	var list []malgo.Backend
	switch backend {
	case DefaultBackend:
		// miniaudio's own default would end with the null backend and
		// pretend that a machine without sound has some. JACK is left out:
		// where no server runs, libjack crashes the process (seen with the
		// library of Debian 12), and systems with JACK have PipeWire or
		// PulseAudio as well.
		list = []malgo.Backend{
			malgo.BackendWasapi, malgo.BackendDsound, malgo.BackendWinmm, malgo.BackendCoreaudio, malgo.BackendSndio,
			malgo.BackendAudio4, malgo.BackendOss, malgo.BackendPulseaudio,
		}
		if hasALSACard() {
			list = append(list, malgo.BackendAlsa)
		}
	case NullBackend:
		list = []malgo.Backend{backendNull}
	case PulseBackend:
		list = []malgo.Backend{malgo.BackendPulseaudio}
	default:
		return nil, fmt.Errorf("unknown backend %q", string(backend))
	}
	ctx, err := malgo.InitContext(list, malgo.ContextConfig{ThreadPriority: malgo.ThreadPriorityRealtime}, nil)
	if errors.Is(err, malgo.ErrNoBackend) {
		return nil, errNoSound
	}
	return ctx, err
}

// hasALSACard reports whether ALSA is worth asking: without a sound card its library
// prints a screenful to stderr before it says no.
func hasALSACard() bool {
	cards, err := os.ReadFile("/proc/asound/cards")
	return err == nil && !strings.Contains(string(cards), "no soundcards")
}

func freeContext(ctx *malgo.AllocatedContext) {
	_ = ctx.Uninit() // fails only for a context that never was
	ctx.Free()
}

// session is an open, running device. stopped gets a token when it ends by itself.
type session struct {
	ctx     *malgo.AllocatedContext
	dev     *malgo.Device
	name    string
	stopped chan struct{}
	// closing is held while the device is taken down: who else stops it below this package
	// would wait for an event that is gone with it.
	closing sync.Mutex
}

// open starts the device with this ID, name or name of the system's own ("" is the default one) at 48 kHz
// stereo float32; miniaudio converts. data runs on the device's thread and may neither
// lock, allocate nor log.
func open(backend Backend, kind malgo.DeviceType, device string, data malgo.DataProc) (*session, error) {
	ctx, err := newContext(backend)
	if err != nil {
		return nil, err
	}
	s := &session{ctx: ctx, stopped: make(chan struct{}, 1), name: "default device"}
	cfg := malgo.DefaultDeviceConfig(kind)
	cfg.SampleRate = sampleRateHz
	cfg.PeriodSizeInMilliseconds = uint32(playbackPeriod.Milliseconds())
	if kind == malgo.Capture {
		cfg.PeriodSizeInMilliseconds, cfg.Periods = uint32(capturePeriod.Milliseconds()), capturePeriods
	}
	cfg.Capture.Format, cfg.Capture.Channels = malgo.FormatF32, 2
	cfg.Playback.Format, cfg.Playback.Channels = malgo.FormatF32, 2
	cfg.Alsa.NoMMap = 1
	cfg.NoClip = 1
	cfg.Pulse.StreamNameCapture, cfg.Pulse.StreamNamePlayback = "Crosspoint input", "Crosspoint monitor"

	// The C side reads the ID during InitDevice only; malgo's own Pointer() would
	// leak a copy of it.
	var pin runtime.Pinner
	defer pin.Unpin()
	if info, name, err := find(ctx, kind, device); err != nil {
		freeContext(ctx)
		return nil, err
	} else if info != nil {
		s.name = name
		id := new(malgo.DeviceID)
		*id = info.ID
		pin.Pin(id)
		if device != "" {
			cfg.Capture.DeviceID, cfg.Playback.DeviceID = unsafe.Pointer(id), unsafe.Pointer(id)
		}
	}
	s.dev, err = malgo.InitDevice(ctx.Context, cfg, malgo.DeviceCallbacks{Data: data, Stop: func() { wake(s.stopped) }})
	if err != nil {
		freeContext(ctx)
		return nil, err
	}
	if err := s.dev.Start(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// find looks a device up, and what lists call it; nil for the default one when the backend
// does not say which that is.
func find(ctx *malgo.AllocatedContext, kind malgo.DeviceType, device string) (info *malgo.DeviceInfo, name string, err error) {
	infos, err := ctx.Devices(kind)
	if err != nil {
		return nil, "", err
	}
	names := make([]string, 0, len(infos))
	for i := range infos {
		name := nameAmong(infos, i)
		if device == "" && infos[i].IsDefault != 0 || device != "" && slices.Contains([]string{infos[i].ID.String(), systemName(infos[i].ID), infos[i].Name(), name}, device) {
			return &infos[i], name, nil
		}
		names = append(names, name)
	}
	switch {
	case device != "":
		return nil, "", fmt.Errorf("%w: %q (there are: %s)", ErrNoDevice, device, strings.Join(names, ", "))
	case len(infos) == 0:
		return nil, "", fmt.Errorf("%w: none is connected", ErrNoDevice)
	}
	return nil, "", nil
}

// close stops the device. Its callback has ended for good when it returns, unless the
// system's sound service does not answer within closeTimeout: then device and
// thread are abandoned, so that nothing else hangs with them.
func (s *session) close() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.closing.Lock()
		defer s.closing.Unlock()
		// Uninit alone waits for ever once the PulseAudio server has died: the device's
		// thread sleeps in its main loop, and only Stop wakes it (miniaudio 0.11.24,
		// ma_device_uninit). What Stop says about a dead device does not matter.
		_ = s.dev.Stop()
		s.dev.Uninit()
		freeContext(s.ctx)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// deviceBlock measures how large the blocks are that a device calls back with: the
// largest of the last devicePast calls. What miniaudio was asked for is a wish.
type deviceBlock struct {
	frames atomic.Int64 // published

	// Of the callback.
	most, calls int64
}

// devicePast is how many callbacks are looked at before the measure is published anew.
const devicePast = 32

// came is for the callback.
func (b *deviceBlock) came(frames uint32) {
	b.most = max(b.most, int64(frames))
	if b.calls++; b.calls == devicePast {
		b.frames.Store(b.most)
		b.most, b.calls = 0, 0
	} else if b.most > b.frames.Load() {
		b.frames.Store(b.most)
	}
}

// latency is how long the first frame of a block waits for its last.
func (b *deviceBlock) latency() time.Duration { return lasting(b.frames.Load()) }

// floats views a device's bytes as samples, without copying.
func floats(b []byte) []float32 {
	if len(b) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
