package quantize

import (
	"errors"
	"math"
	"sync"
)

// errIndefinite says that a matrix has no Cholesky factor.
var errIndefinite = errors.New("the matrix is not positive definite")

// choleskyBlock is the width of the blocks of columns of a factor.
const choleskyBlock = 64

// cholesky puts the lower factor of a symmetric matrix [k][k], of which only the lower triangle is read, in its place. Every element is a
// float64 sum in ascending order of columns, so that neither blocks nor threads change a bit.
func cholesky(a []float64, k, threads int) error {
	for j := 0; j < k; j += choleskyBlock {
		n := min(choleskyBlock, k-j)
		if err := choleskyCorner(a[j*k+j:], k, n); err != nil {
			return err
		}
		below(k-j-n, threads, func(from, to int) {
			for i := j + n + from; i < j+n+to; i++ {
				solveRow(a[i*k+j:][:n], a[j*k+j:], k)
			}
		})
		below(k-j-n, threads, func(from, to int) {
			subtractProducts(a, k, j, n, j+n+from, j+n+to)
		})
	}
	return nil
}

// below shares n rows among threads in pieces of like work, later rows being longer.
func below(n, threads int, do func(from, to int)) {
	if threads <= 1 || n < 4*choleskyBlock {
		do(0, n)
		return
	}
	var all sync.WaitGroup
	edge := func(i int) int { return int(math.Sqrt(float64(i)/float64(threads))*float64(n)) &^ 3 }
	for i := range threads {
		from, to := edge(i), edge(i+1)
		if i == threads-1 {
			to = n
		}
		all.Go(func() { do(from, to) })
	}
	all.Wait()
}

func choleskyCorner(a []float64, k, n int) error {
	for i := range n {
		row := a[i*k:]
		solveRow(row[:i], a, k)
		d := row[i]
		for _, v := range row[:i] {
			d -= float64(v * v)
		}
		if !(d > 0) || math.IsInf(d, 1) {
			return errIndefinite
		}
		row[i] = math.Sqrt(d)
	}
	return nil
}

// solveRow divides a row by the lower triangle l.
func solveRow(row, l []float64, k int) {
	for j := range row {
		s, by := row[j], l[j*k:][:j+1]
		for m, v := range row[:j] {
			s -= float64(v * by[m])
		}
		row[j] = s / by[j]
	}
}

// subtractProducts takes the products of n columns, from column j on, off rows from…to-1, four rows and four columns at a time.
func subtractProducts(a []float64, k, j, n, from, to int) {
	for i := from; i < to; i += 4 {
		for c := j + n; c < min(i+4, to); c += 4 {
			subtractTile(a, k, j, n, i, c, min(4, to-i))
		}
	}
}

// subtractTile is up to four rows from i on and four columns from c on. What lies above the diagonal is never read, and may be anything.
func subtractTile(a []float64, k, j, n, i, c, rows int) {
	cols := min(4, k-c)
	if rows < 4 || cols < 4 {
		for r := range rows {
			for q := range cols {
				s := a[(i+r)*k+c+q]
				for m := range n {
					s -= float64(a[(i+r)*k+j+m] * a[(c+q)*k+j+m])
				}
				a[(i+r)*k+c+q] = s
			}
		}
		return
	}
	b0, b1, b2, b3 := a[c*k+j:][:n], a[(c+1)*k+j:][:n], a[(c+2)*k+j:][:n], a[(c+3)*k+j:][:n]
	for r := range 4 {
		x, out := a[(i+r)*k+j:][:n], a[(i+r)*k+c:][:4]
		s0, s1, s2, s3 := out[0], out[1], out[2], out[3]
		for m, v := range x {
			s0 -= float64(v * b0[m])
			s1 -= float64(v * b1[m])
			s2 -= float64(v * b2[m])
			s3 -= float64(v * b3[m])
		}
		out[0], out[1], out[2], out[3] = s0, s1, s2, s3
	}
}
