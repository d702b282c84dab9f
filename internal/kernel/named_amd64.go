//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func namedFitAVX2(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)

//go:noescape
func namedFitAVX512(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)

//go:noescape
func namedCodesAVX2(dst *uint8, x *float32, inverse *float64, groups uintptr, n *Named)

func init() {
	namedFit.add("avx2", cpu.Has("avx2"), namedFitOf(namedFitAVX2))
	namedFit.add("avx512", cpu.Has("avx512"), namedFitOf(namedFitAVX512))
	namedCodes.add("avx2", cpu.Has("avx2"), func(dst []uint8, x []float32, inverse []float64, n *Named) {
		namedCodesAVX2(&dst[0], &x[0], &inverse[0], uintptr(len(inverse)), n)
	})
}

func namedFitOf(f func(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)) namedFitBody {
	return func(lx, l2, x, w, inverse []float32, n *Named) {
		groups := len(x) / namedGroup
		f(&lx[0], &l2[0], &x[0], &w[0], &inverse[0], uintptr(groups), uintptr(len(inverse)/groups), n)
	}
}
