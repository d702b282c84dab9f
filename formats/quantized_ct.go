package formats

import (
	"slices"
	"sync"

	"quern/quantize"
)

// The scheme compressed-tensors is vLLM's own container. The tensors of a layer of n outputs and k inputs tell which of its layouts it has:
//
//	weight_packed int32 [n, k·b/32]   rows of codes as streams, 2^(b−1) added; weight_shape int64 [2] is n and k
//	weight        int8  [n, k]        signed codes
//	weight        f8    [n, k]        floats; scales may stand for blocks of rows and columns
//	weight_packed uint8 [n, k/2]      four-bit floats, see fp4.go
//
// weight_scale is [n, G], [n, 1] or [1]. weight_zero_point, where there is one, is like it: int8, or int32 as streams down the columns.
var _ = registerScheme(scheme{
	name:    "compressed-tensors",
	methods: []string{"compressed-tensors", "sparseml"},
	parts: []string{"weight_scale", "weight", "weight_packed", "weight_shape", "weight_zero_point", "weight_g_idx", "weight_global_scale",
		"input_scale", "input_zero_point", "input_global_scale", "output_scale", "output_zero_point"},
	drop:   []string{"k_scale", "v_scale", "q_scale"},
	accept: acceptCT,
	weight: ctWeight,
})

func acceptCT(c quantConfig) error {
	if t := c.object("transform_config"); len(t) > 0 && len(t.object("config_groups")) > 0 {
		return Unsupported("weights that are rotated while the model runs (transform_config)")
	}
	if f := c.object("sparsity_config").text("format"); f != "" && f != "dense" {
		return Unsupported("sparse weights in the layout %.40q", f)
	}
	switch f := c.text("format"); f {
	case "marlin-24", "sparse-24-bitmask", "sparse-bitmask":
		return Unsupported("compressed-tensors in the layout %q", f)
	}
	return nil
}

func ctWeight(m *module) (*Tensor, error) {
	if p := m.parts["weight_packed"]; p != nil {
		if p.Type.Name == "U8" {
			return fp4Weight(m, "weight_packed")
		}
		return ctPacked(m)
	}
	w, err := m.matrix("weight", "I8", "F8_E4M3", "F8_E5M2")
	if err != nil {
		return nil, err
	}
	if w.Type.Name == "I8" {
		return ctBytes(m)
	}
	return fp8Weight(m, "weight_scale")
}

// ctReader are the parts of a layer of integer codes.
type ctReader struct {
	weight, scale, zero, order *Tensor
	n, k, groups, bits         int
	perWord                    int // codes in a word that holds whole codes only, as old releases packed odd widths; 0 is a stream

	once   sync.Once
	g      []int32
	failed error
}

func ctPacked(m *module) (*Tensor, error) {
	r := &ctReader{order: m.parts["weight_g_idx"]}
	var err error
	if r.weight, err = m.matrix("weight_packed", "I32"); err != nil {
		return nil, err
	}
	if r.k, err = shapeOf(m, r.weight.Shape[0]); err != nil {
		return nil, err
	}
	r.n = r.weight.Shape[0]
	for _, bits := range ctBits(m.config) {
		switch w := r.weight.Shape[1]; {
		case bitWords(r.k, bits) == w:
			r.bits, r.perWord = bits, 0
		case (r.k+32/bits-1)/(32/bits) == w:
			r.bits, r.perWord = bits, 32/bits
		default:
			continue
		}
		break
	}
	if r.bits == 0 {
		return nil, m.fail("weight_packed", Corrupt("has shape %v: rows of %d codes do not fill that many words at any width that config.json names", r.weight.Shape, r.k))
	}
	return r.tensor(m)
}

// ctBytes is the layout with a byte for each code, however few of its values occur.
func ctBytes(m *module) (*Tensor, error) {
	w := m.parts["weight"]
	r := &ctReader{weight: w, n: w.Shape[0], k: w.Shape[1], bits: 8, order: m.parts["weight_g_idx"]}
	return r.tensor(m)
}

