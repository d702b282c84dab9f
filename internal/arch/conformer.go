package arch

import (
	"math"

	"quern/formats"
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

// foldedNorm is a number of each channel made of those of several vectors.
func foldedNorm(name string, f func([]float32) float32) Op {
	return Op{Name: name, OneWay: true, Folds: true, Combine: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
		t := Floats("", nil)
		t.Shape, t.Rows, t.Raw = parts[0].Shape, foldedRows{parts, f}, nil
		return t
	}}
}

type foldedRows struct {
	parts []*formats.Tensor
	f     func([]float32) float32
}

func (r foldedRows) ReadRows(dst []float32, row int) error {
	all := make([]float32, len(r.parts)*len(dst))
	for i, part := range r.parts {
		if err := part.Rows.ReadRows(all[i*len(dst):(i+1)*len(dst)], row); err != nil {
			return inPart(part, err)
		}
	}
	each := make([]float32, len(r.parts))
	for c := range dst {
		for i := range each {
			each[i] = all[i*len(dst)+c]
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
