package kernel

// Lanes is the number of outputs in a panel of the float product.
const Lanes = 32

// PackF32 interleaves n ≤ Lanes rows of k weights: panel[p*Lanes+j] = w[j*k+p], zero where there is no row.
func PackF32(panel, w []float32, n, k int) {
	panel = panel[:k*Lanes]
	if n < Lanes {
		clear(panel)
	}
	for j := range n {
		for p, v := range w[j*k : (j+1)*k] {
			panel[p*Lanes+j] = v
		}
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