// shapeOf reads weight_shape, and returns the number of columns.
func shapeOf(m *module, rows int) (int, error) {
	t := m.parts["weight_shape"]
	if t == nil || t.Elems() != 2 || t.Type.Name != "I64" && t.Type.Name != "I32" {
		return 0, m.fail("weight_shape", Corrupt("missing, or not two whole numbers"))
	}
	p, x := make([]byte, t.Bytes()), [2]int{}
	if _, err := t.Raw.ReadAt(p, 0); err != nil {
		return 0, m.fail("weight_shape", err)
	}
	for i := range x {
		q := p[i*t.Type.Bytes:]
		x[i] = int(word(q, 0))
		if t.Type.Bytes == 8 && word(q, 1) != 0 {
			return 0, m.fail("weight_shape", Corrupt("holds a number beyond 32 bits"))
		}
	}
	packed := m.parts["weight_packed"]
	if x[0] != rows || x[1] <= 0 || int64(x[1]) > 32*int64(packed.Shape[1]) {
		return 0, m.fail("weight_shape", Corrupt("says %d×%d beside codes of shape %v", x[0], x[1], packed.Shape))
	}
	return x[1], nil
}

// ctBits are the widths of integers that the configuration names.
func ctBits(c quantConfig) (bits []int) {
	groups := c.object("config_groups")
	for _, k := range sortedKeys(groups) {
		if n := groups.object(k).object("weights").number(0, "num_bits"); n >= 1 && n <= 8 {
			bits = append(bits, n)
		}
	}
	return bits
}

func (r *ctReader) tensor(m *module) (*Tensor, error) {
	r.scale, r.zero = m.parts["weight_scale"], m.parts["weight_zero_point"]
	if !slices.Contains(floats16, r.scale.Type.Name) {
		return nil, m.fail("weight_scale", Unsupported("is stored as %s", r.scale.Type.Name))
	}
	switch s := r.scale.Shape; {
	case r.scale.Elems() == 1:
		r.groups = 1
	case len(s) == 1 && s[0] == r.n:
		r.groups = 1
	case len(s) == 2 && s[0] == r.n && s[1] > 0:
		r.groups = s[1]
	default:
		return nil, m.fail("weight_scale", Unsupported("has shape %v for %d×%d codes", s, r.n, r.k))
	}
	group, err := groupsOf(r.k, r.groups, 0)
	if err != nil {
		group, err = groupsOf(r.k, r.groups, ctGroup(m.config))
	}
	if err != nil {
		return nil, m.fail("weight_scale", err)
	}
	if err := r.checkZero(m); err != nil {
		return nil, err
	}
	rows := &codedRows{rows: r.n, cols: r.k, grid: quantize.Grid{Bits: r.bits, Group: group, Symmetric: r.zero == nil}, scales: r.scale.Type, load: r.load}
	if r.zero != nil {
		rows.unit = 32
		rows.uniform = func() (bool, error) { return allMiddle(r.n, r.groups, r.bits, r.zeros) }
	}
	if r.order != nil {
		if !slices.Equal(r.order.Shape, []int{r.k}) || r.order.Type.Name != "I32" && r.order.Type.Name != "I64" {
			return nil, m.fail("weight_g_idx", Corrupt("has shape %v and type %s", r.order.Shape, r.order.Type))
		}
		rows.order = r.groupIndex
	}
	return m.tensor(gridName("ct", rows.grid), rows, r.weight, r.scale, r.zero, r.order), nil
}

// ctGroup is the size of groups that the configuration names first.
func ctGroup(c quantConfig) int {
	groups := c.object("config_groups")
	for _, k := range sortedKeys(groups) {
		if n := groups.object(k).object("weights").number(0, "group_size"); n > 0 {
			return n
		}
	}
	return 0
}

