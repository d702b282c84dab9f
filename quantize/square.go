package quantize

import "quern/internal/kernel"

// A square is a matrix [k][k] in panels of kernel.Lanes columns, as products read them: what stands below one another in a panel is near in memory.
type square struct {
	k int
	x []float32 // [panels][k][Lanes]
}

func newSquare(k int) square {
	return square{k, make([]float32, (k+kernel.Lanes-1)/kernel.Lanes*k*kernel.Lanes)}
}

// from is what follows row i, column j, in its panel; the row below begins kernel.Lanes later.
func (s *square) from(i, j int) []float32 {
	return s.x[(j/kernel.Lanes*s.k+i)*kernel.Lanes+j%kernel.Lanes:]
}

func (s *square) at(i, j int) float32     { return s.from(i, j)[0] }
func (s *square) set(i, j int, v float32) { s.from(i, j)[0] = v }

// multiply is kernel.MatMulF32 of m rows of x with n rows of the panel that begins in column c, from row i on.
func (s *square) multiply(dst []float32, ldd int, x []float32, ldx, i, c, m, n int, acc bool) {
	kernel.MatMulF32(dst, ldd, x, ldx, s.from(i, c), kernel.Lanes, m, n, acc)
}
