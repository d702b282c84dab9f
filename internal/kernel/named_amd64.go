//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func namedFitAVX2(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)

//go:noescape
func namedFitAVX512(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)

//go:noescape
func namedCodesAVX2(dst *uint8, x *float32, inverse *float64, groups uintptr, n *Named)

//go:noescape
func namedTakeAVX2(word *int16, part, x, w *float32, groups uintptr)

//go:noescape
func namedSweepAVX2(lx, l2 *float32, word, inverse *int16, groups, per, stride uintptr, n *Named)

//go:noescape
func namedMostAVX2(found *uint32, lx, l2, all *float32, groups, first, rest uintptr)

func init() {
	namedFit.add("avx2", cpu.Has("avx2"), namedFitOf(namedFitAVX2))
	namedFit.add("avx512", cpu.Has("avx512"), namedFitOf(namedFitAVX512))
	namedCodes.add("avx2", cpu.Has("avx2"), func(dst []uint8, x []float32, inverse []float64, n *Named) {
		namedCodesAVX2(&dst[0], &x[0], &inverse[0], uintptr(len(inverse)), n)
	})
	namedTake.add("avx2", cpu.Has("avx2"), func(word []int16, part, x, w []float32) {
		namedTakeAVX2(&word[0], &part[0], &x[0], &w[0], uintptr(len(part)))
	})
	namedSweep.add("avx2", cpu.Has("avx2"), func(lx, l2 []float32, word, inverse []int16, per int, n *Named) {
		stride := 0
		if len(inverse) > per {
			stride = 2 * per
		}
		namedSweepAVX2(&lx[0], &l2[0], &word[0], &inverse[0], uintptr(len(lx)/per), uintptr(per), uintptr(stride), n)
	})
	namedMost.add("avx2", cpu.Has("avx2"), func(found []uint32, lx, l2, all []float32, per, first int) {
		namedMostAVX2(&found[0], &lx[0], &l2[0], &all[0], uintptr(len(all)), uintptr(first), uintptr(per-first))
	})
}

func namedFitOf(f func(lx, l2, x, w, inverse *float32, groups, per uintptr, n *Named)) namedFitBody {
	return func(lx, l2, x, w, inverse []float32, n *Named) {
		groups := len(x) / namedGroup
		f(&lx[0], &l2[0], &x[0], &w[0], &inverse[0], uintptr(groups), uintptr(len(inverse)/groups), n)
	}
}
