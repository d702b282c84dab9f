//go:build !purego

package kernel

import "quern/internal/cpu"

func peakF32NEON(n uintptr)
func peakI8DotProd(n uintptr)

func init() {
	peakF32.add("neon", cpu.Has("neon"), peakLoop{peakF32NEON, 12 * 4 * 2})
	peakI8.add("dotprod", cpu.Has("dotprod"), peakLoop{peakI8DotProd, 12 * 16 * 2})
}
