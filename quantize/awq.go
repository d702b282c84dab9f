package quantize

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"quern/internal/kernel"
)

// AWQ searches what the columns of matrices that share an input are multiplied by before they are rounded, and that input divided by (arXiv 2306.00978):
// weights that meet large inputs take up more of their group's steps. The candidates are powers of the inputs' size, some of them over powers of the
// weights'; the one that changes the products with the inputs least, by the Gram matrices, is taken, each matrix compared with its own loss
// without any.
type AWQ struct {
	Near  func() *Nearest // how weights are rounded in the search, for each worker
	Share []int           // [k]: the factor of each column, where columns share some; nil: each has its own
}

// A Consumer is a matrix of an AWQ group: some of its rows, and what is known of its inputs.
type Consumer struct {
	W     []float32 // [rows][k]
	Stats *Stats
}

// A Scaling is what a search found.
type Scaling struct {
	Factor []float32 // of each column, or of each that Share speaks of
	Power  int       // of the inputs' size, in sixteenths; 0: nothing is worth having factors
	Duo    bool      // over the weights' size to what is missing to sixteen sixteenths
	Loss   float64   // as a part of what it is without
}

const (
	awqSteps = 16   // of the search of powers
	awqLeast = 1e-4 // what sizes are at least, as parts of their mean
	awqWorth = 0.95 // of the loss is what factors must leave less than: of two dozen candidates one is that good by chance, and other texts gain nothing from it
	awqPart  = 4    // one row of so many is in the first round, of all candidates
	awqFew   = 32   // rows are in it at least, if there are as many
	awqStay  = 6    // candidates are in the second round, of all rows
)

// Search finds the factors of matrices of k columns.
func (a *AWQ) Search(k int, all []Consumer, threads int) (*Scaling, error) {
	if k%kernel.Lanes != 0 || len(all) == 0 {
		return nil, fmt.Errorf("%d matrices of %d columns", len(all), k)
	}
	for _, c := range all {
		if len(c.Stats.Gram) != k*k || len(c.W)%k != 0 || len(c.W) == 0 {
			return nil, errors.New("no products of inputs were added up")
		}
		if err := notFinite(c.W, k); err != nil {
			return nil, err
		}
	}
	x, w := a.sizes(k, all)
	none := &Scaling{Factor: make([]float32, len(x)), Loss: 1}
	for i := range none.Factor {
		none.Factor[i] = 1
	}
	list := []*Scaling{none}
	for p := 1; p <= awqSteps; p++ {
		if p%2 == 0 {
			list = append(list, a.candidate(x, w, p, false))
		}
		if p < awqSteps {
			list = append(list, a.candidate(x, w, p, true))
		}
	}
	grams := map[*Stats][]float32{}
	for _, c := range all {
		if grams[c.Stats] == nil {
			grams[c.Stats] = products(c.Stats)
		}
	}
	if part, fewer := someOf(all, k); fewer {
		a.rate(k, list, part, grams, threads)
		slices.SortStableFunc(list[1:], func(s, t *Scaling) int { return cmp.Compare(s.Loss, t.Loss) })
		list = list[:1+awqStay]
	}
	a.rate(k, list, all, grams, threads)
	best := none
	for _, s := range list[1:] {
		if s.Loss < min(best.Loss, awqWorth) {
			best = s
		}
	}
	return best, nil
}

// someOf are some rows of each matrix, if these are fewer.
func someOf(all []Consumer, k int) (part []Consumer, fewer bool) {
	for _, c := range all {
		rows := len(c.W) / k
		n := min(rows, max(awqFew, rows/awqPart))
		some := make([]float32, 0, n*k)
		for i := range n {
			some = append(some, c.W[i*rows/n*k:][:k]...)
		}
		part, fewer = append(part, Consumer{some, c.Stats}), fewer || n < rows
	}
	return part, fewer
}

