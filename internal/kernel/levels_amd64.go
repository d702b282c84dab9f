//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func levelsMulAVX2(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

//go:noescape
func levelsMulAVX512(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

//go:noescape
func levelsDivAVX2(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

//go:noescape
func levelsDivAVX512(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

func init() {
	levelsMul.add("avx2", cpu.Has("avx2"), levelsOf(levelsMulAVX2))
	levelsMul.add("avx512", cpu.Has("avx512"), levelsOf(levelsMulAVX512))
	levelsDiv.add("avx2", cpu.Has("avx2"), levelsOf(levelsDivAVX2))
	levelsDiv.add("avx512", cpu.Has("avx512"), levelsOf(levelsDivAVX512))
}
