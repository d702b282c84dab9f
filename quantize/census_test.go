package quantize_test

import (
	"os"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// TestCensus counts rows of a real model, every sixteenth of each matrix that has importance: in how many of them the default encoder loses more than
// llama-quantize's, by the type's objective, how much at most, and what it gains on average. It asserts nothing of a model that it does not know.
//
//	QUERN_CENSUS=model-BF16.gguf,imatrix.gguf go test -run Census -v ./quantize
func TestCensus(t *testing.T) {
	model, importance, ok := strings.Cut(os.Getenv("QUERN_CENSUS"), ",")
	if !ok {
		t.Skip("QUERN_CENSUS is not set")
	}
	src, err := formats.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	im, err := formats.ReadImatrix(importance)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range quantize.Types() {
		if q.Ggml == nil || q.Block == 1 {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			t.Parallel()
			for _, weighed := range []bool{false, true} {
				if !weighed && q.NeedsImportance {
					continue
				}
				c := census{q: q}
				for _, x := range src.Tensors {
					if e := im.Entry(x.Name); e != nil && len(x.Shape) == 2 && x.Cols()%q.Block == 0 {
						c.matrix(t, x, e, weighed)
					}
				}
				rows := float64(max(c.rows, 1))
				t.Logf("importance %v: %d rows, %d worse (%.2f %%), by up to %.2f %%, gain %.2f %%", weighed, c.rows, c.worse, 100*float64(c.worse)/rows,
					100*c.most, 100*c.gain/rows)
			}
		})
	}
}

// A census is what was counted of a type.
type census struct {
	q           *quantize.Type
	rows, worse int
	most, gain  float64
}

func (c *census) matrix(t *testing.T, x *formats.Tensor, e *formats.ImatrixEntry, weighed bool) {
	q, cols := c.q, x.Cols()
	var importance []float32
	if weighed {
		importance = make([]float32, cols)
		e.Importance(importance, 0)
	}
	w, row := make([]float32, cols), make([]float32, cols)
	for r := 0; r < x.NumRows(); r += 16 {
		if err := x.Rows.ReadRows(row, r); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			if w[i] = 1; q.Factor != 0 {
				row[i] /= q.Factor
			}
		}
		if q.Weigh != nil {
			q.Weigh(w, row, importance)
		}
		mine, theirs := c.lost(q.Encode, row, w, importance), c.lost(q.Ggml, row, w, importance)
		if c.rows++; theirs > 0 {
			c.gain += 1 - mine/theirs
			c.most = max(c.most, mine/theirs-1)
		}
		if mine > theirs*(1+1e-9) {
			c.worse++
		}
	}
}

// lost is the objective of a row: of each block Σ w·e² and Along·(Σ w·x·e)²/Σ w·x².
func (c *census) lost(encode quantize.Encoder, x, w, importance []float32) (all float64) {
	size, _ := c.q.Size(len(x))
	code, y := make([]byte, size), make([]float32, len(x))
	encode(code, x, importance)
	c.q.Decode(y, code)
	for b := 0; b < len(x); b += c.q.Block {
		var along, energy float64
		for i := b; i < b+c.q.Block; i++ {
			w, x, d := float64(w[i]), float64(x[i]), float64(x[i])-float64(y[i])
			all, along, energy = all+w*d*d, along+w*x*d, energy+w*x*x
		}
		if energy > 0 {
			all += c.q.Along * along * along / energy
		}
	}
	return all
}
