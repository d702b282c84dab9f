package formats

import (
	"fmt"
	"slices"
	"strings"

	"quern/quantize"
)

// The scheme fp8 is matrices of 8-bit floats with scales that they are multiplied by: one number, one for each row, or one for each block of
// rows and columns (DeepSeek-V3, whose weight_scale_inv is no inverse). MXFP8 has a scale for 32 columns, a power of two.
var _ = registerScheme(scheme{
	name:    "fp8",
	methods: []string{"fp8", "fbgemm_fp8", "mxfp8"},
	parts:   []string{"weight_scale_inv", "weight", "input_scale", "activation_scale", "input_scale_ub"},
	drop:    []string{"k_scale", "v_scale", "kv_scale"},
	weight:  func(m *module) (*Tensor, error) { return fp8Weight(m, "weight_scale_inv") },
})

// The same under the name of the scale that others use.
var _ = registerScheme(scheme{
	name:    "fp8",
	methods: []string{"fp8", "fbgemm_fp8", "mxfp8"},
	parts:   []string{"weight_scale", "weight", "input_scale", "activation_scale", "input_scale_ub"},
	weight: func(m *module) (*Tensor, error) {
		if w := m.parts["weight"]; w != nil && (w.Type == quantize.I8 || w.Type == quantize.U8) { // of MiMo-V2.6
			return mxfp4Matrix(m, "weight_scale")
		}
		return fp8Weight(m, "weight_scale")
	},
})

// DeepSeek-V4 calls the scales so, powers of two that they are; its experts are four-bit floats in bytes, with a scale for 32 columns.
var _ = registerScheme(scheme{
	name:    "fp8",
	methods: []string{"fp8"},
	parts:   []string{"scale", "weight"},
	of:      func(m *module) bool { return m.parts["weight"] != nil && m.parts["scale"].Type == quantize.F8_E8M0 },
	weight: func(m *module) (*Tensor, error) {
		if w := m.parts["weight"]; w.Type == quantize.I8 || w.Type == quantize.U8 {
			return mxfp4Matrix(m, "scale")
		}
		return fp8Weight(m, "scale")
	},
})

// scaledRows multiply stored numbers by the scale of their block.
type scaledRows struct {
	weight, scale *Tensor
	typ           *quantize.Type // of scale: a power of two where that is stored as plain bytes
	bn, bk        int            // rows and columns of a block
	own, lines    int            // of a matrix whose blocks begin anew with every so many rows: rows and lines of blocks of each part; 0: they do not
	file, name    string
}

func fp8Weight(m *module, part string) (*Tensor, error) {
	w, err := m.matrix("weight", "F8_E4M3", "F8_E5M2")
	if err != nil {
		return nil, err
	}
	s := m.parts[part]
	ranks := 0
	r := &scaledRows{weight: w, scale: s, typ: s.Type, file: m.file, name: m.name + ".weight"}
	if s.Type.Name == "U8" {
		r.typ = quantize.F8_E8M0
	}
	if !slices.Contains(floats16, r.typ.Name) && r.typ != quantize.F8_E8M0 {
		return nil, m.fail(part, Unsupported("is stored as %s", s.Type.Name))
	}
	n, k := w.Shape[0], w.Shape[1]
	switch sh := s.Shape; {
	case s.Elems() == 1:
		r.bn, r.bk = n, k
	case len(sh) == 1 && sh[0] == n:
		r.bn, r.bk = 1, k
	case len(sh) == 2 && sh[0] > 0 && sh[1] > 0:
		bn, bk := blockSize(m.config)
		r.bn, r.bk = blockOf(n, sh[0], bn), blockOf(k, sh[1], bk)
		if ranks = ranksOf(n, sh[0], bn); ranks > 0 && strings.HasSuffix(m.name, "qkv_proj") {
			r.bn, r.own, r.lines = bn, n/ranks, sh[0]/ranks
		}
	}
	if r.bn == 0 || r.bk == 0 {
		return nil, m.fail(part, Corrupt("has shape %v, which does not divide %d×%d weights into blocks", s.Shape, n, k))
	}
	name := strings.ToLower(strings.TrimPrefix(w.Type.Name, "F8_"))
	name = fmt.Sprintf("fp8-%s-%d×%d", name, r.bn, r.bk)
	t := &Tensor{Name: r.name, Shape: w.Shape, Type: typeOf(name, n, k, []*Tensor{w, s}), Rows: r}
	if r.own > 0 {
		t.Ranks = ranks
	}
	return t, nil
}

// ranksOf is by how many processors' parts the blocks of a matrix of n rows were laid out, 8 or 4 of them as published models have it, where so many lines of blocks
// may be explained by that alone, or where it makes no difference; 0 otherwise.
func ranksOf(n, lines, announced int) int {
	if announced < 1 {
		return 0
	}
	for _, ranks := range []int{8, 4} {
		own := n / ranks
		if n%ranks == 0 && (own+announced-1)/announced*ranks == lines && (own%announced == 0 || (n+announced-1)/announced != lines) {
			return ranks
		}
	}
	return 0
}

// blockSize is what the configuration announces, 0 when it does not.
func blockSize(c quantConfig) (bn, bk int) {
	sizes := c.numbers("weight_block_size")
	if sizes == nil {
		groups := c.object("config_groups")
		for _, k := range sortedKeys(groups) {
			if s := groups.object(k).object("weights").numbers("block_structure"); s != nil {
				sizes = s
			}
		}
	}
	if len(sizes) != 2 {
		return 0, 0
	}
	return sizes[0], sizes[1]
}

// blockOf is the size of blocks of which so many cover n: the one announced if it does, else the one that divides n; 0 when none does.
func blockOf(n, blocks, announced int) int {
	switch {
	case announced > 0 && (n+announced-1)/announced == blocks:
		return announced
	case n%blocks == 0:
		return n / blocks
	}
	return 0
}

func (r *scaledRows) ReadRows(dst []float32, row int) error {
	k := r.weight.Shape[1]
	if err := r.weight.Rows.ReadRows(dst, row); err != nil {
		return err
	}
	across := 1
	if r.scale.Elems() > 1 {
		across = (k + r.bk - 1) / r.bk
	}
	size, held := r.typ.Bytes, -1
	p, s := make([]byte, across*size), make([]float32, across)
	for ; len(dst) > 0; dst, row = dst[k:], row+1 {
		line := row / r.bn
		if r.own > 0 {
			line = row/r.own*r.lines + row%r.own/r.bn
		}
		if line != held {
			if _, err := r.scale.Raw.ReadAt(p, int64(line)*int64(len(p))); err != nil {
				return &Error{File: r.file, Tensor: r.name, Err: err}
			}
			r.typ.Decode(s, p)
			held = line
		}
		for b, x := range s {
			part := dst[b*r.bk : min((b+1)*r.bk, k)]
			for i := range part {
				part[i] *= x
			}
		}
	}
	return nil
}
