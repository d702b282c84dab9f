package quantize

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"testing"
)

// inputsLike are inputs of k columns of which some are much larger than others, and neighbours go together.
func inputsLike(r *rand.Rand, n, k int) []float32 {
	x := make([]float32, n*k)
	for t := range n {
		before := 0.0
		for j := range k {
			v := r.NormFloat64()
			size := 0.2
			if j%13 == 5 {
				size = 6
			}
			x[t*k+j] = float32(size * (v + 0.5*before))
			before = v
		}
	}
	return rounded(x, len(x)/k, k)
}

func gramOf(x []float32, k int) *Stats {
	g := NewGram(k)
	g.Add(x, len(x)/k, 1)
	return g.Stats(1)
}

// outputLoss is what the change of weights does to products with inputs, one by one.
func outputLoss(x, w, changed []float32, k int) (sum float64) {
	for t := 0; t < len(x); t += k {
		for i := 0; i < len(w); i += k {
			d := 0.0
			for j := range k {
				d += float64(x[t+j]) * (float64(w[i+j]) - float64(changed[i+j]))
			}
			sum += d * d
		}
	}
	return sum
}

func decodedRows(c *Codes) []float32 {
	out := make([]float32, c.Rows*c.Cols)
	for i := range c.Rows {
		c.Row(out[i*c.Cols:][:c.Cols], i)
	}
	return out
}

// paperScales is the search of the paper on inputs themselves: every candidate is rounded, divided again, and multiplied with them.
func paperScales(n *Nearest, xs, ws [][]float32, k int, share []int) (best []float64, power int, duo bool) {
	if share == nil {
		for j := range k {
			share = append(share, j)
		}
	}
	factors := slices.Max(share) + 1
	size, weight := make([]float64, factors), make([]float64, factors)
	for m := range xs {
		energy, total := make([]float64, k), 0.0
		for i, v := range xs[m] {
			energy[i%k] += float64(v) * float64(v)
			total += float64(v) * float64(v)
		}
		for j, e := range energy {
			size[share[j]] += e / total
		}
		for i := 0; i < len(ws[m]); i += n.Group {
			top := 0.0
			for _, v := range ws[m][i : i+n.Group] {
				top = math.Max(top, math.Abs(float64(v)))
			}
			for j, v := range ws[m][i : i+n.Group] {
				weight[share[(i+j)%k]] += math.Abs(float64(v)) / top / float64(len(ws[m])/k)
			}
		}
	}
	sizes, weights := 0.0, 0.0
	for i := range size {
		size[i] = math.Sqrt(size[i])
		sizes, weights = sizes+size[i]/float64(factors), weights+weight[i]/float64(factors)
	}
	least := math.Inf(1)
	base := make([]float64, len(xs))
	try := func(p int, d bool) {
		t, low, high := make([]float64, factors), math.Inf(1), 0.0
		for i := range t {
			if t[i] = math.Pow(size[i]/sizes, float64(p)/16); d {
				t[i] /= math.Pow(weight[i]/weights, 1-float64(p)/16)
			}
			low, high = math.Min(low, t[i]), math.Max(high, t[i])
		}
		for i := range t {
			t[i] /= math.Sqrt(low * high)
		}
		loss := 0.0
		for m := range xs {
			scaled := make([]float32, len(ws[m]))
			for i, v := range ws[m] {
				scaled[i] = float32(float64(v) * t[share[i%k]])
			}
			var c Codes
			n.Rows(&c, scaled, k, nil)
			back := decodedRows(&c)
			for i := range back {
				back[i] = float32(float64(back[i]) / t[share[i%k]])
			}
			l := outputLoss(xs[m], ws[m], back, k)
			if p == 0 {
				base[m] = l
			}
			loss += l / base[m]
		}
		if loss < least*(1-1e-4) {
			least, best, power, duo = loss, t, p, d
		}
	}
	try(0, false)
	for p := 1; p <= 16; p++ {
		if p%2 == 0 {
			try(p, false)
		}
		if p < 16 {
			try(p, true)
		}
	}
	return best, power, duo
}

// The factors are those that a naive program of the paper's search finds, with inputs instead of Gram matrices, in every kind of grid; where columns share
// factors too. Products change less with them.
func TestAWQIsThePapers(t *testing.T) {
	const k, rows = 128, 24
	r := rand.New(rand.NewSource(4))
	x := inputsLike(r, 300, k)
	one, two := normal(rows*k), make([]float32, 2*rows*k)
	for i := range two {
		two[i] = float32(r.NormFloat64() * (1 + float64(i%7)))
	}
	share := make([]int, k)
	for j := range share {
		share[j] = j/64*32 + j%32
	}
	for _, grid := range []Grid{{3, 32, true}, {4, 64, false}, {2, 128, true}} {
		for _, by := range [][]int{nil, share} {
			name := fmt.Sprintf("%+v, shared %v", grid, by != nil)
			near := func() *Nearest { return &Nearest{Grid: grid, Round: RoundTo(F16), Plain: true} }
			a := &AWQ{Near: near, Share: by}
			got, err := a.Search(k, []Consumer{{one, gramOf(x, k)}, {two, gramOf(x, k)}}, 2)
			if err != nil {
				t.Fatal(err)
			}
			want, power, duo := paperScales(near(), [][]float32{x, x}, [][]float32{one, two}, k, by)
			if got.Power != power || got.Duo != duo || len(got.Factor) != len(want) {
				t.Errorf("%s: power %d, duo %v, want %d, %v", name, got.Power, got.Duo, power, duo)
				continue
			}
			for i, f := range got.Factor {
				if math.Abs(float64(f)/want[i]-1) > 1e-4 {
					t.Errorf("%s: factor %d is %g, want %g", name, i, f, want[i])
					break
				}
			}
			if t.Logf("%s: power %d, duo %v: %.3f of the loss", name, got.Power, got.Duo, got.Loss); !(got.Loss < 0.8) {
				t.Errorf("%s: %.3f of the loss is left", name, got.Loss)
			}
		}
	}
}

