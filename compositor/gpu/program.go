package gpu

import (
	"fmt"
	"strings"

	"github.com/go-gl/gl/v3.3-core/gl"
)

// Program is a fragment shader that is run over rectangles of a target.
type Program struct {
	id       uint32
	label    string
	uniforms map[string]int32
}

// The vertex shader makes one triangle that covers the viewport; the scissor
// rectangle decides which pixels are shaded, so no geometry is ever uploaded.
const vertexSource = `#version 330 core
void main() {
	vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
	gl_Position = vec4(corner, 0.0, 1.0);
}
`

// NewProgram compiles a fragment shader. Defines become #define lines after the
// version line. The error carries the compiler's log with line numbers.
func (c *Context) NewProgram(label, fragment string, defines ...string) (*Program, error) {
	var src strings.Builder
	src.WriteString("#version 330 core\n")
	for _, d := range defines {
		src.WriteString("#define " + d + "\n")
	}
	src.WriteString("#line 1\n")
	src.WriteString(fragment)
	vs, err := compile(gl.VERTEX_SHADER, label, vertexSource)
	if err != nil {
		return nil, err
	}
	defer gl.DeleteShader(vs)
	fs, err := compile(gl.FRAGMENT_SHADER, label, src.String())
	if err != nil {
		return nil, err
	}
	defer gl.DeleteShader(fs)
	p := &Program{id: gl.CreateProgram(), label: label, uniforms: make(map[string]int32)}
	gl.AttachShader(p.id, vs)
	gl.AttachShader(p.id, fs)
	gl.LinkProgram(p.id)
	var ok int32
	gl.GetProgramiv(p.id, gl.LINK_STATUS, &ok)
	if ok == gl.FALSE {
		var n int32
		gl.GetProgramiv(p.id, gl.INFO_LOG_LENGTH, &n)
		log := make([]byte, n+1)
		gl.GetProgramInfoLog(p.id, n, nil, &log[0])
		gl.DeleteProgram(p.id)
		return nil, fmt.Errorf("gpu: link %s: %s", label, strings.TrimRight(string(log), "\x00\n"))
	}
	return p, nil
}

func compile(kind uint32, label, source string) (uint32, error) {
	s := gl.CreateShader(kind)
	text, free := gl.Strs(source + "\x00")
	gl.ShaderSource(s, 1, text, nil)
	free()
	gl.CompileShader(s)
	var ok int32
	gl.GetShaderiv(s, gl.COMPILE_STATUS, &ok)
	if ok == gl.FALSE {
		var n int32
		gl.GetShaderiv(s, gl.INFO_LOG_LENGTH, &n)
		log := make([]byte, n+1)
		gl.GetShaderInfoLog(s, n, nil, &log[0])
		gl.DeleteShader(s)
		return 0, fmt.Errorf("gpu: compile %s: %s", label, strings.TrimRight(string(log), "\x00\n"))
	}
	return s, nil
}

// Use makes p current for the Set calls and Draw that follow.
func (p *Program) Use(_ *Context) { gl.UseProgram(p.id) }

func (p *Program) location(name string) int32 {
	if l, ok := p.uniforms[name]; ok {
		return l
	}
	l := gl.GetUniformLocation(p.id, gl.Str(name+"\x00"))
	p.uniforms[name] = l
	return l
}

// SetFloats sets a float, vec2, vec3 or vec4 uniform; unknown names are ignored
// because a variant of a shader need not use every uniform.
func (p *Program) SetFloats(_ *Context, name string, v ...float32) {
	l := p.location(name)
	switch len(v) {
	case 1:
		gl.Uniform1f(l, v[0])
	case 2:
		gl.Uniform2f(l, v[0], v[1])
	case 3:
		gl.Uniform3f(l, v[0], v[1], v[2])
	case 4:
		gl.Uniform4f(l, v[0], v[1], v[2], v[3])
	default:
		panic(fmt.Sprintf("gpu: %d floats for %s", len(v), name))
	}
}

// SetTexture binds t to a sampler uniform through texture unit.
func (p *Program) SetTexture(_ *Context, name string, unit int, t *Texture) {
	gl.ActiveTexture(uint32(gl.TEXTURE0 + unit))
	gl.BindTexture(gl.TEXTURE_2D, t.id)
	gl.ActiveTexture(gl.TEXTURE0)
	gl.Uniform1i(p.location(name), int32(unit))
}

// Blend modes for Draw.
type Blend uint8

// Blends.
const (
	Replace       Blend = iota + 1 // out = source
	Premultiplied                  // out = source + (1 - alpha) * target
)

// Draw shades every pixel of the bound target's clip.
func (p *Program) Draw(_ *Context, b Blend) {
	if b == Premultiplied {
		gl.Enable(gl.BLEND)
		gl.BlendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
	} else {
		gl.Disable(gl.BLEND)
	}
	gl.DrawArrays(gl.TRIANGLES, 0, 3)
}

// Release frees the program; releasing nil does nothing.
func (p *Program) Release(_ *Context) {
	if p != nil {
		gl.DeleteProgram(p.id)
	}
}
