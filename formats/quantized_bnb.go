package formats

import (
	"fmt"
	"math"
	"sync"

	"quern/quantize"
)

// The scheme bitsandbytes is NF4 and FP4 as transformers stores them. The weights, row-major, are cut into blocks that know no rows:
//
//	weight         uint8 [n·k/2, 1]   two codes in a byte, the higher nibble first
//	weight.absmax  f32 [blocks]       or uint8, codes of weight.nested_quant_map with a float32 of weight.nested_absmax for 256
//	weight.quant_map f32 [16]         what codes stand for
//	weight.quant_state.bitsandbytes__nf4, …__fp4   the bytes of a JSON object: shape, blocksize, nested_offset …
var _ = registerScheme(scheme{
	name:    "bitsandbytes",
	methods: []string{"bitsandbytes", "bitsandbytes_4bit"},
	parts: []string{"weight.absmax", "weight", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map",
		"weight.quant_state.bitsandbytes__nf4", "weight.quant_state.bitsandbytes__fp4"},
	weight: bnb4Weight,
})

// With eight bits it is LLM.int8: int8 codes, and SCB, the largest magnitude of each row, which code 127 stands for.
var _ = registerScheme(scheme{
	name:    "bitsandbytes",
	methods: []string{"bitsandbytes", "bitsandbytes_8bit"},
	parts:   []string{"SCB", "weight", "weight_format"},
	weight:  bnb8Weight,
})

func bnb8Weight(m *module) (*Tensor, error) {
	w, err := m.matrix("weight", "I8")
	if err != nil {
		return nil, err
	}
	n, k, scb := w.Shape[0], w.Shape[1], m.parts["SCB"]
	if scb.Elems() != n || scb.Type.Name != "F32" {
		return nil, m.fail("SCB", Corrupt("has shape %v and type %s, want %d of F32", scb.Shape, scb.Type, n))
	}
	if f := m.parts["weight_format"]; f != nil && f.Elems() == 1 {
		var p [1]byte
		if _, err := f.Raw.ReadAt(p[:], 0); err != nil || p[0] != 0 {
			return nil, m.fail("weight_format", Unsupported("says %d: the codes are not in rows", p[0]))
		}
	}
	load := func(c *quantize.Codes, row, rows int) error {
		if _, err := w.Raw.ReadAt(c.Q, int64(row)*int64(k)); err != nil {
			return err
		}
		for i := range c.Q {
			c.Q[i] ^= 0x80
		}
		p := make([]byte, 4*rows)
		if _, err := scb.Raw.ReadAt(p, 4*int64(row)); err != nil {
			return err
		}
		for i := range c.Scale {
			c.Scale[i] = math.Float32frombits(word(p, i)) / 127
		}
		return nil
	}
	rows := &codedRows{rows: n, cols: k, grid: quantize.Grid{Bits: 8, Symmetric: true}, scales: quantize.F32, load: load}
	return m.tensor("bnb-int8", rows, w, scb), nil
}

// bnb4Rows decode four-bit codes.
type bnb4Rows struct {
	weight, absmax, codes *Tensor
	n, k, block           int
	nested                bool
	offset                float32
	nestedMax, nestedMap  *Tensor
	file, name            string

	once   sync.Once // for the two tables
	values [16]float32
	second []float32
	failed error
}

func bnb4Weight(m *module) (*Tensor, error) {
	r := &bnb4Rows{weight: m.parts["weight"], absmax: m.parts["weight.absmax"], codes: m.parts["weight.quant_map"],
		nestedMax: m.parts["weight.nested_absmax"], nestedMap: m.parts["weight.nested_quant_map"], file: m.file, name: m.name + ".weight"}
	state, err := r.state(m)
	if err != nil {
		return nil, err
	}
	if err := r.sizes(m, state); err != nil {
		return nil, err
	}
	kind := state.text("quant_type")
	if kind != "nf4" && kind != "fp4" {
		return nil, m.fail("weight", Unsupported("bitsandbytes codes of type %.20q", kind))
	}
	name := fmt.Sprintf("bnb-%s-%d", kind, r.block)
	return &Tensor{Name: r.name, Shape: []int{r.n, r.k}, Type: typeOf(name, r.n, r.k, []*Tensor{r.weight, r.absmax, r.nestedMax}), Rows: r}, nil
}

// state reads the JSON object.
func (r *bnb4Rows) state(m *module) (quantConfig, error) {
	const most = 1 << 16
	for _, kind := range []string{"nf4", "fp4"} {
		part := "weight.quant_state.bitsandbytes__" + kind
		t := m.parts[part]
		if t == nil {
			continue
		}
		if t.Type.Name != "U8" || t.Bytes() > most {
			return nil, m.fail(part, Corrupt("%d bytes of %s are no description", t.Bytes(), t.Type))
		}
		p := make([]byte, t.Bytes())
		if _, err := t.Raw.ReadAt(p, 0); err != nil {
			return nil, m.fail(part, err)
		}
		if c := parseJSON(p); c != nil {
			return c, nil
		}
		return nil, m.fail(part, Corrupt("not a JSON object"))
	}
	return nil, m.fail("weight", Corrupt("no quant_state says what its codes stand for"))
}

