package formats

import (
	"strings"

	"quern/quantize"
)

// The scheme bitnet is BitNet's packed ternary weights: byte [i, c] of weight, uint8 [n/4, k], holds those of the rows i, i+n/4, i+n/2 and
// i+3n/4 in column c, from the lowest two bits up, with one added. weight_scale is one number; the older kind of layer divides by it, the
// kind named autobitlinear multiplies. In the mode "online" weights are those before rounding, which is the family's affair.
var _ = registerScheme(scheme{
	name:    "bitnet",
	methods: []string{"bitnet"},
	parts:   []string{"weight_scale", "weight"},
	weight:  bitnetWeight,

	unstored: func(c quantConfig) bool { return c.text("quantization_mode") == "online" },
})

func bitnetWeight(m *module) (*Tensor, error) {
	w, err := m.matrix("weight", "U8")
	if err != nil {
		return nil, err
	}
	s := m.parts["weight_scale"]
	if s.Elems() != 1 || s.Rows == nil {
		return nil, m.fail("weight_scale", Corrupt("has shape %v and type %s, want one number", s.Shape, s.Type))
	}
	divide := !strings.EqualFold(m.config.text("linear_class"), "autobitlinear")
	part, k := w.Shape[0], w.Shape[1]
	load := func(c *quantize.Codes, row, rows int) error {
		for i := range rows {
			line := c.Q[i*k : (i+1)*k]
			if _, err := w.Raw.ReadAt(line, int64((row+i)%part)*int64(k)); err != nil {
				return err
			}
			shift := (row + i) / part * 2
			for j := range line {
				line[j] = line[j] >> shift & 3
			}
			if err := s.Rows.ReadRows(c.Scale[i:i+1], 0); err != nil {
				return err
			}
			if divide {
				c.Scale[i] = 1 / c.Scale[i]
			}
			c.Zero[i] = 1
		}
		return nil
	}
	rows := &codedRows{rows: 4 * part, cols: k, grid: quantize.Grid{Bits: 2}, scales: quantize.F32, load: load,
		uniform: func() (bool, error) { return false, nil }}
	return m.tensor("bitnet-ternary", rows, w, s), nil
}
