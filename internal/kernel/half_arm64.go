//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func f16ToF32NEON(dst *float32, src *byte, n uintptr)

//go:noescape
func f32ToF16NEON(dst *byte, src *float32, n uintptr)

//go:noescape
func bf16ToF32NEON(dst *float32, src *byte, n uintptr)

//go:noescape
func f32ToBF16NEON(dst *byte, src *float32, n uintptr)

func init() {
	has := cpu.Has("neon")
	f16ToF32.add("neon", has, widen(f16ToF32NEON, f16ToF32Portable))
	bf16ToF32.add("neon", has, widen(bf16ToF32NEON, bf16ToF32Portable))
	f32ToF16.add("neon", has, narrow(8, f32ToF16NEON, f32ToF16Portable))
	f32ToBF16.add("neon", has, narrow(8, f32ToBF16NEON, f32ToBF16Portable))
}
