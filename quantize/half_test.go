package quantize

import (
	"math"
	"testing"

	"github.com/x448/float16"
)

func TestHalfValue(t *testing.T) {
	for h := range 1 << 16 {
		got, want := halfValue(uint16(h)), float16.Frombits(uint16(h)).Float32()
		if math.Float32bits(got) != math.Float32bits(want) && want == want {
			t.Fatalf("%04x: %x, not %x", h, got, want)
		}
		if want != want && got == got {
			t.Fatalf("%04x is a NaN, not %g", h, got)
		}
	}
}

func TestNearestInt(t *testing.T) {
	for _, c := range []struct {
		x    float32
		want int32
	}{{0, 0}, {0.5, 0}, {1.5, 2}, {2.5, 2}, {-0.5, 0}, {-1.5, -2}, {-2.5, -2}, {127.49, 127}, {-4194303, -4194303}, {4194303, 4194303}} {
		if got := nearestInt(c.x); got != c.want {
			t.Errorf("%g: %d, not %d", c.x, got, c.want)
		}
	}
}
