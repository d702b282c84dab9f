package quantize

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"sort"
	"testing"
)

// paperFactor is the upper Cholesky factor R of the inverse of H with damping, H⁻¹ = Rᵀ·R, by Gauss-Jordan and the textbook.
func paperFactor(h []float64, k int, column []int, damp float64) [][]float64 {
	mean := 0.0
	for i := range k {
		mean += h[i*k+i] / float64(k)
	}
	a := make([][]float64, k)
	for i, p := range column {
		a[i] = make([]float64, 2*k)
		for j, q := range column {
			a[i][j] = h[p*k+q]
		}
		a[i][i] += damp * mean
		a[i][k+i] = 1
	}
	for i := range k {
		by := a[i][i]
		for j := range a[i] {
			a[i][j] /= by
		}
		for m := range k {
			if f := a[m][i]; m != i {
				for j := i; j < 2*k; j++ {
					a[m][j] -= f * a[i][j]
				}
			}
		}
	}
	upper := make([][]float64, k)
	for i := range k {
		upper[i] = make([]float64, k)
		for j := i; j < k; j++ {
			s := a[i][k+j]
			for m := range i {
				s -= upper[m][i] * upper[m][j]
			}
			if i == j {
				upper[i][i] = math.Sqrt(s)
			} else {
				upper[i][j] = s / upper[i][i]
			}
		}
	}
	return upper
}

// paperOrder is the columns in the order in which they are rounded, and the group of each column of the matrix.
func paperOrder(h []float64, k, size int, order Order) (column []int, group []int) {
	diag := func(i int) float64 { return h[i*k+i] }
	column, group = make([]int, k), make([]int, k)
	for i := range k {
		column[i], group[i] = i, i/size
	}
	switch order {
	case OrderStatic, OrderColumns:
		sort.SliceStable(column, func(a, b int) bool { return diag(column[a]) > diag(column[b]) })
	case OrderGroups:
		var groups [][]int
		for rest := column; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			g := slices.Clone(rest[:min(size, len(rest))])
			sort.SliceStable(g, func(a, b int) bool { return diag(g[a]) > diag(g[b]) })
			groups = append(groups, g)
		}
		sort.SliceStable(groups, func(a, b int) bool { return diag(groups[a][0]) > diag(groups[b][0]) })
		column = slices.Concat(groups...)
	}
	if order == OrderColumns {
		for j, c := range column {
			group[c] = j / size
		}
	}
	return column, group
}

// gridLoss is what a group loses on a grid, each squared error counting by how large its weight is and what its column says.
func gridLoss(x, by []float64, scale, offset float64, levels int) (loss float64) {
	mean := 0.0
	for _, v := range x {
		mean += v * v / float64(len(x))
	}
	for i, v := range x {
		q := math.Min(math.Max(math.RoundToEven((v-offset)/scale), 0), float64(levels-1))
		e := v - (scale*q + offset)
		loss += e * e * math.Sqrt(mean+v*v) * by[i]
	}
	return loss
}

// bestGrid is the least loss of the scales that Nearest promises to try, and their refits.
func bestGrid(n *Nearest, x, by []float64) (best float64) {
	round := func(v float64) float64 {
		one := []float32{float32(v)}
		n.Round(one)
		return float64(one[0])
	}
	best = math.Inf(1)
	var bestScale, bestZero float64
	try := func(scale, zero float64) bool {
		offset := -round(scale) * zero
		if n.Offsets {
			offset = round(offset)
		}
		loss := gridLoss(x, by, round(scale), offset, n.Levels())
		if loss < best {
			best, bestScale, bestZero = loss, round(scale), zero
			return true
		}
		return false
	}
	low, high := math.Min(0, slices.Min(x)), math.Max(0, slices.Max(x))
	top, middle := float64(n.Levels()-1), float64(n.Levels()/2)
	count, each := n.steps()
	if n.Symmetric {
		try(2*math.Max(high, -low)/top, middle)
	}
	for i := range count {
		p := 1 - float64(i)*float64(each)
		if n.Symmetric {
			try(p*2*math.Max(math.Max(high, -low)/top, math.Max(-low/(top+1), high/(top-1))), middle)
		} else {
			scale := (high - low) * p / top
			try(scale, math.Min(math.Max(math.RoundToEven(-low*p/scale), 0), top))
		}
	}
	mean := 0.0
	for _, v := range x {
		mean += v * v / float64(len(x))
	}
	for range 3 {
		offset := -bestScale * bestZero
		if n.Offsets {
			offset = round(offset)
		}
		var qq, qx float64
		for i, v := range x {
			q := math.Min(math.Max(math.RoundToEven((v-offset)/bestScale), 0), top) - bestZero
			w := math.Sqrt(mean+v*v) * by[i]
			qq, qx = qq+w*q*q, qx+w*q*v
		}
		if !try(qx/qq, bestZero) {
			break
		}
	}
	return best
}

