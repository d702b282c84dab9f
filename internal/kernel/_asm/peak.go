package main

import "fmt"

// peakAMD64 writes loops of multiply-adds that wait for nothing but their unit: twelve sums that do not depend on each other.
func peakAMD64(f *file) {
	for _, p := range []struct {
		name string
		each func(i int)
	}{
		{"peakF32AVX2", func(i int) { f.i("VFMADD231PS", y(12), y(13), y(i)) }},
		{"peakF32AVX512", func(i int) { f.i("VFMADD231PS", z(12), z(13), z(i)) }},
		{"peakI8VNNI", func(i int) { f.i("VPDPBUSD", z(12), z(13), z(i)) }},
		{"peakI8AVX2", func(i int) {
			f.i("VPMADDUBSW", y(12), y(13), y(14+i%2))
			f.i("VPMADDWD", y(12), y(14+i%2), y(14+i%2))
			f.i("VPADDD", y(14+i%2), y(i), y(i))
		}},
	} {
		f.p("\n// func %s(n uintptr)", p.name)
		f.fn(p.name, 8)
		f.args("n", "CX")
		for i := range 14 {
			f.i("VXORPS", y(i), y(i), y(i))
		}
		f.loop(1, func() {
			for i := range 12 {
				p.each(i)
			}
		})
		f.p("\tVZEROUPPER\n\tRET")
	}
}

func peakARM64(f *file) {
	for _, p := range []struct {
		name string
		each func(i int)
	}{
		{"peakF32NEON", func(i int) { f.i("VFMLA", v(16, "S4"), v(17, "S4"), v(i, "S4")) }},
		{"peakI8DotProd", func(i int) { f.sdot(i, 16, 17, 0) }},
	} {
		f.p("\n// func %s(n uintptr)", p.name)
		f.fn(p.name, 8)
		f.i("MOVD", "n+0(FP)", "R0")
		for i := range 18 {
			f.i("VEOR", fmt.Sprintf("V%d.B16", i), fmt.Sprintf("V%d.B16", i), fmt.Sprintf("V%d.B16", i))
		}
		again := f.label("again")
		f.at(again)
		for i := range 12 {
			p.each(i)
		}
		f.i("SUBS", "$1", "R0")
		f.i("BNE", again)
		f.p("\tRET")
	}
}