// rate says what every candidate leaves of the loss of the first one, which has no factors.
func (a *AWQ) rate(k int, list []*Scaling, all []Consumer, grams map[*Stats][]float32, threads int) {
	losses := make([][]float64, len(list))
	next := make(chan int, len(list))
	for i := range list {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range max(1, threads) {
		workers.Go(func() {
			n := a.Near()
			for i := range next {
				factor := a.columns(list[i].Factor, k)
				for _, c := range all {
					losses[i] = append(losses[i], factorLoss(n, c.W, grams[c.Stats], k, factor))
				}
			}
		})
	}
	workers.Wait()
	for i, s := range list {
		s.Loss = 0
		for m, l := range losses[i] {
			if base := losses[0][m]; base > 0 {
				s.Loss += l / base / float64(len(all))
			}
		}
	}
	list[0].Loss = 1
}

// sizes are the root mean squares of inputs, and how large weights are in their groups, for each factor.
func (a *AWQ) sizes(k int, all []Consumer) (x, w []float64) {
	factors := k
	if a.Share != nil {
		factors = 0
		for _, f := range a.Share {
			factors = max(factors, f+1)
		}
	}
	x, w = make([]float64, factors), make([]float64, factors)
	group := a.Near().Group
	if group <= 0 {
		group = k
	}
	for _, c := range all {
		total := 0.0
		for _, d := range c.Stats.Diag {
			total += d
		}
		for j, d := range c.Stats.Diag {
			if total > 0 {
				x[a.factorOf(j)] += d / total
			}
		}
		for row := c.W; len(row) > 0; row = row[k:] {
			for from := 0; from < k; from += group {
				part := row[from:min(from+group, k)]
				top := float32(0)
				for _, v := range part {
					top = max(top, v, -v)
				}
				for j, v := range part {
					if top > 0 {
						w[a.factorOf(from+j)] += math.Abs(float64(v/top)) / float64(len(c.W)/k)
					}
				}
			}
		}
	}
	for i := range x {
		x[i] = math.Sqrt(x[i])
	}
	return atLeast(x), atLeast(w)
}

// atLeast divides by the mean and takes away zeros.
func atLeast(x []float64) []float64 {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i, v := range x {
		if x[i] = 1; mean > 0 {
			x[i] = max(v/mean, awqLeast)
		}
	}
	return x
}

func (a *AWQ) factorOf(column int) int {
	if a.Share == nil {
		return column
	}
	return a.Share[column]
}

// candidate is x to a power, over w to the rest of one, around 1.
func (a *AWQ) candidate(x, w []float64, p int, duo bool) *Scaling {
	s := &Scaling{Factor: make([]float32, len(x)), Power: p, Duo: duo}
	f := make([]float64, len(x))
	low, high := math.Inf(1), 0.0
	for i := range f {
		if f[i] = sixteenths(x[i], p); duo {
			f[i] /= sixteenths(w[i], awqSteps-p)
		}
		f[i] = max(f[i], awqLeast)
		low, high = min(low, f[i]), max(high, f[i])
	}
	middle := math.Sqrt(low) * math.Sqrt(high)
	for i, v := range f {
		s.Factor[i] = float32(v / middle)
	}
	return s
}

// sixteenths is x to the power p/16, by square roots, which are the same on every machine.
func sixteenths(x float64, p int) float64 {
	y := 1.0
	for bit := awqSteps; bit > 0; bit /= 2 {
		if p&bit != 0 {
			y *= x
		}
		x = math.Sqrt(x)
	}
	return y
}

// columns are the factors of all columns.
func (a *AWQ) columns(factor []float32, k int) []float32 {
	f := make([]float32, k)
	for j := range f {
		f[j] = factor[a.factorOf(j)]
	}
	return f
}

// products is a Gram matrix as quadratic takes it, each input's mean square being about one: panels of columns, each down to the end of its block on the
// diagonal. What stands above that block is doubled, for what stands left of it is the same.
func products(s *Stats) []float32 {
	k, mean := len(s.Diag), 0.0
	for _, d := range s.Diag {
		mean += d / float64(k)
	}
	if !(mean > 0) {
		mean = math.Inf(1)
	}
	var h []float32
	for from := 0; from < k; from += kernel.Lanes {
		for i := range from + kernel.Lanes {
			for j := from; j < from+kernel.Lanes; j++ {
				v := float32(s.Gram[max(i, j)*k+min(i, j)] / mean)
				if i < from {
					v *= 2
				}
				h = append(h, v)
			}
		}
	}
	return h
}

// factorLoss is what rounding does to products: (w−q)·H·(w−q)ᵀ, of all rows.
func factorLoss(n *Nearest, w, h []float32, k int, factor []float32) float64 {
	scaled, left := make([]float32, len(w)), make([]float32, len(w))
	for i := 0; i < len(w); i += k {
		row := w[i:][:k]
		for j, f := range factor {
			scaled[i+j] = row[j] * f
		}
	}
	var c Codes
	n.Rows(&c, scaled, k, nil)
	row := make([]float32, k)
	for i := range c.Rows {
		c.Row(row, i)
		e, was := left[i*k:][:k], w[i*k:][:k]
		for j, q := range row {
			e[j] = was[j] - float32(q/factor[j])
		}
	}
	return quadratic(left, h, scaled, c.Rows, k)
}

// quadratic is the sum of e·H·eᵀ of rows; room is overwritten.
func quadratic(e, h, room []float32, rows, k int) (sum float64) {
	for from := 0; from < k; from += kernel.Lanes {
		deep := from + kernel.Lanes
		kernel.MatMulF32(room[from:], k, e, k, h, kernel.Lanes, rows, deep, false)
		h = h[deep*kernel.Lanes:]
	}
	for i, v := range e {
		sum += float64(float64(v) * float64(room[i]))
	}
	return sum
}