// paperRow rounds one row as the paper's algorithm does, on the grids of c, and counts codes that are not next to what they should be, and
// grids that differ from what a search on the group as it then is finds.
func paperRow(c *Codes, row int, w []float32, upper [][]float64, column, group []int, n *Nearest, static bool) (codes, grids int) {
	k, groups := c.Cols, c.Groups(c.Cols)
	now := make([]float64, k) // in order
	for j, at := range column {
		now[j] = float64(w[row*k+at])
	}
	got := make([]float32, k)
	c.Row(got, row)
	search := func(g int) {
		var x, by []float64
		for j, at := range column {
			if group[at] == g {
				x, by = append(x, now[j]), append(by, 1/(upper[j][j]*upper[j][j]))
			}
		}
		i := row*groups + g
		offset := -float64(c.Scale[i]) * float64(c.Levels()/2)
		switch {
		case c.Offset != nil:
			offset = float64(c.Offset[i])
		case c.Zero != nil:
			offset = -float64(c.Scale[i]) * float64(c.Zero[i])
		}
		if got, best := gridLoss(x, by, float64(c.Scale[i]), offset, c.Levels()), bestGrid(n, x, by); got > best*(1+2e-3) {
			grids++
		}
	}
	seen := make([]bool, groups)
	for j, at := range column {
		if g := group[at]; !seen[g] {
			if seen[g] = true; !static {
				search(g)
			} else if j == 0 {
				for g := range groups {
					search(g)
				}
			}
		}
		g := row*groups + group[at]
		best := math.Inf(1)
		for q := range c.Levels() {
			v := float64(c.Scale[g]) * float64(q-c.Levels()/2)
			switch {
			case c.Offset != nil:
				v = float64(c.Scale[g])*float64(q) + float64(c.Offset[g])
			case c.Zero != nil:
				v = float64(c.Scale[g]) * float64(q-int(c.Zero[g]))
			}
			best = min(best, math.Abs(v-now[j]))
		}
		if math.Abs(float64(got[at])-now[j]) > best+1e-3*float64(c.Scale[g]) {
			codes++
		}
		e := (now[j] - float64(got[at])) / upper[j][j]
		for m := j; m < k; m++ {
			now[m] -= e * upper[j][m]
		}
	}
	return codes, grids
}

// Codes before the sweeps are those of the paper's algorithm, written down naively, for every option; sweeps never lose.
func TestGPTQIsThePapers(t *testing.T) {
	const k, rows = 160, 4
	h := gram(rand.New(rand.NewSource(6)), k, 2*k)
	uneven(h, k)
	w := normal(k * rows)
	for order := range OrderColumns + 1 {
		for _, size := range []int{0, 32, 64, 128} {
			column, group := paperOrder(h, k, map[bool]int{true: k, false: size}[size == 0], order)
			damp := map[bool]float64{true: 0.1, false: DefaultDamp}[size == 128]
			upper := paperFactor(h, k, column, damp)
			for _, bits := range []int{2, 3, 4, 8} {
				for _, kind := range []string{"symmetric", "zeros", "offsets"} {
					n := &Nearest{Grid: Grid{bits, size, kind == "symmetric"}, Offsets: kind == "offsets", Round: RoundTo(F16)}
					g, err := NewGPTQ(n, statsOf(h, k), order, damp, 1)
					if err != nil {
						t.Fatal(err)
					}
					var c, swept Codes
					if err := g.Rows(&swept, w); err != nil {
						t.Fatal(err)
					}
					g.f.sweeps = 0
					if err := g.Rows(&c, w); err != nil {
						t.Fatal(err)
					}
					name := fmt.Sprintf("order %d, groups of %d, %d bits, %s", order, size, bits, kind)
					if err := c.Check(); err != nil {
						t.Fatal(name, err)
					}
					for i := range k {
						if c.GroupOf(i) != group[i] {
							t.Fatalf("%s: column %d is of group %d, want %d", name, i, c.GroupOf(i), group[i])
						}
					}
					if before, now := dampedLoss(h, k, damp, w, decodedRows(&c)), dampedLoss(h, k, damp, w, decodedRows(&swept)); now > before*(1+1e-6) {
						t.Errorf("%s: sweeps make the loss %g of %g", name, now, before)
					}
					if !slices.Equal(c.Scale, swept.Scale) {
						t.Errorf("%s: sweeps change scales", name)
					}
					codes, grids := 0, 0
					for i := range rows {
						a, b := paperRow(&c, i, w, upper, column, group, n, order == OrderStatic)
						codes, grids = codes+a, grids+b
					}
					if codes > 0 || grids > 1 {
						t.Errorf("%s: %d of %d codes and %d of %d grids differ", name, codes, k*rows, grids, rows*c.Groups(k))
					}
				}
			}
		}
	}
}

