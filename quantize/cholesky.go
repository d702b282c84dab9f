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
	panels, corner := make([]float64, (k+kernel.LanesF64)*choleskyBlock), make([]float64, choleskyBlock*choleskyBlock)
	for j := 0; j < k; j += choleskyBlock {
		n := min(choleskyBlock, k-j)
		if err := choleskyCorner(a[j*k+j:], k, n); err != nil {
			return err
		}
		cornerPanels(corner, a[j*k+j:], k, n)
		share(k-j-n, threads, func(from, to int) {
			solveRows(a[(j+n+from)*k+j:], a[j*k+j:], corner, k, n, to-from)
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
		solveRows(row, a, nil, k, i, 1)
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

// cornerPanels makes panels of eight rows of the lower triangle l, each with the columns before them.
func cornerPanels(panels, l []float64, k, n int) {
	const lanes = kernel.LanesF64
	for c := lanes; c+lanes <= n; c += lanes {
		for q := range lanes {
			for m, v := range l[(c+q)*k:][:c] {
				panels[c*choleskyBlock+m*lanes+q] = v
			}
		}
	}
}

// solveRows divides rows of n numbers by the lower triangle l. What columns take from later ones than their run of eight goes by panels, if there are any.
func solveRows(a, l, panels []float64, k, n, rows int) {
	const lanes = kernel.LanesF64
	for c := 0; c < n; c += lanes {
		to, first := min(c+lanes, n), 0
		if panels != nil && c+lanes <= n {
			first = c
			kernel.SubF64(a[c:], k, a, k, panels[c*choleskyBlock:][:c*lanes], rows, c)
		}
		solveColumns(a, l, k, first, c, to, rows)
	}
}

// solveColumns does it for some columns, from which those before the first were taken, four rows at a time: one would wait for its own sums.
func solveColumns(a, l []float64, k, first, c, to, rows int) {
	for ; rows >= 4; rows -= 4 {
		r0, r1, r2, r3 := a[:to], a[k:][:to], a[2*k:][:to], a[3*k:][:to]
		for j := c; j < to; j++ {
			by := l[j*k:][:j+1]
			s0, s1, s2, s3 := r0[j], r1[j], r2[j], r3[j]
			for m := first; m < j; m++ {
				v := by[m]
				s0, s1, s2, s3 = math.FMA(-r0[m], v, s0), math.FMA(-r1[m], v, s1), math.FMA(-r2[m], v, s2), math.FMA(-r3[m], v, s3)
			}
			r0[j], r1[j], r2[j], r3[j] = s0/by[j], s1/by[j], s2/by[j], s3/by[j]
		}
		if rows > 4 {
			a = a[4*k:]
		}
	}
	for i := range rows {
		row := a[i*k:][:to]
		for j := c; j < to; j++ {
			s, by := row[j], l[j*k:][:j+1]
			for m := first; m < j; m++ {
				s = math.FMA(-row[m], by[m], s)
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
