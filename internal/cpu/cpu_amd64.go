//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

func detect() map[string]bool {
	x := cpu.X86
	avx2 := x.HasAVX2 && x.HasFMA && x.HasF16C
	avx512 := avx2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL
	return map[string]bool{"avx2": avx2, "avx512": avx512, "vnni": avx512 && x.HasAVX512VNNI}
}
