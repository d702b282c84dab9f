package model

import (
	"context"
	"math/rand/v2"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// gridRows are weights on a grid in memory.
type gridRows struct {
	*quantize.Codes
	ordered bool
}

func (r gridRows) Grid() quantize.Grid    { return r.Codes.Grid }
func (r gridRows) Scales() *quantize.Type { return quantize.F32 }
func (r gridRows) Offsets() bool          { return r.Offset != nil }
func (r gridRows) Ordered() (bool, error) { return r.ordered, nil }
func (r gridRows) Uniform() (bool, error) { return r.Symmetric, nil }

func (r gridRows) ReadRows(dst []float32, row int) error {
	for i := range len(dst) / r.Cols {
		r.Row(dst[i*r.Cols:][:r.Cols], row+i)
	}
	return nil
}

func (r gridRows) ReadCodes(c *quantize.Codes, row, rows int) error {
	c.Reshape(r.Codes.Grid, rows, r.Cols, r.Offset != nil)
	c.CopyRows(0, r.Codes, row, rows)
	return nil
}

// Weights that are integers are multiplied as such in coded mode, with activations of 8 bits, of which 32 share a scale; those whose groups are no neighbours, of
// another size or of too many bits are multiplied in codes of 16 bits.
func TestGridEqualsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, n = 29, 41
	for _, c := range []struct {
		k, bits, group  int
		offset, ordered bool
		integer         bool
	}{{2208, 4, 32, false, false, true}, {576, 4, 64, false, false, true}, {576, 3, 192, false, false, true}, {256, 4, -1, false, false, true}, {192, 2, 64, true, false, true},
		{192, 4, 64, true, false, true}, {192, 8, 64, false, false, false}, {192, 4, 48, false, false, false}, {200, 4, 40, false, false, false}, {192, 4, 64, false, true, false}} {
		for _, symmetric := range []bool{true, false} {
			codes := quantize.NewCodes(quantize.Grid{Bits: c.bits, Group: c.group, Symmetric: symmetric}, n, c.k)
			for i := range codes.Q {
				codes.Q[i] = uint8(r.IntN(codes.Levels()))
			}
			for i := range codes.Scale {
				codes.Scale[i] = float32(r.NormFloat64())
				if codes.Zero != nil {
					codes.Zero[i] = uint8(r.IntN(codes.Levels()))
				}
			}
			if c.offset {
				codes.Zero, codes.Offset = nil, make([]float32, len(codes.Scale))
				for i := range codes.Offset {
					codes.Offset[i] = float32(r.NormFloat64())
				}
			}
			x, got := make([]float32, m*c.k), make([]float32, m*n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			w := &weight{t: &formats.Tensor{Name: "w", Shape: []int{n, c.k}, Type: quantize.F32, Rows: gridRows{codes, c.ordered}}, n: n, k: c.k}
			if w.onGrid() != c.integer {
				t.Fatalf("%+v: multiplied as integers: %v", c, w.onGrid())
			}
			one := &Model{}
			run := one.begin(context.Background(), Options{Mode: Coded, Threads: 2})
			run.multiply(x, m, product{got, w})
			if run.err != nil {
				t.Fatal(run.err)
			}
			var want []float64
			row := make([]float32, c.k)
			for i := range m {
				in := widened(x[i*c.k:][:c.k])
				if c.integer {
					in = rounded(quantize.ActsQ8_0, in)
				}
				for j := range n {
					codes.Row(row, j)
					sum := 0.0
					for p, v := range row {
						sum += in[p] * float64(v)
					}
					want = append(want, sum)
				}
			}
			if d := spread(got, want); !(d < 3e-4) {
				t.Errorf("%+v, symmetric %v: differs by %.2g of the spread", c, symmetric, d)
			}
		}
	}
}
