package kernel

import (
	"math"
	"math/rand"
	"testing"
)

// Codes of every body are those of the portable one, ties among them.
func TestCuts(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	each(t, cuts, func(t *testing.T, f, portable cutsBody) {
		for blocks := 1; blocks < 40; blocks++ {
			x, factor, low := make([]float32, cutBlock*blocks), make([]float32, blocks), make([]float32, blocks)
			for i := range x {
				x[i] = float32(r.Intn(40)-20) / 2 // halves
				if i%3 == 0 {
					x[i] = float32(r.NormFloat64() * 4)
				}
			}
			for i := range factor {
				factor[i] = []float32{1, 0.5, 1.7}[i%3]
				low[i] = float32(r.Intn(3))
			}
			got, want := make([]uint8, cutBlock*blocks+64), make([]uint8, cutBlock*blocks)
			for i := range got {
				got[i] = 0xa5
			}
			f(got[32:32+len(want)], x, factor, low, 8.5, 15)
			portable(want, x, factor, low, 8.5, 15)
			for i, v := range got {
				if in := i >= 32 && i < 32+len(want); in && v != want[i-32] || !in && v != 0xa5 {
					t.Fatalf("%d blocks: byte %d is %d", blocks, i-32, v)
				}
			}
		}
	})
}

func TestBlockExtremes(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	each(t, blockExtremes, func(t *testing.T, f, portable func(hi, lo, x []float32)) {
		for blocks := 1; blocks < 40; blocks++ {
			x := make([]float32, cutBlock*blocks)
			for i := range x {
				x[i] = float32(r.NormFloat64() * math.Exp(8*r.NormFloat64()))
			}
			hi, checkHi := guarded(blocks)
			lo, checkLo := guarded(blocks)
			wantHi, wantLo := make([]float32, blocks), make([]float32, blocks)
			f(hi, lo, x)
			portable(wantHi, wantLo, x)
			checkHi()
			checkLo()
			for i := range hi {
				if hi[i] != wantHi[i] || lo[i] != wantLo[i] {
					t.Fatalf("block %d of %d: %g and %g, want %g and %g", i, blocks, hi[i], lo[i], wantHi[i], wantLo[i])
				}
			}
		}
	})
}
