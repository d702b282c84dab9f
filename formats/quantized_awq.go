package formats

import (
	"slices"

	"quern/quantize"
)

// The scheme awq is AutoAWQ's layout for its GEMM kernels, for a layer of n outputs and k inputs:
//
//	qweight  int32 [k, n/8]   eight neighbouring outputs of one input in a word, in the order of awqOrder
//	qzeros   int32 [G, n/8]   the same
//	scales   f16   [G, n]
//
// GPTQModel writes other widths than 4 bits under the same name, there as a plain stream of codes along the outputs.
var _ = registerScheme(scheme{
	name:    "awq",
	methods: []string{"awq"},
	parts:   []string{"qweight", "qzeros", "scales"},
	accept: func(c quantConfig) error {
		if v := c.text("version", "checkpoint_format", "format"); v != "" && v != "gemm" && v != "GEMM" {
			return Unsupported("AWQ in the layout %.40q", v)
		}
		if p := c.text("pack_dtype"); p != "" && p != "int32" {
			return Unsupported("AWQ packed into %.20s", p)
		}
		return nil
	},
	weight: awqWeight,
})

// awqOrder is the output, of eight, whose code each nibble of a word holds, from the lowest nibble up.
var awqOrder = [8]int{0, 2, 4, 6, 1, 3, 5, 7}

type awqReader struct {
	qweight, qzeros, scales *Tensor
	n, k, groups, bits      int
}

func awqWeight(m *module) (*Tensor, error) {
	r := &awqReader{}
	var err error
	if r.qweight, err = m.matrix("qweight", "I32"); err != nil {
		return nil, err
	}
	if r.qzeros, err = m.matrix("qzeros", "I32"); err != nil {
		return nil, err
	}
	if r.scales, err = m.matrix("scales", floats16...); err != nil {
		return nil, err
	}
	r.k, r.groups, r.n = r.qweight.Shape[0], r.scales.Shape[0], r.scales.Shape[1]
	width := r.qweight.Shape[1]
	if 32*width%r.n != 0 || !slices.Contains([]int{2, 3, 4, 8}, 32*width/r.n) || r.n%32 != 0 {
		return nil, m.fail("qweight", Corrupt("has shape %v beside scales of shape %v", r.qweight.Shape, r.scales.Shape))
	}
	r.bits = 32 * width / r.n
	if err := m.shaped("qzeros", r.groups, width); err != nil {
		return nil, err
	}
	group, err := groupsOf(r.k, r.groups, m.config.number(0, "group_size", "q_group_size"))
	if err != nil {
		return nil, m.fail("scales", err)
	}
	rows := &codedRows{rows: r.n, cols: r.k, grid: quantize.Grid{Bits: r.bits, Group: group}, scales: r.scales.Type, unit: 32,
		bands: m.bands, load: r.load, uniform: func() (bool, error) { return allMiddle(r.n, r.groups, r.bits, r.zeros) }}
	return m.tensor(gridName("awq", rows.grid), rows, r.qweight, r.qzeros, r.scales), nil
}

// load reads a band of outputs.
func (r *awqReader) load(c *quantize.Codes, row, rows int) error {
	if err := r.spread(c.Q, r.qweight, r.k, row, rows); err != nil {
		return err
	}
	if err := r.zeros(c.Zero, row, rows); err != nil {
		return err
	}
	return loadScales(c.Scale, r.scales, row, rows)
}

// spread reads the codes of some outputs from every line of t into one row for each output.
func (r *awqReader) spread(dst []uint8, t *Tensor, lines, row, rows int) error {
	size := rows * r.bits / 8
	const step = 64
	buf, q := make([]byte, size), make([]uint8, step*rows)
	for k := 0; k < lines; k += step {
		n := min(step, lines-k)
		for j := range n {
			if _, err := t.Raw.ReadAt(buf, int64(k+j)*int64(t.Shape[1])*4+int64(row*r.bits/8)); err != nil {
				return err
			}
			r.unpack(q[j*rows:(j+1)*rows], buf)
		}
		for i := range rows {
			line := dst[i*lines+k:][:n]
			for j := range line {
				line[j] = q[j*rows+i]
			}
		}
	}
	return nil
}

// unpack reads neighbouring outputs.
func (r *awqReader) unpack(dst []uint8, src []byte) {
	if r.bits != 4 {
		unpackBits(dst, src, r.bits)
		return
	}
	for i := 0; i < len(dst); i += 8 {
		w := word(src, i/8)
		for nibble, o := range awqOrder {
			dst[i+o] = uint8(w >> (4 * nibble) & 15)
		}
	}
}

// zeros reads the zero points of some outputs.
func (r *awqReader) zeros(dst []uint8, row, rows int) error {
	return r.spread(dst, r.qzeros, r.groups, row, rows)
}
