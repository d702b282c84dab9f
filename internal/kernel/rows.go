package kernel

// A mulF32 multiplies up to a fixed number of rows by a fixed number of the panel's outputs. Strides are in bytes; acc is 0 or 1.
type mulF32 func(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

// rowsOf makes a body of MatMulF32 from an assembly function for rows × lanes outputs.
func rowsOf(mul mulF32, rows, lanes int) func(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
	return func(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
		if k == 0 {
			matMulF32Portable(dst, ldd, x, ldx, panel, ldp, m, k, acc)
			return
		}
		more := uintptr(0)
		if acc {
			more = 1
		}
		for i := 0; i < m; i += rows {
			for j := 0; j < Lanes; j += lanes {
				mul(&dst[i*ldd+j], uintptr(4*ldd), &x[i*ldx], uintptr(4*ldx), &panel[j], uintptr(4*ldp), uintptr(min(rows, m-i)), uintptr(k), more)
			}
		}
	}
}
