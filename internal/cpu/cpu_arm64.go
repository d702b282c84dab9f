//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

func detect() map[string]bool {
	return map[string]bool{"neon": cpu.ARM64.HasASIMD, "dotprod": cpu.ARM64.HasASIMD && cpu.ARM64.HasASIMDDP}
}