func (r *ctReader) checkZero(m *module) error {
	if r.zero == nil {
		return nil
	}
	want := []int{r.n, r.groups}
	switch r.zero.Type.Name {
	case "I32":
		want[0] = bitWords(r.n, r.bits)
		if r.perWord > 0 {
			want[0] = (r.n + r.perWord - 1) / r.perWord
		}
	case "I8":
	default:
		return m.fail("weight_zero_point", Unsupported("is stored as %s", r.zero.Type.Name))
	}
	if r.zero.Type.Name == "I8" && r.zero.Elems() == r.n*r.groups && r.scale.Elems() > 1 {
		return nil
	}
	return m.shaped("weight_zero_point", want...)
}

func (r *ctReader) groupIndex() ([]int32, error) {
	r.once.Do(func() { r.g, r.failed = readOrder(r.order, r.k, r.groups) })
	return r.g, r.failed
}

func (r *ctReader) load(c *quantize.Codes, row, rows int) error {
	if r.order != nil {
		order, err := r.groupIndex()
		if err != nil {
			return err
		}
		c.Order = order
	}
	size := int(r.weight.Bytes() / int64(r.n))
	line := make([]byte, size*rows)
	if _, err := r.weight.Raw.ReadAt(line, int64(row)*int64(size)); err != nil {
		return err
	}
	for i := range rows {
		r.unpack(c.Q[i*r.k:(i+1)*r.k], line[i*size:(i+1)*size])
	}
	if err := r.loadScales(c, row, rows); err != nil {
		return err
	}
	return r.zeros(c.Zero, row, rows)
}

func (r *ctReader) unpack(dst []uint8, src []byte) {
	switch {
	case r.weight.Type.Name == "I8":
		for i := range dst {
			dst[i] = src[i] ^ 0x80
		}
	case r.perWord > 0:
		for i := range dst {
			dst[i] = uint8(word(src, i/r.perWord) >> (i % r.perWord * r.bits) & (1<<r.bits - 1))
		}
	default:
		unpackBits(dst, src, r.bits)
	}
}

func (r *ctReader) loadScales(c *quantize.Codes, row, rows int) error {
	size, n := r.scale.Type.Bytes, rows*r.groups
	if r.scale.Elems() == 1 {
		row, n = 0, 1
	}
	p := make([]byte, n*size)
	if _, err := r.scale.Raw.ReadAt(p, int64(row)*int64(r.groups*size)); err != nil {
		return err
	}
	r.scale.Type.Decode(c.Scale[:n], p)
	for i := n; i < len(c.Scale); i++ {
		c.Scale[i] = c.Scale[0]
	}
	return nil
}

// zeros reads zero points. As streams they go down the columns, so row begins at a multiple of 32, which are whole words at any width.
func (r *ctReader) zeros(dst []uint8, row, rows int) error {
	switch {
	case r.zero == nil:
		return nil
	case r.zero.Type.Name == "I8":
		p := make([]byte, rows*r.groups)
		if _, err := r.zero.Raw.ReadAt(p, int64(row)*int64(r.groups)); err != nil {
			return err
		}
		for i, v := range p {
			dst[i] = v + 1<<(r.bits-1)
		}
		return nil
	}
	per := r.perWord
	first, last := row*r.bits/32, row*r.bits/32+bitWords(rows, r.bits)
	if per > 0 {
		first, last = row/per, (row+rows+per-1)/per
	}
	p := make([]byte, 4*(last-first)*r.groups)
	if _, err := r.zero.Raw.ReadAt(p, 4*int64(first)*int64(r.groups)); err != nil {
		return err
	}
	line, z := make([]byte, 4*(last-first)), make([]uint8, rows)
	for g := range r.groups {
		for w := range last - first {
			putWord(line, w, word(p, w*r.groups+g))
		}
		if per == 0 {
			unpackBits(z, line, r.bits)
		}
		for i := range z {
			if at := row + i; per > 0 {
				z[i] = uint8(word(line, at/per-first) >> (at % per * r.bits) & (1<<r.bits - 1))
			}
			dst[i*r.groups+g] = z[i]
		}
	}
	return nil
}
