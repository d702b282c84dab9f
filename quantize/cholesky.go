package quantize

import (
	"errors"
	"math"
	"sync"

	"quern/internal/kernel"
)

// errIndefinite says that a matrix has no Cholesky factor.
var errIndefinite = errors.New("the matrix is not positive definite")

// choleskyBlock is the width of the blocks of columns of a factor.
const choleskyBlock = 64

// cholesky puts the lower factor of a symmetric matrix [k][k], of which only the lower triangle is read, in its place. Every element is a
// float64 sum in ascending order of columns, so that neither blocks nor threads change a bit.
func cholesky(a []float64, k, threads int) error {
	panels := make([]float64, (k+kernel.LanesF64)*choleskyBlock)
	for j := 0; j < k; j += choleskyBlock {
		n := min(choleskyBlock, k-j)
		if err := choleskyCorner(a[j*k+j:], k, n); err != nil {
			return err
		}
		share(k-j-n, threads, func(from, to int) {
			solveRows(a[(j+n+from)*k+j:], a[j*k+j:], k, n, to-from)
		})
		share(k-j-n, threads, func(from, to int) {
			for c := from; c < to; c += kernel.LanesF64 {
				subtractPanel(a, panels[c*n:], k, j, n, j+n+c)
			}
		})
	}
	return nil
}

// share gives n rows to threads, runs of eight in turn.
func share(n, threads int, do func(from, to int)) {
	if n == 0 {
		return
	}
	if threads <= 1 || n < 4*choleskyBlock {
		do(0, n)
		return
	}
	var all sync.WaitGroup
	for i := range threads {
		all.Go(func() {
			for from := i * kernel.LanesF64; from < n; from += threads * kernel.LanesF64 {
				do(from, min(from+kernel.LanesF64, n))
			}
		})
	}
	all.Wait()
}

func choleskyCorner(a []float64, k, n int) error {
	for i := range n {
		row := a[i*k:]
		solveRows(row, a, k, i, 1)
		d := row[i]
		for _, v := range row[:i] {
			d = math.FMA(-v, v, d)
		}
		if !(d > 0) || math.IsInf(d, 1) {
			return errIndefinite
		}
		row[i] = math.Sqrt(d)
	}
	return nil
}

// solveRows divides rows of n numbers by the lower triangle l, four at a time: one would wait for its own sums.
func solveRows(a, l []float64, k, n, rows int) {
	for ; rows >= 4; rows -= 4 {
		r0, r1, r2, r3 := a[:n], a[k:][:n], a[2*k:][:n], a[3*k:][:n]
		for j := range n {
			by := l[j*k:][:j+1]
			s0, s1, s2, s3 := r0[j], r1[j], r2[j], r3[j]
			for m, v := range by[:j] {
				s0, s1, s2, s3 = math.FMA(-r0[m], v, s0), math.FMA(-r1[m], v, s1), math.FMA(-r2[m], v, s2), math.FMA(-r3[m], v, s3)
			}
			r0[j], r1[j], r2[j], r3[j] = s0/by[j], s1/by[j], s2/by[j], s3/by[j]
		}
		if rows > 4 {
			a = a[4*k:]
		}
	}
	for i := range rows {
		row := a[i*k:][:n]
		for j := range row {
			s, by := row[j], l[j*k:][:j+1]
			for m, v := range row[:j] {
				s = math.FMA(-v, by[m], s)
			}
			row[j] = s / by[j]
		}
	}
}

// subtractPanel takes the products of n columns, from column j on, off the columns from c on, up to eight, of the rows that do not come before them.
// What lies above the diagonal is never read otherwise, and may be anything.
func subtractPanel(a, panel []float64, k, j, n, c int) {
	const lanes = kernel.LanesF64
	cols := min(lanes, k-c)
	if cols < lanes {
		for i := c; i < k; i++ {
			for q := range cols {
				s, by := a[i*k+c+q], a[(c+q)*k+j:][:n]
				for m, v := range a[i*k+j:][:n] {
					s = math.FMA(-v, by[m], s)
				}
				a[i*k+c+q] = s
			}
		}
		return
	}
	for q := range lanes {
		for m, v := range a[(c+q)*k+j:][:n] {
			panel[m*lanes+q] = v
		}
	}
	kernel.SubF64(a[c*k+c:], k, a[c*k+j:], k, panel[:n*lanes], k-c, n)
}
