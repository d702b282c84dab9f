package formats

import (
	"fmt"
	"slices"

	"quern/quantize"
)

// The scheme hqq is HQQ's. The weights, row-major, become a matrix of lines: with axis 1 a line is a group, with axis 0 a group is a column.
// Its lines are packed by parts: a byte of W_q holds a code of the first half (quarter, eighth) of the lines in its highest bits, and so
// on down; three bits go ten to an int32. scale and zero have a float for each group, and a weight is (code − zero)·scale.
var _ = registerScheme(scheme{
	name:    "hqq",
	methods: []string{"hqq"},
	parts: []string{"W_q", "scale", "zero", "nbits", "group_size", "shape", "axis", "packing", "unpack_view_dtype", "view_as_float",
		"compute_dtype", "channel_wise", "optimize", "round_zero", "encoded_state_dict", "offload_meta", "stores_quant_config", "quant_scale", "quant_zero"},
	weight: hqqWeight,
})

type hqqRows struct {
	codes, scale, zero *Tensor
	n, k               int
	bits, per          int // codes in an element of W_q
	lines, width       int // of the matrix of lines
	stored             int // lines of W_q
	axis               int
	file, name         string
}

func hqqWeight(m *module) (*Tensor, error) {
	r := &hqqRows{codes: m.parts["W_q"], scale: m.parts["scale"], zero: m.parts["zero"], file: m.file, name: m.name + ".weight"}
	for _, part := range []string{"quant_scale", "quant_zero", "view_as_float"} {
		if v, err := m.scalars(part, 1); err != nil || len(v) == 1 && v[0] != 0 {
			return nil, m.fail(part, Unsupported("HQQ codes with this setting"))
		}
	}
	var head [3]int
	for i, part := range []string{"nbits", "group_size", "axis"} {
		v, err := m.scalars(part, 1)
		if err != nil || len(v) != 1 {
			return nil, m.fail(part, Corrupt("missing, or not a number"))
		}
		head[i] = v[0]
	}
	shape, err := m.scalars("shape", 2)
	if err != nil || len(shape) != 2 || shape[0] < 1 || shape[1] < 1 {
		return nil, m.fail("shape", Corrupt("missing, or not two numbers"))
	}
	r.n, r.k, r.bits, r.axis = shape[0], shape[1], head[0], head[2]
	if err := r.sizes(m, head[1]); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("hqq-%dbit-g%d", r.bits, head[1])
	return &Tensor{Name: r.name, Shape: shape, Type: typeOf(name, r.n, r.k, []*Tensor{r.codes, r.scale, r.zero}), Rows: r}, nil
}

func (r *hqqRows) sizes(m *module, group int) error {
	all := int64(r.n) * int64(r.k)
	if group < 1 || all/int64(r.n) != int64(r.k) || all%int64(group) != 0 {
		return m.fail("group_size", Corrupt("groups of %d for %d×%d weights", group, r.n, r.k))
	}
	groups := all / int64(group)
	r.lines, r.width = int(groups), group
	if r.axis == 0 {
		r.lines, r.width = group, int(groups)
	} else if r.axis != 1 {
		return m.fail("axis", Corrupt("is %d", r.axis))
	}
	switch r.per = map[int]int{8: 1, 4: 2, 3: 10, 2: 4, 1: 8}[r.bits]; {
	case r.per == 0:
		return m.fail("nbits", Unsupported("HQQ codes of %d bits", r.bits))
	case r.codes.Type.Name != "U8" && !(r.bits == 3 && r.codes.Type.Name == "I32"):
		return m.fail("W_q", Unsupported("is stored as %s", r.codes.Type))
	}
	r.stored = (r.lines + r.per - 1) / r.per
	if int64(r.codes.Elems()) != int64(r.stored)*int64(r.width) {
		return m.fail("W_q", Corrupt("has shape %v, want %d×%d", r.codes.Shape, r.stored, r.width))
	}
	for part, t := range map[string]*Tensor{"scale": r.scale, "zero": r.zero} {
		if t == nil || int64(t.Elems()) != groups || !slices.Contains(floats16, t.Type.Name) {
			return m.fail(part, Corrupt("missing, or not %d numbers", groups))
		}
	}
	return nil
}

func (r *hqqRows) ReadRows(dst []float32, row int) error {
	if row < 0 || len(dst)%r.k != 0 || row > r.n-len(dst)/r.k {
		return fmt.Errorf("rows from %d of %q: it has %d", row, r.name, r.n)
	}
	at, end := int64(row)*int64(r.k), int64(row)*int64(r.k)+int64(len(dst))
	for at < end {
		line, col := int(at/int64(r.width)), int(at%int64(r.width))
		n := int(min(int64(r.width-col), end-at))
		if err := r.piece(dst[:n], line, col); err != nil {
			return &Error{File: r.file, Tensor: r.name, Err: err}
		}
		dst, at = dst[n:], at+int64(n)
	}
	return nil
}

// piece decodes a part of one line.
func (r *hqqRows) piece(dst []float32, line, col int) error {
	size := r.codes.Type.Bytes
	p := make([]byte, len(dst)*size)
	if _, err := r.codes.Raw.ReadAt(p, (int64(line%r.stored)*int64(r.width)+int64(col))*int64(size)); err != nil {
		return err
	}
	part := line / r.stored
	shift := (r.per - 1 - part) * r.bits
	first, groups := line, 1
	if r.axis == 0 {
		first, groups = col, len(dst)
	}
	s, z := make([]float32, groups), make([]float32, groups)
	for _, f := range []struct {
		t *Tensor
		x []float32
	}{{r.scale, s}, {r.zero, z}} {
		b := make([]byte, groups*f.t.Type.Bytes)
		if _, err := f.t.Raw.ReadAt(b, int64(first)*int64(f.t.Type.Bytes)); err != nil {
			return err
		}
		f.t.Type.Decode(f.x, b)
	}
	for i := range dst {
		q := uint32(p[i*size])
		if size == 4 {
			q = word(p, i)
		}
		g := 0
		if r.axis == 0 {
			g = i
		}
		dst[i] = float32(float32(q>>shift&(1<<r.bits-1))-z[g]) * s[g]
	}
	return nil
}

// scalars reads up to so many whole numbers that stand in a tensor; none when there is no such part.
func (m *module) scalars(part string, most int) ([]int, error) {
	t := m.parts[part]
	if t == nil {
		return nil, nil
	}
	if t.Elems() < 1 || t.Elems() > most || t.Type.Block != 1 {
		return nil, m.fail(part, Corrupt("has shape %v and type %s", t.Shape, t.Type))
	}
	p := make([]byte, t.Bytes())
	if _, err := t.Raw.ReadAt(p, 0); err != nil {
		return nil, m.fail(part, err)
	}
	var out []int
	for ; len(p) > 0; p = p[t.Type.Bytes:] {
		v := 0
		switch t.Type {
		case quantize.I64, quantize.U64, quantize.I32, quantize.U32:
			if t.Type.Bytes == 8 && word(p, 1) != 0 || word(p, 0) > 1<<31-1 {
				return nil, m.fail(part, Corrupt("holds a number that is negative or too large"))
			}
			v = int(word(p, 0))
		case quantize.U8, quantize.I8, quantize.BOOL:
			v = int(p[0])
		default:
			return nil, m.fail(part, Unsupported("is stored as %s", t.Type))
		}
		out = append(out, v)
	}
	return out, nil
}
