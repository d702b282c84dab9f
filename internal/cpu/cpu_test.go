package cpu

import (
	"os"
	"strings"
	"testing"
)

// What QUERN_REQUIRE names has to be there, also in a build without assembly or under QUERN_CPU.
func TestRequiredFeatures(t *testing.T) {
	for _, f := range strings.Split(os.Getenv("QUERN_REQUIRE"), ",") {
		if f != "" && !Has(f) {
			t.Errorf("QUERN_REQUIRE names %s, which kernels cannot use here", f)
		}
	}
}

func TestMask(t *testing.T) {
	all := map[string]bool{"avx2": true, "avx512": true, "vnni": true}
	for most, want := range map[string]string{"": "avx2 avx512 vnni", "portable": "", "avx2": "avx2", "avx512": "avx2 avx512", "vnni": "avx2 avx512 vnni"} {
		var got []string
		for _, f := range order {
			if mask(all, most)[f] {
				got = append(got, f)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("QUERN_CPU=%s allows %q, want %q", most, s, want)
		}
	}
	if mask(map[string]bool{"avx2": true}, "vnni")["vnni"] {
		t.Error("QUERN_CPU allows what the machine lacks")
	}
}

func TestCheck(t *testing.T) {
	for _, known := range []string{"", "portable", "avx2", "dotprod"} {
		if err := check(known); err != nil {
			t.Errorf("%q: %v", known, err)
		}
	}
	if check("avx-512") == nil {
		t.Error("a misspelt name passes")
	}
}
