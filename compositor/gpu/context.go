package gpu

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/go-gl/gl/v3.3-core/gl"
)

// Context is the right to call GL. It is valid only inside Thread.Do.
type Context struct {
	native native
	info   Info
	vao    uint32
}

func (c *Context) setup() {
	c.info = Info{Renderer: gl.GoStr(gl.GetString(gl.RENDERER)), Vendor: gl.GoStr(gl.GetString(gl.VENDOR)), Version: gl.GoStr(gl.GetString(gl.VERSION))}
	r := strings.ToLower(c.info.Renderer)
	c.info.Software = strings.Contains(r, "llvmpipe") || strings.Contains(r, "softpipe") || strings.Contains(r, "swrast")
	gl.GenVertexArrays(1, &c.vao)
	gl.BindVertexArray(c.vao)
	gl.PixelStorei(gl.UNPACK_ALIGNMENT, 1)
	gl.PixelStorei(gl.PACK_ALIGNMENT, 1)
	gl.Disable(gl.DITHER)
	gl.Disable(gl.DEPTH_TEST)
}

// Check returns GL's pending error, if any, named by what.
func (c *Context) Check(what string) error {
	if e := gl.GetError(); e != gl.NO_ERROR {
		return fmt.Errorf("gpu: %s: GL error 0x%04x", what, e)
	}
	return nil
}

// Rect is a rectangle of pixels; row 0 is the top row of the picture.
type Rect struct{ X, Y, W, H int }

// Empty reports whether r covers nothing.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// Texture is one plane of a picture: 1 to 4 unsigned normalised 8-bit channels.
type Texture struct {
	id            uint32
	Width, Height int
	Channels      int
	label         string
}

var (
	internalFormats = [5]int32{1: gl.R8, 2: gl.RG8, 4: gl.RGBA8}
	formats         = [5]uint32{1: gl.RED, 2: gl.RG, 4: gl.RGBA}
)

// NewTexture makes an undefined texture of 1, 2 or 4 channels, with linear
// filtering and clamped edges. Label is for error messages.
func (c *Context) NewTexture(label string, width, height, channels int) (*Texture, error) {
	t := &Texture{Width: width, Height: height, Channels: channels, label: label}
	gl.GenTextures(1, &t.id)
	gl.BindTexture(gl.TEXTURE_2D, t.id)
	gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR)
	gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR)
	gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
	gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
	gl.TexParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAX_LEVEL, 0)
	gl.TexImage2D(gl.TEXTURE_2D, 0, internalFormats[channels], int32(width), int32(height), 0, formats[channels], gl.UNSIGNED_BYTE, nil)
	if err := c.Check("texture " + label); err != nil {
		t.Release(c)
		return nil, err
	}
	return t, nil
}

// Upload copies rectangle r of a plane (data starts at the plane's first row,
// stride in bytes) to the same place in the texture.
func (t *Texture) Upload(_ *Context, data []byte, stride int, r Rect) {
	gl.BindTexture(gl.TEXTURE_2D, t.id)
	gl.PixelStorei(gl.UNPACK_ROW_LENGTH, int32(stride/t.Channels))
	first := r.Y*stride + r.X*t.Channels
	_ = data[first+(r.H-1)*stride+r.W*t.Channels-1] // bounds: GL would read past the end
	gl.TexSubImage2D(gl.TEXTURE_2D, 0, int32(r.X), int32(r.Y), int32(r.W), int32(r.H), formats[t.Channels], gl.UNSIGNED_BYTE, unsafe.Pointer(&data[first]))
}

// Release frees the texture; releasing nil does nothing.
func (t *Texture) Release(_ *Context) {
	if t != nil {
		gl.DeleteTextures(1, &t.id)
	}
}

// Target is a framebuffer that draws into one or two textures of equal size.
type Target struct {
	fbo      uint32
	Textures []*Texture
}

// NewTarget makes a target that owns textures from then on.
func (c *Context) NewTarget(label string, textures ...*Texture) (*Target, error) {
	t := &Target{Textures: textures}
	gl.GenFramebuffers(1, &t.fbo)
	gl.BindFramebuffer(gl.FRAMEBUFFER, t.fbo)
	var attachments []uint32
	for i, tex := range textures {
		a := uint32(gl.COLOR_ATTACHMENT0 + i)
		gl.FramebufferTexture2D(gl.FRAMEBUFFER, a, gl.TEXTURE_2D, tex.id, 0)
		attachments = append(attachments, a)
	}
	gl.DrawBuffers(int32(len(attachments)), &attachments[0])
	if s := gl.CheckFramebufferStatus(gl.FRAMEBUFFER); s != gl.FRAMEBUFFER_COMPLETE {
		t.Release(c)
		return nil, fmt.Errorf("gpu: target %s: framebuffer status 0x%04x", label, s)
	}
	return t, nil
}

// Bind makes t what is drawn to, limited to clip.
func (t *Target) Bind(_ *Context, clip Rect) {
	gl.BindFramebuffer(gl.FRAMEBUFFER, t.fbo)
	gl.Viewport(0, 0, int32(t.Textures[0].Width), int32(t.Textures[0].Height))
	gl.Enable(gl.SCISSOR_TEST)
	gl.Scissor(int32(clip.X), int32(clip.Y), int32(clip.W), int32(clip.H))
}

// Clear fills the bound clip of texture i with v (0..1 per channel).
func (t *Target) Clear(_ *Context, i int, v float32) {
	value := [4]float32{v, v, v, v}
	gl.ClearBufferfv(gl.COLOR, int32(i), &value[0])
}

// Read copies rectangle r of texture i to the same place of a plane.
func (t *Target) Read(_ *Context, i int, data []byte, stride int, r Rect) {
	tex := t.Textures[i]
	gl.BindFramebuffer(gl.FRAMEBUFFER, t.fbo)
	gl.ReadBuffer(uint32(gl.COLOR_ATTACHMENT0 + i))
	gl.PixelStorei(gl.PACK_ROW_LENGTH, int32(stride/tex.Channels))
	first := r.Y*stride + r.X*tex.Channels
	_ = data[first+(r.H-1)*stride+r.W*tex.Channels-1] // bounds: GL would write past the end
	gl.ReadPixels(int32(r.X), int32(r.Y), int32(r.W), int32(r.H), formats[tex.Channels], gl.UNSIGNED_BYTE, unsafe.Pointer(&data[first]))
}

// Release frees the target and its textures; releasing nil does nothing.
func (t *Target) Release(c *Context) {
	if t == nil {
		return
	}
	gl.DeleteFramebuffers(1, &t.fbo)
	for _, tex := range t.Textures {
		tex.Release(c)
	}
}
