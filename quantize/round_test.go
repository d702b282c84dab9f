package quantize

import "testing"

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
