package model

import (
	"context"
	"testing"

	"quern/internal/arch"
	"quern/quantize"
)

// BenchmarkStates runs four chunks of 512 tokens through a random model of four million weights.
func BenchmarkStates(b *testing.B) {
	for _, name := range []string{"F16", "Q8_0", "Q4_0"} {
		bound, _ := random(b, arch.Params{Vocab: 512, Embd: 256, FF: 768, Layers: 5, Heads: 4, KVHeads: 2, HeadDim: 64,
			ValueDim: 64, RopeDim: 64, NormEps: 1e-5, RopeBase: 10000, RopeScale: 1, Tied: true}, false, false, stored(quantize.ByName(name)))
		m, err := Of(bound)
		if err != nil {
			b.Fatal(err)
		}
		seqs := tokens(512, 512, 512, 512, 512)
		for mode, word := range []string{"exact", "deploy"} {
			b.Run(name+"/"+word, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := m.States(context.Background(), seqs, nil, Options{Mode: Mode(mode)}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(2048*b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}
