//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func fp4LossesAVX2(loss, x, w, scale, inverse *float32, groups, per uintptr)

//go:noescape
func fp4LossesAVX512(loss, x, w, scale, inverse *float32, groups, per uintptr)

//go:noescape
func fp4CodesAVX2(code *uint8, x, scale *float32, groups uintptr)

//go:noescape
func fp4CodesAVX512(code *uint8, x, scale *float32, groups uintptr)

func init() {
	fp4Losses.add("avx2", cpu.Has("avx2"), fp4LossesOf(fp4LossesAVX2))
	fp4Losses.add("avx512", cpu.Has("avx512"), fp4LossesOf(fp4LossesAVX512))
	fp4Codes.add("avx2", cpu.Has("avx2"), fp4CodesOf(fp4CodesAVX2))
	fp4Codes.add("avx512", cpu.Has("avx512"), fp4CodesOf(fp4CodesAVX512))
}

func fp4LossesOf(f func(loss, x, w, scale, inverse *float32, groups, per uintptr)) fp4LossesBody {
	return func(loss, x, w, scale, inverse []float32) {
		groups := len(x) / fp4Group
		f(&loss[0], &x[0], &w[0], &scale[0], &inverse[0], uintptr(groups), uintptr(len(scale)/groups))
	}
}

func fp4CodesOf(f func(code *uint8, x, scale *float32, groups uintptr)) fp4CodesBody {
	return func(code []uint8, x, scale []float32) { f(&code[0], &x[0], &scale[0], uintptr(len(scale))) }
}
