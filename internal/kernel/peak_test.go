package kernel

import "testing"

// Every loop ends, and says how much it did.
func TestPeak(t *testing.T) {
	for name, b := range map[string]*bodies[peakLoop]{"float32": peakF32, "int8": peakI8} {
		each(t, b, func(t *testing.T, f, _ peakLoop) {
			if got := f.loop(10); got != 10*f.operations || got <= 0 {
				t.Errorf("%s: %g operations", name, got)
			}
		})
	}
}
