//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func scanAVX2(y, s, x, b, c *float32, n, wide, stride uintptr, decay float32)

//go:noescape
func scanRowsAVX2(y, s, x, b, c, decay *float32, n, wide, stride uintptr)

//go:noescape
func scanEachAVX2(y, s, x, b, c, decay *float32, n, wide, stride uintptr)

//go:noescape
func addMulAVX2(y, x, w *float32, n uintptr)

func init() {
	has := cpu.Has("avx2")
	scan.add("avx2", has, func(y, s, x, b, c []float32, decay float32) {
		n := len(x) &^ 7
		if len(b) == 0 {
			n = 0
		}
		if n > 0 {
			scanAVX2(&y[0], &s[0], &x[0], &b[0], &c[0], uintptr(len(b)), uintptr(n), uintptr(4*len(x)), decay)
		}
		scanFrom(n, y, s, x, b, c, decay)
	})
	scanRows.add("avx2", has, decaying(scanRowsAVX2, scanRowsFrom))
	scanEach.add("avx2", has, decaying(scanEachAVX2, scanEachFrom))
	addMul.add("avx2", has, func(y, x, w []float32) {
		n := len(y) &^ 7
		if n > 0 {
			addMulAVX2(&y[0], &x[0], &w[0], uintptr(n))
		}
		addMulPortable(y[n:], x[n:], w[n:])
	})
}

// decaying is a step whose decays are several, the last columns of which are left to the portable body.
func decaying(most func(y, s, x, b, c, decay *float32, n, wide, stride uintptr), rest func(from int, y, s, x, b, c, decay []float32)) func(y, s, x, b, c, decay []float32) {
	return func(y, s, x, b, c, decay []float32) {
		n := len(x) &^ 7
		if len(b) == 0 {
			n = 0
		}
		if n > 0 {
			most(&y[0], &s[0], &x[0], &b[0], &c[0], &decay[0], uintptr(len(b)), uintptr(n), uintptr(4*len(x)))
		}
		rest(n, y, s, x, b, c, decay)
	}
}
