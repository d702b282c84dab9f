package quantize

import (
	"math"
	"path/filepath"
	"testing"
)

// What the default encoders gain on the reference data, by the measure of its manifest: the root of Σ w·e² over Σ w·x² of a row, w being
// importance alone, beside that of the reference encoder's row; the mean over all rows in which that is not zero, without importance and
// with it. Some encoders minimise something else with importance (Weigh, Along), so worst says how much a single row may lose by this
// measure: none does.
func TestGoldenGain(t *testing.T) {
	g := readGolden(t)
	for _, c := range []struct {
		q           *Type
		mean, worst float64
	}{
		{Q2_K, 0.915, 1}, {Q3_K, 0.945, 1}, {IQ1_S, 0.82, 0.97}, {IQ1_M, 0.82, 0.97}, {IQ2_XXS, 0.91, 1}, {IQ2_XS, 0.86, 1}, {IQ2_S, 0.81, 1},
		{IQ3_XXS, 0.92, 1}, {IQ3_S, 0.87, 1}, {IQ4_NL, 0.95, 1}, {IQ4_XS, 0.95, 1}, {MXFP4, 0.91, 1}, {NVFP4, 0.8, 1},
	} {
		t.Run(c.q.Name, func(t *testing.T) {
			sum, rows, worst := 0.0, 0, 0.0
			for name, run := range map[string]*goldenRun{"none": g.Types[c.q.Name].None, "imp": g.Types[c.q.Name].Imp} {
				if run == nil {
					continue
				}
				for _, r := range g.ratios(t, c.q, name) {
					sum, rows, worst = sum+r, rows+1, max(worst, r)
				}
			}
			if mean := sum / float64(rows); mean > c.mean || worst > c.worst {
				t.Errorf("mean error %.3f of the reference's, the worst row's %.3f", mean, worst)
			} else {
				t.Logf("mean %.3f, worst row %.3f", mean, worst)
			}
		})
	}
}

// ratios are the errors of rows beside the reference's.
func (g *golden) ratios(t *testing.T, q *Type, name string) (r []float64) {
	importance, w := g.importance, g.importance
	if name == "none" {
		importance, w = nil, weights(&Type{}, g.importance, nil)
	}
	value := readFloats(t, filepath.Join(g.dir, q.Name+"."+name+".f32"))
	size, _ := q.Size(g.Cols)
	code := make([]byte, size)
	for i := range g.Rows {
		q.Encode(code, g.row(i), importance)
		mine, theirs := relative(loss(w, g.row(i), decoded(q, code, g.Cols))), relative(loss(w, g.row(i), value[i*g.Cols:][:g.Cols]))
		if theirs > 1e-9 {
			r = append(r, mine/theirs)
		}
	}
	return r
}

// No file of MXFP4 loses less: for every block of the reference data, and of normal weights with and without importance, all scales there
// are were tried with the nearest codes. llama-quantize's files are 3 % from there on normal weights, so that much is all that there is to gain.
func TestMXFP4IsLeast(t *testing.T) {
	g := readGolden(t)
	x, w := normal(1<<13), lognormal(1<<13)
	for i := range g.Rows {
		leastMXFP4(t, g.row(i), nil)
		leastMXFP4(t, g.row(i), g.importance)
	}
	leastMXFP4(t, x, nil)
	leastMXFP4(t, x, w)
}

func leastMXFP4(t *testing.T, x, importance []float32) {
	t.Helper()
	size, _ := MXFP4.Size(len(x))
	code, w := make([]byte, size), weights(MXFP4, x, importance)
	MXFP4.Encode(code, x, importance)
	y := decoded(MXFP4, code, len(x))
	for b := 0; b < len(x); b += MXFP4.Block {
		x, w := x[b:][:MXFP4.Block], w[b:][:MXFP4.Block]
		mine, size := loss(w, x, y[b:][:MXFP4.Block])
		least := math.Inf(1)
		for e := range 255 {
			sum := 0.0
			for i, v := range x {
				sum += float64(w[i]) * nearestFP4(float64(v), float64(halfE8M0(uint8(e))))
			}
			least = min(least, sum)
		}
		if mine > least*(1+1e-5)+1e-12*size {
			t.Fatalf("block at %d: %g is lost, %g with the best of all scales", b, mine, least)
		}
	}
}

// nearestFP4 is the squared distance of x from the nearest value of a scale.
func nearestFP4(x, d float64) float64 {
	least := math.Inf(1)
	for _, v := range valuesFP4 {
		e := x - d*float64(v)
		least = min(least, e*e)
	}
	return least
}
