package kernel

// Lanes is the number of outputs in a panel of the float product.
const Lanes = 32

// PackF32 interleaves n ≤ Lanes rows of k weights: panel[p*Lanes+j] = w[j*k+p], zero where there is no row.
func PackF32(panel, w []float32, n, k int) {
	panel = panel[:k*Lanes]
	if n < Lanes {
		clear(panel)
	}
	if k == 0 {
		return
	}
	j := 0
	for ; j+8 <= n; j += 8 {
		pack8.best(panel[j:], w[j*k:(j+8)*k], k)
	}
	for ; j < n; j++ {
		packRow(panel, j, w[j*k:(j+1)*k])
	}
}

// packRow spreads a row over one column of a panel.
func packRow(panel []float32, column int, row []float32) {
	for p, v := range row {
		panel[p*Lanes+column] = v
	}
}

var pack8 = portable(pack8Portable)

// pack8Portable spreads 8 rows of k weights over the first 8 columns of a panel; k > 0.
func pack8Portable(panel, w []float32, k int) {
	for j := range 8 {
		packRow(panel, j, w[j*k:(j+1)*k])
	}
}

var matMulF32 = portable(matMulF32Portable)

// MatMulF32 multiplies m rows of x by a panel of 32 outputs: dst[i*ldd+j] = Σ_p x[i*ldx+p]*panel[p*ldp+j] for j < Lanes, fused
// multiply-add, p ascending, beginning with dst if acc, else with zero. Vector lanes run across outputs, so that every body
// adds in the same order.
func MatMulF32(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
	if m == 0 {
		return
	}
	_ = dst[(m-1)*ldd+Lanes-1]
	if k > 0 {
		_, _ = x[(m-1)*ldx+k-1], panel[(k-1)*ldp+Lanes-1]
	}
	matMulF32.best(dst, ldd, x, ldx, panel, ldp, m, k, acc)
}

func matMulF32Portable(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
	for i := range m {
		out := dst[i*ldd:][:Lanes]
		if !acc {
			clear(out)
		}
		for p, v := range x[i*ldx:][:k] {
			for j, w := range panel[p*ldp:][:Lanes] {
				out[j] = fma(v, w, out[j])
			}
		}
	}
}
