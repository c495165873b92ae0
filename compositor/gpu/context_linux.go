package gpu

/*
#cgo pkg-config: egl
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	EGLDisplay display;
	EGLContext context;
	const char *step; // what failed
	EGLint code;
} crosspoint_egl;

static int has(const char *list, const char *name) { return list && strstr(list, name) != NULL; }

static EGLDisplay open_display(int way) {
	const char *client = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);
	PFNEGLGETPLATFORMDISPLAYEXTPROC platform =
		(PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");
	if (way == 0 && platform && has(client, "EGL_MESA_platform_surfaceless"))
		return platform(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
	if (way == 1 && platform && has(client, "EGL_EXT_platform_device")) {
		PFNEGLQUERYDEVICESEXTPROC devices = (PFNEGLQUERYDEVICESEXTPROC)eglGetProcAddress("eglQueryDevicesEXT");
		EGLDeviceEXT device;
		EGLint n = 0;
		if (devices && devices(1, &device, &n) && n > 0)
			return platform(EGL_PLATFORM_DEVICE_EXT, device, NULL);
	}
	if (way == 2)
		return eglGetDisplay(EGL_DEFAULT_DISPLAY);
	return EGL_NO_DISPLAY;
}

static int egl_open(crosspoint_egl *e, int way) {
	static const EGLint config_attribs[] = {
		EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE};
	static const EGLint context_attribs[] = {
		EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 3,
		EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT, EGL_NONE};
	EGLint n = 0;
	EGLConfig config;
	e->context = EGL_NO_CONTEXT;
	e->step = "display";
	e->display = open_display(way);
	if (e->display == EGL_NO_DISPLAY)
		goto failed;
	e->step = "initialise";
	if (!eglInitialize(e->display, NULL, NULL))
		goto failed;
	e->step = "OpenGL API";
	if (!eglBindAPI(EGL_OPENGL_API))
		goto failed;
	e->step = "config";
	if (!eglChooseConfig(e->display, config_attribs, &config, 1, &n) || n < 1) {
		if (!has(eglQueryString(e->display, EGL_EXTENSIONS), "EGL_KHR_no_config_context"))
			goto failed;
		config = EGL_NO_CONFIG_KHR;
	}
	e->step = "core 3.3 context";
	e->context = eglCreateContext(e->display, config, EGL_NO_CONTEXT, context_attribs);
	if (e->context == EGL_NO_CONTEXT)
		goto failed;
	e->step = "make current without a surface";
	if (!eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, e->context))
		goto failed;
	return 0;
failed:
	e->code = eglGetError();
	if (e->context != EGL_NO_CONTEXT)
		eglDestroyContext(e->display, e->context);
	return -1;
}

static void egl_close(crosspoint_egl *e) {
	eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
	eglDestroyContext(e->display, e->context);
	eglReleaseThread();
}

static void *egl_proc(const char *name) { return (void *)eglGetProcAddress(name); }
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/go-gl/gl/v3.3-core/gl"
)

// ways are the displays that need no window system, best first.
var ways = [...]string{"surfaceless", "device", "default display"}

// go-gl keeps its functions in globals. They are of no context and no display (EGL 1.5,
// 3.12), so they are set once: another thread may be using them by the next time.
var (
	loading sync.Mutex
	loaded  bool // guarded by loading
)

type native struct{ egl C.crosspoint_egl }

func newContext() (*Context, error) {
	var tried []string
	for way, name := range ways {
		c := &Context{}
		if C.egl_open(&c.native.egl, C.int(way)) != 0 {
			e := c.native.egl
			tried = append(tried, fmt.Sprintf("%s: %s (EGL 0x%04x)", name, C.GoString(e.step), int(e.code)))
			continue
		}
		if err := load(); err != nil {
			C.egl_close(&c.native.egl)
			tried = append(tried, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		c.setup()
		return c, nil
	}
	return nil, fmt.Errorf("gpu: no OpenGL 3.3 context could be made (%s)", strings.Join(tried, "; "))
}

func load() error {
	loading.Lock()
	defer loading.Unlock()
	if loaded {
		return nil
	}
	err := gl.InitWithProcAddrFunc(func(name string) unsafe.Pointer {
		s := C.CString(name)
		defer C.free(unsafe.Pointer(s))
		return C.egl_proc(s)
	})
	loaded = err == nil
	return err
}

func (c *Context) destroy() { C.egl_close(&c.native.egl) }
