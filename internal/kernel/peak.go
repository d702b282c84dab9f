package kernel

// A peakLoop runs n rounds of multiply-adds in registers, each of so many operations (a multiplication and an addition are two).
type peakLoop struct {
	run        func(n uintptr)
	operations float64
}

var (
	peakF32 = portable(peakLoop{peakF32Portable, 16})
	peakI8  = portable(peakLoop{peakI8Portable, 16})
)

// PeakF32 keeps the float32 multiply-add units of a core busy for n rounds, n > 0, and returns the number of operations: what the
// products are measured against.
func PeakF32(n int) (operations float64) { return peakF32.best.loop(n) }

// PeakI8 does so with int8 products summed in int32.
func PeakI8(n int) (operations float64) { return peakI8.best.loop(n) }

func (p peakLoop) loop(n int) float64 {
	p.run(uintptr(n))
	return float64(n) * p.operations
}

var peakSink float32

func peakF32Portable(n uintptr) {
	a, b, c, d, e, f, g, h := peakSink, peakSink, peakSink, peakSink, peakSink, peakSink, peakSink, peakSink
	for range n {
		a, b, c, d = a*0.5+1, b*0.5+1, c*0.5+1, d*0.5+1
		e, f, g, h = e*0.5+1, f*0.5+1, g*0.5+1, h*0.5+1
	}
	peakSink = float32(min(a, b, c, d, e, f, g, h) * 0)
}

func peakI8Portable(n uintptr) {
	x := int32(int8(peakSink)) + 3
	a, b, c, d, e, f, g, h := x, x, x, x, x, x, x, x
	for range n {
		a, b, c, d = a*x+1, b*x+1, c*x+1, d*x+1
		e, f, g, h = e*x+1, f*x+1, g*x+1, h*x+1
	}
	peakSink = float32(min(a, b, c, d, e, f, g, h)) * 0
}
