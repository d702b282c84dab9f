package formats

import "quern/quantize"

// MLX writes mlx-lm's affine layout, which the scheme mlx reads.
var MLX = registerStore(Store{
	Name: "mlx", Title: "MLX", Bits: []int{2, 3, 4, 5, 6, 8}, Groups: []int{32, 64, 128}, Offsets: true, Label: "mlx",
	Defaults: quantize.Grid{Bits: 4, Group: 64}, ModelScales: true,
	Keys: []string{"quantization", "quantization_config"},
	Parts: func(g quantize.Grid, n, k int, scale *quantize.Type) []Part {
		groups := g.Groups(k)
		return []Part{{"biases", scale, []int{n, groups}}, {"scales", scale, []int{n, groups}}, {"weight", quantize.U32, []int{n, k * g.Bits / 32}}}
	},
	Pack: func(c *quantize.Codes, row, _ int, scale *quantize.Type, put Put) error {
		groups, words := c.Groups(c.Cols), c.Cols*c.Bits/32
		for part, x := range [][]float32{c.Offset, c.Scale} {
			p := make([]byte, len(x)*scale.Bytes)
			scale.Encode(p, x, nil)
			if err := put(part, p, int64(row)*int64(groups*scale.Bytes)); err != nil {
				return err
			}
		}
		p := make([]byte, 4*words*c.Rows)
		for i := range c.Rows {
			packBits(p[4*words*i:4*words*(i+1)], c.Q[i*c.Cols:(i+1)*c.Cols], c.Bits)
		}
		return put(2, p, int64(row)*int64(words)*4)
	},
	Config: func(g quantize.Grid, _ []string, _ bool) map[string]any {
		return map[string]any{"bits": g.Bits, "group_size": g.Group, "mode": "affine"}
	},
})