// What codes do to products is the same by the Gram matrix as by the inputs one by one.
func TestChangeIsThatOfProducts(t *testing.T) {
	const k, rows = 96, 7
	x, w := inputsLike(rand.New(rand.NewSource(9)), 200, k), normal(rows*k)
	var c Codes
	(&Nearest{Grid: Grid{3, 32, true}, Round: RoundTo(F16)}).Rows(&c, w, k, nil)
	lost, whole := gramOf(x, k).Change(w, decodedRows(&c))
	if want := outputLoss(x, w, decodedRows(&c), k); math.Abs(lost/want-1) > 1e-5 {
		t.Errorf("lost %g, want %g", lost, want)
	}
	if want := outputLoss(x, w, make([]float32, len(w)), k); math.Abs(whole/want-1) > 1e-5 {
		t.Errorf("of %g, want %g", whole, want)
	}
}

// Where all inputs and all weights are of one size, factors would fit chance: there are none.
func TestAWQLeavesEvenInputsAlone(t *testing.T) {
	const k, rows = 128, 64
	near := func() *Nearest { return &Nearest{Grid: Grid{4, 32, true}, Round: RoundTo(F16), Plain: true} }
	got, err := (&AWQ{Near: near}).Search(k, []Consumer{{normal(rows * k), gramOf(normal(2000*k), k)}}, 1)
	if err != nil || got.Power != 0 || got.Loss != 1 || slices.ContainsFunc(got.Factor, func(f float32) bool { return f != 1 }) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := (&AWQ{Near: near}).Search(k, []Consumer{{normal(rows * k), &Stats{}}}, 1); err == nil {
		t.Error("no inputs are no error")
	}
}

// A group's range is cut off where its products change least: of all ranges that a naive program tries, and of Nearest's grid, none is better.
func TestClipIsTheBest(t *testing.T) {
	const k, rows = 128, 20
	r := rand.New(rand.NewSource(4))
	x := inputsLike(r, 300, k)
	stats, w := gramOf(x, k), normal(rows*k)
	for i := range w {
		if i%29 == 0 {
			w[i] *= 3
		}
	}
	for _, n := range []*Nearest{{Grid: Grid{3, 32, true}, Round: RoundTo(F16)}, {Grid: Grid{2, 64, false}, Round: RoundTo(BF16)}, {Grid: Grid{4, 0, false}, Round: RoundTo(F16), Offsets: true}} {
		clip, err := NewClip(n, stats)
		if err != nil {
			t.Fatal(err)
		}
		var c, near, part Codes
		if err := clip.Rows(&c, w); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		imp, mean := make([]float32, k), 0.0
		for _, d := range stats.Diag {
			mean += d / k
		}
		for i, d := range stats.Diag {
			imp[i] = float32(d / mean)
		}
		n.Rows(&near, w, k, imp)
		got, other := decodedRows(&c), decodedRows(&near)
		size := clip.size()
		won := 0
		for i := 0; i < len(w); i += size {
			from := i % k
			group := make([]float32, 0, 300*size)
			for t := 0; t < len(x); t += k {
				group = append(group, x[t+from:t+from+size]...)
			}
			loss := outputLoss(group, w[i:i+size], got[i:i+size], size)
			best := outputLoss(group, w[i:i+size], other[i:i+size], size)
			won += map[bool]int{true: 1}[loss < best*(1-1e-6)]
			for try := range clipSteps {
				one := *n
				one.s = laneGrids{}
				one.s.load(w[i:i+size], size, size, 1)
				one.cut(1 - clipEach*float32(try))
				v, code := make([]float32, size), make([]uint8, size)
				one.s.codes(code, w[i:i+size], 0)
				for j, q := range code {
					v[j] = float32(one.s.best.scale[0]*float32(q)) + one.s.best.offset[0]
				}
				best = min(best, outputLoss(group, w[i:i+size], v, size))
			}
			if loss > best*(1+1e-4) {
				t.Errorf("%+v: a group has %g, %g was possible", n.Grid, loss, best)
			}
		}
		if won == 0 {
			t.Errorf("%+v: no group gained", n.Grid)
		}
		if err := clip.Rows(&part, w[3*k:]); err != nil || !slices.Equal(part.Q, c.Q[3*k:]) {
			t.Errorf("%+v: rows differ when the matrix is cut (%v)", n.Grid, err)
		}
	}
}
