package formats

import (
	"quern/quantize"
)

// Matrices of four-bit floats, two in a byte, the lower nibble first. NVFP4 has an E4M3 scale for 16 columns and one float32 for the
// matrix; MXFP4 a power of two for 32 columns. compressed-tensors divides by the matrix's number, ModelOpt multiplies by its inverse.

// The scheme modelopt is what NVIDIA's ModelOpt writes.
var _ = registerScheme(scheme{
	name:    "modelopt",
	methods: []string{"modelopt", "modelopt_fp4", "nvfp4", "fp8_modelopt"},
	parts:   []string{"weight_scale", "weight", "weight_scale_2", "input_scale"},
	drop:    []string{"k_scale", "v_scale"},
	weight: func(m *module) (*Tensor, error) {
		if w := m.parts["weight"]; w != nil && w.Type.Name == "U8" {
			return fp4Weight(m, "weight")
		}
		return fp8Weight(m, "weight_scale")
	},
})

// fp4Values are what the codes of E2M1 stand for; its −0 is 0 here.
var fp4Values = [16]float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}

type fp4Rows struct {
	weight, scale *Tensor
	typ           *quantize.Type // of scale
	group, n, k   int
	global        *Tensor // or nil
	divide        bool    // scales are divided by global, not multiplied
	file, name    string
}

func fp4Weight(m *module, part string) (*Tensor, error) {
	w, err := m.matrix(part, "U8", "U32")
	if err != nil {
		return nil, err
	}
	scales := "weight_scale"
	if m.parts[scales] == nil {
		scales = "scales" // MLX
	}
	s, err := m.matrix(scales, "F8_E4M3", "U8", "F8_E8M0")
	if err != nil {
		return nil, err
	}
	r := &fp4Rows{weight: w, scale: s, typ: s.Type, n: w.Shape[0], k: 2 * w.Type.Bytes * w.Shape[1], file: m.file, name: m.name + ".weight"}
	name := "nvfp4"
	r.group = 16
	if r.global, r.divide = m.parts["weight_global_scale"], true; r.global == nil {
		r.global, r.divide = m.parts["weight_scale_2"], false
	}
	if s.Type.Name != "F8_E4M3" {
		name, r.group, r.typ = "mxfp4", 32, quantize.F8_E8M0
		if r.k == 16*s.Shape[1] { // MLX stores NVFP4's scales as bytes
			name, r.group, r.typ = "nvfp4", 16, quantize.F8_E4M3
		}
	}
	if r.k != r.group*s.Shape[1] || s.Shape[0] != r.n {
		return nil, m.fail(scales, Corrupt("has shape %v beside codes of shape %v: want one scale for %d", s.Shape, w.Shape, r.group))
	}
	if r.global != nil && (r.global.Elems() != 1 || r.global.Type.Name != "F32") {
		return nil, m.fail("", Unsupported("the scale of the matrix has shape %v and type %s", r.global.Shape, r.global.Type))
	}
	if name == "mxfp4" && r.global == nil && w.Raw != nil && s.Raw != nil { // GGUF has such blocks
		b := &mxfp4Blocks{codes: w.Raw, scales: s.Raw, blocks: int64(s.Elems()), cols: r.k}
		return &Tensor{Name: r.name, Shape: []int{r.n, r.k}, Type: quantize.MXFP4, Rows: b, Raw: b}, nil
	}
	return &Tensor{Name: r.name, Shape: []int{r.n, r.k}, Type: typeOf(name, r.n, r.k, []*Tensor{w, s}), Rows: r}, nil
}

func (r *fp4Rows) ReadRows(dst []float32, row int) error {
	fail := func(err error) error { return &Error{File: r.file, Tensor: r.name, Err: err} }
	global := []float32{1}
	if r.global != nil {
		if err := r.global.Rows.ReadRows(global, 0); err != nil {
			return err
		}
		if r.divide {
			global[0] = 1 / global[0]
		}
	}
	groups := r.k / r.group
	p, q, s := make([]byte, groups), make([]byte, r.k/2), make([]float32, groups)
	for ; len(dst) > 0; dst, row = dst[r.k:], row+1 {
		if row < 0 || row >= r.n || len(dst) < r.k {
			return fail(Corrupt("row %d of %d", row, r.n))
		}
		if _, err := r.scale.Raw.ReadAt(p, int64(row)*int64(groups)); err != nil {
			return fail(err)
		}
		if _, err := r.weight.Raw.ReadAt(q, int64(row)*int64(len(q))); err != nil {
			return fail(err)
		}
		r.typ.Decode(s, p)
		for g, x := range s {
			if r.global != nil {
				x = float32(x * global[0])
			}
			for i := g * r.group; i < (g+1)*r.group; i += 2 {
				dst[i] = fp4Values[q[i/2]&15] * x
				dst[i+1] = fp4Values[q[i/2]>>4] * x
			}
		}
	}
	return nil
}
