package kernel

import "math"

// The portable bodies that make weights.

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func (l *lane) weighAbs([]float32) {
	var sum float32
	for _, x := range l.x[:l.n] {
		sum += float32(x * x)
	}
	mean := float32(root(sum/l.g.params[0]) * l.g.params[1])
	for e, x := range l.x[:l.n] {
		l.g.W[e*GroupLanes+l.i] = max(x, -x) + mean
	}
}

func (l *lane) weighSquares([]float32) {
	for e, x := range l.x[:l.n] {
		l.g.W[e*GroupLanes+l.i] = float32(x * x)
	}
}

func (l *lane) weighBy([]float32) {
	for e, x := range l.x[:l.n] {
		l.g.W[e*GroupLanes+l.i] = float32(root(float32(x*x)+l.g.D[l.i]) * (l.w[e] + l.g.DMin[l.i]))
	}
}

func (l *lane) weighPlus([]float32) {
	for e := range l.n {
		l.g.W[e*GroupLanes+l.i] = l.g.DMin[l.i] + l.w[e]
	}
}

func (l *lane) sums([]float32) {
	var w, xx float32
	for e, x := range l.x[:l.n] {
		xx = fma(x, x, xx)
		w += l.w[e]
	}
	l.g.SumW[l.i], l.g.SumWX[l.i] = w, xx
}

func (l *lane) squares(table []float32) {
	var sum float32
	for i := l.i; i < len(table); i += GroupLanes {
		sum = fma(table[i], table[i], sum)
	}
	l.g.SumWX[l.i] = sum
}
