package formats

import (
	"slices"

	"quern/quantize"
)

// The scheme mlx is mlx-lm's: for a layer of n outputs and k inputs, b bits and groups of g,
//
//	weight  uint32 [n, k·b/32]   every row the stream of its codes
//	scales, biases [n, k/g]      in the model's type; the weight is scale·code + bias
//
// Settings of single modules stand in the configuration under their names. The modes mxfp4 and nvfp4 have no biases.
var _ = registerScheme(scheme{
	name:    "mlx",
	methods: []string{"mlx"},
	parts:   []string{"scales", "biases", "weight"},
	accept: func(c quantConfig) error {
		if mode := c.text("mode"); mode != "" && !slices.Contains([]string{"affine", "mxfp4", "nvfp4"}, mode) {
			return Unsupported("MLX's quantization mode %.40q", mode)
		}
		return nil
	},
	weight: mlxWeight,
})

type mlxReader struct {
	weight, scales, biases  *Tensor
	n, k, groups, bits, row int
}

func mlxWeight(m *module) (*Tensor, error) {
	if m.parts["biases"] == nil {
		return fp4Weight(m, "weight")
	}
	r := &mlxReader{biases: m.parts["biases"]}
	var err error
	if r.weight, err = m.matrix("weight", "U32"); err != nil {
		return nil, err
	}
	if r.scales, err = m.matrix("scales", floats16...); err != nil {
		return nil, err
	}
	if err := m.shaped("biases", r.scales.Shape...); err != nil {
		return nil, err
	}
	if r.biases.Type != r.scales.Type {
		return nil, m.fail("biases", Unsupported("is stored as %s beside scales of %s", r.biases.Type, r.scales.Type))
	}
	group := m.config.object(m.name).number(m.config.number(64, "group_size"), "group_size")
	r.n, r.groups, r.row = r.weight.Shape[0], r.scales.Shape[1], 4*r.weight.Shape[1]
	if group < 1 || group > 1<<20 || r.scales.Shape[0] != r.n {
		return nil, m.fail("scales", Corrupt("has shape %v beside codes of shape %v in groups of %d", r.scales.Shape, r.weight.Shape, group))
	}
	r.k = group * r.groups
	r.bits = 8 * r.row / r.k
	if r.bits*r.k != 8*r.row || !slices.Contains([]int{2, 3, 4, 5, 6, 8}, r.bits) {
		return nil, m.fail("weight", Corrupt("has shape %v, which is no row of %d codes in groups of %d", r.weight.Shape, r.k, group))
	}
	rows := &codedRows{rows: r.n, cols: r.k, grid: quantize.Grid{Bits: r.bits, Group: group}, offsets: true, scales: r.scales.Type, load: r.load}
	return m.tensor(gridName("mlx", rows.grid), rows, r.weight, r.scales, r.biases), nil
}

func (r *mlxReader) load(c *quantize.Codes, row, rows int) error {
	line := make([]byte, rows*r.row)
	if _, err := r.weight.Raw.ReadAt(line, int64(row)*int64(r.row)); err != nil {
		return err
	}
	for i := range rows {
		unpackBits(c.Q[i*r.k:(i+1)*r.k], line[i*r.row:], r.bits)
	}
	if err := r.scales.Rows.ReadRows(c.Scale, row); err != nil {
		return err
	}
	return r.biases.Rows.ReadRows(c.Offset, row)
}
