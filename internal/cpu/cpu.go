// Package cpu says what the machine can do, and lets QUERN_CPU say less.
package cpu

import (
	"fmt"
	"os"
	"slices"
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

// Check returns an error when QUERN_CPU names nothing that is known: a word that is misspelt must not pass for no limit.
func Check() error { return check(os.Getenv("QUERN_CPU")) }

func check(most string) error {
	if most == "" || most == "portable" || slices.Contains(order, most) {
		return nil
	}
	return fmt.Errorf("QUERN_CPU=%.40q: want portable or one of %s", most, strings.Join(order, ", "))
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

// Features lists what kernels use on this machine.
func Features() (names []string) {
	for _, f := range order {
		if has[f] {
			names = append(names, f)
		}
	}
	return names
}
