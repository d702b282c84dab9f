package arch

import (
	"math"
	"sync"

	"quern/formats"
	"quern/quantize"
)

// RoundTernary makes of a matrix what a model computes with that rounds whenever it does: -1, 0 and 1 times the mean of the sizes of its
// numbers (arXiv:2402.17764).
var RoundTernary = Op{Name: "round ternary", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	if !p.Ternary || t.Rows == nil {
		return t
	}
	n := *t
	n.Type, n.Raw = quantize.ByName("F32"), nil
	n.Rows = &ternaryRows{rows: t.Rows, count: t.NumRows(), cols: t.Cols()}
	return &n
}}

// RoundsWeights says of a checkpoint that its matrices are stored as they were trained, and rounded where they are used.
func (c *Config) RoundsWeights() bool {
	mode, _ := c.String("quantization_config.quantization_mode")
	return mode == "online" || c.class() == "BitnetForCausalLM"
}

type ternaryRows struct {
	rows        formats.Rows
	count, cols int

	once sync.Once
	by   float32 // one divided by the mean
	err  error
}

func (r *ternaryRows) ReadRows(dst []float32, row int) error {
	if r.once.Do(r.measure); r.err != nil {
		return r.err
	}
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i, v := range dst {
		dst[i] = float32(min(max(math.RoundToEven(float64(v*r.by)), -1), 1)) / r.by
	}
	return nil
}

// measure reads the whole matrix once, a block of rows at a time.
func (r *ternaryRows) measure() {
	step := max(1, (1<<16)/max(1, r.cols))
	sum, block := 0.0, make([]float32, min(step, r.count)*r.cols)
	for row := 0; row < r.count; row += step {
		dst := block[:min(step, r.count-row)*r.cols]
		if r.err = r.rows.ReadRows(dst, row); r.err != nil {
			return
		}
		for _, v := range dst {
			sum += math.Abs(float64(v))
		}
	}
	r.by = 1 / max(float32(sum/float64(max(1, r.count*r.cols))), 1e-5)
}
