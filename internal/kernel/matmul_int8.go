package kernel

// LanesI8 is the number of outputs in a panel of the integer product.
const LanesI8 = 16

// A PanelI8 is 16 rows of int8 codes, four neighbours of one row together as the dot-product instructions want them.
type PanelI8 struct {
	K, Group   int
	Code       []int8    // [K/4][16][4]
	Scale, Min []float32 // [K/Group][16]; Min is nil when all are zero
	min        []float32 // memory of Min
}

// Reset prepares a panel for rows of k weights, reusing its memory; all lanes are zero.
func (p *PanelI8) Reset(k, group int) {
	p.K, p.Group = k, group
	p.Code = sized(p.Code, k*LanesI8)
	p.Scale = sized(p.Scale, k/group*LanesI8)
	p.min = sized(p.min, k/group*LanesI8)
	p.Min = nil
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Pack puts one row into a lane.
func (p *PanelI8) Pack(lane int, code []int8, scale, min []float32) {
	code, to := code[:p.K], p.Code[4*lane:]
	for i := 0; i < len(code); i += 4 {
		*(*[4]int8)(to[i*LanesI8:]) = [4]int8(code[i:])
	}
	for g := range p.K / p.Group {
		at := g*LanesI8 + lane
		p.Scale[at], p.min[at] = scale[g], min[g]
		if min[g] != 0 {
			p.Min = p.min
		}
	}
}

// ActsI8 are rows of activations in int8.
type ActsI8 struct {
	K, Group   int
	Code       []int8    // [m][K]
	Scale, Sum []float32 // [m][K/Group]: the scale, and the scale times the sum of the codes
	Start      []int32   // [m][K/Group]: -128 times the sum of the codes, where products with a shifted factor begin
}

func (a *ActsI8) reset(m, k, group int) {
	a.K, a.Group = k, group
	a.Code = sized(a.Code, m*k)
	a.Scale = sized(a.Scale, m*(k/group))
	a.Sum = sized(a.Sum, m*(k/group))
	a.Start = sized(a.Start, m*(k/group))
}

var matMulI8 = portable(matMulI8Portable)

// MatMulI8 multiplies m rows of activations, beginning with row from, by a panel. For each group of K in order the integer
// product is exact, then acc = fma(float32(product), a.Scale*p.Scale, acc), and with offsets acc = fma(a.Sum, p.Min, acc).
func MatMulI8(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8) {
	if m == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+LanesI8-1], a.Code[(from+m)*a.K-1]
	matMulI8.best(dst, ldd, a, from, m, p)
}

func matMulI8Portable(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8) {
	groups := p.K / p.Group
	for i := range m {
		out := dst[i*ldd:][:LanesI8]
		clear(out)
		code := a.Code[(from+i)*p.K:][:p.K]
		for g := range groups {
			var sum [LanesI8]int32
			for q := g * p.Group; q < (g+1)*p.Group; q++ {
				for j := range sum {
					sum[j] += int32(code[q]) * int32(p.Code[(q>>2*LanesI8+j)<<2|q&3])
				}
			}
			s := a.Scale[(from+i)*groups+g]
			for j := range out {
				out[j] = fma(float32(sum[j]), float32(s*p.Scale[g*LanesI8+j]), out[j])
			}
			if p.Min == nil {
				continue
			}
			x := a.Sum[(from+i)*groups+g]
			for j := range out {
				out[j] = fma(x, p.Min[g*LanesI8+j], out[j])
			}
		}
	}
}
