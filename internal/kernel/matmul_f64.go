package kernel

import "math"

// LanesF64 is the number of outputs in a panel of SubF64.
const LanesF64 = 8

var subF64 = portable(subF64Portable)

// SubF64 takes the products of m rows of x with a panel of eight outputs off dst: dst[i*ldd+j] -= Σ_p x[i*ldx+p]*panel[p*LanesF64+j], a fused
// multiply-add for each p, ascending.
func SubF64(dst []float64, ldd int, x []float64, ldx int, panel []float64, m, k int) {
	if m == 0 || k == 0 {
		return
	}
	_, _, _ = dst[(m-1)*ldd+LanesF64-1], x[(m-1)*ldx+k-1], panel[k*LanesF64-1]
	subF64.best(dst, ldd, x, ldx, panel, m, k)
}

func subF64Portable(dst []float64, ldd int, x []float64, ldx int, panel []float64, m, k int) {
	for i := range m {
		out := dst[i*ldd:][:LanesF64]
		for p, v := range x[i*ldx:][:k] {
			for j, w := range panel[p*LanesF64:][:LanesF64] {
				out[j] = math.FMA(-v, w, out[j])
			}
		}
	}
}