// sizes sees that all parts agree.
func (r *bnb4Rows) sizes(m *module, state quantConfig) error {
	shape := state.numbers("shape")
	r.block = state.number(64, "blocksize")
	if r.weight == nil || len(shape) != 2 || shape[0] < 1 || shape[1] < 1 || r.block < 1 {
		return m.fail("weight", Corrupt("the description has shape %v and blocks of %d", shape, r.block))
	}
	r.n, r.k = shape[0], shape[1]
	all := int64(r.n) * int64(r.k)
	if r.k%2 != 0 || r.weight.Bytes() != all/2 {
		return m.fail("weight", Corrupt("%d bytes of codes for %d×%d weights", r.weight.Bytes(), r.n, r.k))
	}
	if blocks := (all + int64(r.block) - 1) / int64(r.block); int64(r.absmax.Elems()) != blocks {
		return m.fail("weight.absmax", Corrupt("%d numbers, want %d", r.absmax.Elems(), blocks))
	}
	if r.codes == nil || r.codes.Elems() != 16 || r.codes.Type.Name != "F32" {
		return m.fail("weight.quant_map", Corrupt("missing, or not 16 of F32"))
	}
	if r.nested = r.absmax.Type.Name == "U8"; !r.nested {
		if r.absmax.Type.Name != "F32" {
			return m.fail("weight.absmax", Unsupported("is stored as %s", r.absmax.Type))
		}
		return nil
	}
	const per = 256
	if n := state.number(per, "nested_blocksize"); n != per || r.nestedMap == nil || r.nestedMap.Elems() != 256 || r.nestedMap.Type.Name != "F32" ||
		r.nestedMax == nil || r.nestedMax.Type.Name != "F32" || r.nestedMax.Elems() != (r.absmax.Elems()+per-1)/per {
		return m.fail("weight.nested_absmax", Corrupt("the scales of scales are not those of %d blocks", r.absmax.Elems()))
	}
	if f, ok := state["nested_offset"].(interface{ Float64() (float64, error) }); ok {
		x, _ := f.Float64()
		r.offset = float32(x)
	}
	return nil
}

// tables reads what codes stand for.
func (r *bnb4Rows) tables() error {
	r.once.Do(func() {
		if r.failed = r.codes.Rows.ReadRows(r.values[:], 0); r.failed == nil && r.nested {
			r.second = make([]float32, 256)
			r.failed = r.nestedMap.Rows.ReadRows(r.second, 0)
		}
	})
	return r.failed
}

func (r *bnb4Rows) ReadRows(dst []float32, row int) error {
	fail := func(err error) error { return &Error{File: r.file, Tensor: r.name, Err: err} }
	if row < 0 || len(dst)%r.k != 0 || row > r.n-len(dst)/r.k {
		return fail(fmt.Errorf("rows from %d of %d", row, r.n))
	}
	if err := r.tables(); err != nil {
		return err
	}
	if len(dst) == 0 {
		return nil
	}
	first := int64(row) * int64(r.k)
	q := make([]byte, len(dst)/2)
	if _, err := r.weight.Raw.ReadAt(q, first/2); err != nil {
		return fail(err)
	}
	from := first / int64(r.block)
	scales := make([]float32, (first+int64(len(dst))-1)/int64(r.block)+1-from)
	if err := r.scales(scales, from); err != nil {
		return fail(err)
	}
	for i := range dst {
		code := q[i/2] >> 4
		if i%2 == 1 {
			code = q[i/2] & 15
		}
		dst[i] = r.values[code] * scales[(first+int64(i))/int64(r.block)-from]
	}
	return nil
}

// scales reads those of blocks from the given one on.
func (r *bnb4Rows) scales(dst []float32, from int64) error {
	p := make([]byte, len(dst)*r.absmax.Type.Bytes)
	if _, err := r.absmax.Raw.ReadAt(p, from*int64(r.absmax.Type.Bytes)); err != nil {
		return err
	}
	if !r.nested {
		quantize.F32.Decode(dst, p)
		return nil
	}
	first := from / 256
	q := make([]byte, 4*((from+int64(len(dst))-1)/256+1-first))
	if _, err := r.nestedMax.Raw.ReadAt(q, 4*first); err != nil {
		return err
	}
	for i := range dst {
		most := math.Float32frombits(word(q, int((from+int64(i))/256-first)))
		dst[i] = float32(r.second[p[i]]*most) + r.offset
	}
	return nil
}
