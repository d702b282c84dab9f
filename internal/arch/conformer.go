package arch

import (
	"math"

	"quern/formats"
	"quern/quantize"
)

// Norms of batches (arXiv:1502.03167) stand in the convolutions of some towers that hear. What training counted is two numbers of each channel, with which and with its weight and bias they are one
// factor and one term: runtimes have these alone.
const batchEps = 1e-5 // PyTorch's, which no config.json tells

// foldedFactor is of weight and variance, and foldedTerm of bias, mean, weight and variance, each step rounded to float32.
var (
	foldedFactor = foldedNorm("folded factor", func(v []float32) float32 { return batchFactor(v[0], v[1]) })
	foldedTerm   = foldedNorm("folded term", func(v []float32) float32 { return v[0] - float32(v[1]*batchFactor(v[2], v[3])) })
)

func batchFactor(weight, variance float32) float32 {
	return weight / float32(math.Sqrt(float64(variance+float32(batchEps))))
}

// batchNorm are the rules of such a norm.
func batchNorm(gguf, hf, shape string) []Rule {
	return []Rule{
		{GGUF: gguf + ".weight", HF: hf + ".{weight,running_var}", Role: RoleTower, Shape: shape, From: shape, Do: foldedFactor},
		{GGUF: gguf + ".bias", HF: hf + ".{bias,running_mean,weight,running_var}", Role: RoleTower, Shape: shape, From: shape, Do: foldedTerm},
	}
}

// foldedNorm is a number of each channel made of those of several vectors, which lie one behind the other.
func foldedNorm(name string, f func([]float32) float32) Op {
	return Op{Name: name, OneWay: true, Folds: true, Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		n := &formats.Tensor{Name: t.Name, Shape: t.Shape[1:], Type: quantize.ByName("F32")}
		if t.Rows != nil {
			rows := foldedRows{t.Rows, t.Shape[0], t.Shape[1], f}
			n.Rows, n.Raw = rows, vectorBytes{rows, t.Shape[1]}
		}
		return n
	}}
}

type foldedRows struct {
	rows     formats.Rows
	of, cols int
	f        func([]float32) float32
}

func (r foldedRows) ReadRows(dst []float32, _ int) error {
	all := make([]float32, r.of*r.cols)
	for i := range r.of {
		if err := r.rows.ReadRows(all[i*r.cols:(i+1)*r.cols], i); err != nil {
			return err
		}
	}
	each := make([]float32, r.of)
	for c := range min(len(dst), r.cols) {
		for i := range each {
			each[i] = all[i*r.cols+c]
		}
		dst[c] = r.f(each)
	}
	return nil
}

// onePoint is a convolution over one instant as the matrix that it is.
var onePoint = Op{Name: "one point",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return regrouped(t, t.Shape[0], t.Shape[1])
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return regrouped(t, t.Shape[0], t.Shape[1], 1)
	},
}

// regrouped is the same numbers in rows of another length.
func regrouped(t *formats.Tensor, shape ...int) *formats.Tensor {
	n := shapedAs(t, shape...)
	if t.Rows != nil {
		n.Rows = regroupedRows{t.Rows, t.Cols(), n.Cols()}
	}
	return n
}

type regroupedRows struct {
	rows     formats.Rows
	from, to int
}

func (r regroupedRows) ReadRows(dst []float32, row int) error {
	first, last := row*r.to/r.from, (row*r.to+len(dst)+r.from-1)/r.from
	all := make([]float32, (last-first)*r.from)
	if err := r.rows.ReadRows(all, first); err != nil {
		return err
	}
	copy(dst, all[row*r.to-first*r.from:])
	return nil
}
