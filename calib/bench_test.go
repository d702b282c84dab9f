package calib

import (
	"fmt"
	"testing"

	"quern/quantize"
)

// The time of the sums, to be held against that of the products with the same inputs.
func BenchmarkAdd(b *testing.B) {
	for _, k := range []int{576, 1536, 8192} {
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			const m = 512
			x := make([]float32, m*k)
			for i := range x {
				x[i] = float32(i%7) - 3
			}
			s := quantize.NewStats(k)
			b.SetBytes(int64(4 * m * k))
			for b.Loop() {
				s.Add(x, m)
			}
		})
	}
}
