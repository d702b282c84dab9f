//go:build !purego

package kernel

import "quern/internal/cpu"

func peakF32AVX2(n uintptr)
func peakF32AVX512(n uintptr)
func peakI8AVX2(n uintptr)
func peakI8VNNI(n uintptr)

func init() {
	peakF32.add("avx2", cpu.Has("avx2"), peakLoop{peakF32AVX2, 12 * 8 * 2})
	peakF32.add("avx512", cpu.Has("avx512"), peakLoop{peakF32AVX512, 12 * 16 * 2})
	peakI8.add("avx2", cpu.Has("avx2"), peakLoop{peakI8AVX2, 12 * 32 * 2})
	peakI8.add("vnni", cpu.Has("vnni"), peakLoop{peakI8VNNI, 12 * 64 * 2})
}
