// Package cpu says what the machine can do, and lets QUERN_CPU say less.
package cpu

import (
	"os"
	"strings"
)

// The features that kernels ask for, from the least to the most demanding of each architecture.
var order = []string{"avx2", "avx512", "vnni", "neon", "dotprod"}

var has = mask(detect(), os.Getenv("QUERN_CPU"))

// Has reports whether kernels may use a feature: "avx2" (with FMA and F16C), "avx512" (F, BW, DQ, VL), "vnni"
// (AVX512-VNNI), "neon", "dotprod". QUERN_CPU names the most that may be used; QUERN_CPU=portable allows none.
func Has(feature string) bool { return has[feature] }

// Required reports whether QUERN_REQUIRE, a list with commas, names a feature: a test that would skip it must fail.
func Required(feature string) bool {
	for _, f := range strings.Split(os.Getenv("QUERN_REQUIRE"), ",") {
		if f == feature {
			return true
		}
	}
	return false
}

// mask keeps the features up to the named one.
func mask(found map[string]bool, most string) map[string]bool {
	if most == "" {
		return found
	}
	out := map[string]bool{}
	for _, f := range order {
		if most == "portable" {
			break
		}
		out[f] = found[f]
		if f == most {
			break
		}
	}
	return out
}
