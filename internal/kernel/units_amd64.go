//go:build !purego

package kernel

import (
	"math"

	"quern/internal/cpu"
)

//go:noescape
func topsAVX2(top, heavy *float32, sum, most *float64, x, w *float32, groups, n uintptr)

//go:noescape
func unitsAVX2(unit, heft, x, w, factor, lighter *float32, groups, n uintptr)

//go:noescape
func unitsPlainAVX2(unit, heft, x, w, factor, lighter *float32, groups, n uintptr)

//go:noescape
func evenSignsAVX2(sign *uint8, unit, x, w *float32, eights uintptr)

//go:noescape
func signsAVX2(sign *uint8, x *float32, eights uintptr)

//go:noescape
func tameAVX2(dst, src *float32, n uintptr, most float32)

//go:noescape
func weighAVX2(w, x, importance *float32, n uintptr, h *Heft, part float32) (sum float32)

func init() {
	has := cpu.Has("avx2")
	tops.add("avx2", has, func(top, heavy []float32, sum, most []float64, x, w []float32, n int) {
		topsAVX2(&top[0], &heavy[0], &sum[0], &most[0], &x[0], &w[0], uintptr(len(top)), uintptr(n))
	})
	units.add("avx2", has, func(unit, heft, x, w, factor, lighter []float32, n int, plain bool) {
		f := unitsAVX2
		if plain {
			f = unitsPlainAVX2
		}
		f(&unit[0], &heft[0], &x[0], &w[0], &factor[0], &lighter[0], uintptr(len(factor)), uintptr(n))
	})
	evenSigns.add("avx2", has, func(sign []uint8, unit, x, w []float32) {
		evenSignsAVX2(&sign[0], &unit[0], &x[0], &w[0], uintptr(len(sign)))
	})
	signs.add("avx2", has, func(sign []uint8, x []float32) { signsAVX2(&sign[0], &x[0], uintptr(len(sign))) })
	tame.add("avx2", has, func(dst, src []float32, most float32) { tameAVX2(&dst[0], &src[0], uintptr(len(src)), most) })
	weigh.add("avx2", has, func(w, x, importance []float32, h *Heft) bool {
		sum := weighAVX2(&w[0], &x[0], &importance[0], uintptr(len(x)), h, 1/float32(len(x)))
		return sum > 0 && sum <= math.MaxFloat32
	})
}
