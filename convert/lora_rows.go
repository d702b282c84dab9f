package convert

import (
	"fmt"
	"math"
	"sync"

	"quern/formats"
	"quern/internal/kernel"
)

// lowRank is a matrix plus the product of two thin ones, made some rows at a time. The product is float32, its sums in the order of the
// rank; what is added to the base is float64, rounded once.
type lowRank struct {
	base        formats.Rows
	rows, cols  int
	rank        int
	scale       float64
	left, right *thin
	magnitude   *formats.Tensor // DoRA; nil without
	perColumn   bool            // magnitudes are of columns: outputs lie in them

	mu      sync.Mutex
	lengths []float64 // of columns, once they are known
	pending int       // rows that have not been asked for since the thin matrices were read
	held    *thinPair
}

// A thin matrix is one factor: [rows, rank] on the left and [rank, columns] on the right, as it is stored or turned.
type thin struct {
	t      *formats.Tensor
	turned bool
}

type thinPair struct {
	left, right []float32 // the rows of the second have room for whole panels
	magnitude   []float32
}

// wide is the length of a row of products: whole panels of the kernel.
func (r *lowRank) wide() int { return (r.cols + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

// values reads a whole thin matrix, turned where it has to be.
func (t *thin) values() ([]float32, error) {
	n, k := t.t.NumRows(), t.t.Cols()
	v := make([]float32, n*k)
	if err := t.t.Rows.ReadRows(v, 0); err != nil {
		return nil, err
	}
	if !t.turned {
		return v, nil
	}
	out := make([]float32, n*k)
	for i := range n {
		for j := range k {
			out[j*n+i] = v[i*k+j]
		}
	}
	return out, nil
}

// pair is the thin matrices in memory; they are let go when every row was asked for.
func (r *lowRank) pair(rows int) (*thinPair, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.held
	if p == nil {
		p = &thinPair{}
		var err error
		if p.left, err = r.left.values(); err != nil {
			return nil, err
		}
		if p.right, err = r.right.values(); err != nil {
			return nil, err
		}
		if wide := r.wide(); wide > r.cols {
			padded := make([]float32, r.rank*wide)
			for k := range r.rank {
				copy(padded[k*wide:], p.right[k*r.cols:(k+1)*r.cols])
			}
			p.right = padded
		}
		if r.magnitude != nil {
			p.magnitude = make([]float32, r.magnitude.Elems())
			whole := *r.magnitude
			for i := range whole.NumRows() {
				if err := whole.Rows.ReadRows(p.magnitude[i*whole.Cols():(i+1)*whole.Cols()], i); err != nil {
					return nil, err
				}
			}
		}
		if r.perColumn && r.lengths == nil && r.magnitude != nil {
			if err := r.measure(p); err != nil {
				return nil, err
			}
		}
		r.held, r.pending = p, r.rows
	}
	if r.pending -= rows; r.pending <= 0 {
		r.held = nil
	}
	return p, nil
}

func (r *lowRank) ReadRows(dst []float32, row int) error {
	n := len(dst) / r.cols
	p, err := r.pair(n)
	if err != nil {
		return err
	}
	if err := r.base.ReadRows(dst, row); err != nil {
		return err
	}
	sum, delta := make([]float64, r.cols), []float32(nil)
	for i := range n {
		if i%productRows == 0 {
			delta = r.product(delta, p, row+i, min(productRows, n-i))
		}
		w := dst[i*r.cols : (i+1)*r.cols]
		r.add(sum, w, delta[i%productRows*r.wide():])
		if p.magnitude != nil {
			if err := r.resize(sum, p, row+i); err != nil {
				return err
			}
		}
		for j, x := range sum {
			w[j] = float32(x)
		}
	}
	return nil
}

const productRows = 16 // that are multiplied at a time

// product is rows of the product of the thin matrices.
func (r *lowRank) product(dst []float32, p *thinPair, row, n int) []float32 {
	wide := r.wide()
	if dst == nil {
		dst = make([]float32, productRows*wide)
	}
	for j := 0; j < wide; j += kernel.Lanes {
		kernel.MatMulF32(dst[j:], wide, p.left[row*r.rank:], r.rank, p.right[j:], wide, n, r.rank, false)
	}
	return dst
}

// add is a row of the base plus its change.
func (r *lowRank) add(sum []float64, w, delta []float32) {
	for j := range sum {
		sum[j] = float64(w[j]) + float64(r.scale*float64(delta[j]))
	}
}

// resize gives an output's weights the length that was trained.
func (r *lowRank) resize(sum []float64, p *thinPair, row int) error {
	if r.perColumn {
		for j := range sum {
			sum[j] *= float64(p.magnitude[j]) / r.lengths[j]
		}
		return nil
	}
	length := 0.0
	for _, x := range sum {
		length += float64(x * x)
	}
	if length == 0 {
		return fmt.Errorf("row %d is all zero, and cannot be given a length", row)
	}
	factor := float64(p.magnitude[row]) / math.Sqrt(length)
	for j := range sum {
		sum[j] = float64(sum[j] * factor)
	}
	return nil
}

// measure goes through the whole matrix for the lengths of its columns.
func (r *lowRank) measure(p *thinPair) error {
	lengths, sum, w, delta := make([]float64, r.cols), make([]float64, r.cols), make([]float32, r.cols), []float32(nil)
	for row := range r.rows {
		if row%productRows == 0 {
			delta = r.product(delta, p, row, min(productRows, r.rows-row))
		}
		if err := r.base.ReadRows(w, row); err != nil {
			return err
		}
		r.add(sum, w, delta[row%productRows*r.wide():])
		for j, x := range sum {
			lengths[j] += float64(x * x)
		}
	}
	for j := range lengths {
		if lengths[j] = math.Sqrt(lengths[j]); lengths[j] == 0 {
			return fmt.Errorf("column %d is all zero, and cannot be given a length", j)
		}
	}
	r.lengths = lengths
	return nil
}

// replaced is a matrix of which some rows were trained.
type replaced struct {
	base formats.Rows
	by   formats.Rows
	cols int
	at   map[int]int // row of the matrix: row of by
}

func (r *replaced) ReadRows(dst []float32, row int) error {
	if err := r.base.ReadRows(dst, row); err != nil {
		return err
	}
	for i := range len(dst) / r.cols {
		if k, ok := r.at[row+i]; ok {
			if err := r.by.ReadRows(dst[i*r.cols:(i+1)*r.cols], k); err != nil {
				return err
			}
		}
	}
	return nil
}
