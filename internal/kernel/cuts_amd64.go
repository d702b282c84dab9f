//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func cutsAVX2(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)

//go:noescape
func cutsAVX512(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)

//go:noescape
func blockExtremesAVX2(hi, lo, x *float32, blocks uintptr)

func init() {
	avx2, avx512 := cpu.Has("avx2"), cpu.Has("avx512")
	blockExtremes.add("avx2", avx2, blockExtremesOf(blockExtremesAVX2))
	cuts.add("avx2", avx2, cutsOf(cutsAVX2))
	cuts.add("avx512", avx512, cutsOf(cutsAVX512))
}