// dampedLoss is what GPTQ minimises: the proxy loss with what is added to the diagonal.
func dampedLoss(h []float64, k int, damp float64, w, got []float32) float64 {
	mean, plain := 0.0, 0.0
	for i := range k {
		mean += h[i*k+i] / float64(k)
	}
	for i, v := range w {
		e := float64(v) - float64(got[i])
		plain += e * e
	}
	return proxy(h, k, w, got) + damp*mean*plain
}

// uneven makes the inputs of some columns larger, so that orders differ.
func uneven(h []float64, k int) {
	by := func(i int) float64 { return 0.3 + float64((i*37)%19)/6 }
	for i := range k {
		for j := range k {
			h[i*k+j] *= by(i) * by(j)
		}
	}
}

// With feedback products change less than without, in every order; rows may be cut anywhere; inputs that are all alike need more damping.
func TestGPTQLosesLess(t *testing.T) {
	const k, rows = 256, 37
	h := gram(rand.New(rand.NewSource(7)), k, 2*k)
	uneven(h, k)
	w, imp := normal(k*rows), make([]float32, k)
	for i := range imp {
		imp[i] = float32(h[i*k+i])
	}
	decoded := func(c *Codes) []float32 {
		out := make([]float32, rows*k)
		for i := range rows {
			c.Row(out[i*k:][:k], i)
		}
		return out
	}
	for _, grid := range []Grid{{2, 64, false}, {3, 0, true}, {4, 32, true}, {8, 128, false}} {
		n := &Nearest{Grid: grid, Round: RoundTo(F16)}
		var c, part Codes
		n.Rows(&c, w, k, imp)
		before := proxy(h, k, w, decoded(&c))
		for order := range OrderColumns + 1 {
			g, err := NewGPTQ(n, statsOf(h, k), order, DefaultDamp, 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Rows(&c, w); err != nil {
				t.Fatal(err)
			}
			now := proxy(h, k, w, decoded(&c))
			t.Logf("%+v, order %d: %.3f of the loss", grid, order, now/before)
			if !(now < 0.85*before) {
				t.Errorf("%+v, order %d: loss %g with feedback, %g without", grid, order, now, before)
			}
			if err := g.Rows(&part, w[5*k:]); err != nil || !slices.Equal(part.Q, c.Q[5*k:]) || !slices.Equal(part.Scale, c.Scale[5*grid.Groups(k):]) {
				t.Errorf("%+v, order %d: rows differ when the matrix is cut (%v)", grid, order, err)
			}
		}
	}
	if _, err := NewGPTQ(&Nearest{Grid: Grid{4, 48, true}}, statsOf(h, k), OrderGroups, DefaultDamp, 1); err == nil {
		t.Error("groups of 48 were taken")
	}
	g, err := NewGPTQ(&Nearest{Grid: Grid{4, 32, true}, Round: RoundTo(F16)}, statsOf(make([]float64, k*k), k), OrderGroups, DefaultDamp, 1)
	if err == nil {
		t.Errorf("inputs that are all zero were taken: %+v", g.Grid)
	}
}
