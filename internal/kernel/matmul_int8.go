package kernel

// LanesI8 is the number of outputs in a panel of the integer product, RowTile the number of rows of activations that stand
// interleaved.
const (
	LanesI8 = 16
	RowTile = 12
)

// A PanelI8 is 16 rows of int8 codes, four neighbours of one row together as the dot-product instructions want them.
type PanelI8 struct {
	K, Group   int
	Code       []int8    // [K/4][16][4]
	Scale, Min []float32 // [K/Group][16]; Min is nil when all are zero
	min        []float32 // memory of Min

	ranged    bool
	low, high int // the least and the greatest code, once ranged
	summed    bool
	negative  []int32 // [K/Group][16]: the sums of the magnitudes of negative codes, once summed
	raised    bool
	biased    []int8 // the codes with a bias added, once raised
}

// A RowsI8 is 16 rows of decoded weights: row r of Code begins at r·Ld, of Scale and Min at r·LdGroup.
type RowsI8 struct {
	Code        []int8
	Scale, Min  []float32
	Ld, LdGroup int
}

// Reset prepares a panel for rows of k weights, reusing its memory; Put fills it.
func (p *PanelI8) Reset(k, group int) {
	p.K, p.Group, p.Min, p.ranged, p.summed, p.raised = k, group, nil, false, false, false
	p.Code = grown(p.Code, k*LanesI8)
	p.Scale = grown(p.Scale, k/group*LanesI8)
	p.min = grown(p.min, k/group*LanesI8)
}

// grown is s with n elements of any value.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Put interleaves n columns of 16 rows, which become those from column from on; both are multiples of the group.
func (p *PanelI8) Put(from, n int, rows *RowsI8) {
	g, groups := from/p.Group, n/p.Group
	for r := 0; r < LanesI8; r += 4 {
		interleave(words(p.Code[from*LanesI8:])[r:], LanesI8, words(rows.Code[r*rows.Ld:]), rows.Ld/4, n/4)
		interleave(words(p.Scale[g*LanesI8:])[r:], LanesI8, words(rows.Scale[r*rows.LdGroup:]), rows.LdGroup, groups)
		interleave(words(p.min[g*LanesI8:])[r:], LanesI8, words(rows.Min[r*rows.LdGroup:]), rows.LdGroup, groups)
	}
	for _, m := range p.min[g*LanesI8:][:groups*LanesI8] {
		if m != 0 {
			p.Min = p.min
			break
		}
	}
}

// ActsI8 are rows of activations in int8, in tiles of RowTile rows; those beyond the last row are zero.
type ActsI8 struct {
	K     int       // columns
	Group int       // columns that share a scale of the panel
	Block int       // columns that share a scale here
	Code  []int8    // [tiles][K/4][RowTile][4]
	Scale []float32 // [tiles][K/Block][RowTile]
	Sum   []float32 // [tiles][K/Group][RowTile]: the sum of the codes
	Start []int32   // the same: -128 times that sum, where products with a shifted factor begin
}

// Reset makes room for m rows of k columns, reusing the memory.
func (a *ActsI8) Reset(m, k, group, block int) {
	a.K, a.Group, a.Block = k, group, block
	rows := (m + RowTile - 1) / RowTile * RowTile
	a.Code = grown(a.Code, rows*k)
	a.Scale = grown(a.Scale, rows*(k/block))
	a.Sum = grown(a.Sum, rows*(k/group))
	a.Start = grown(a.Start, rows*(k/group))
}

var matMulI8 = portable(matMulI8Portable)

// MatMulI8 multiplies m rows of activations, beginning with row from, a multiple of RowTile, by a panel. For each group of K in
// order the integer product is exact; in a block of the activations t = fma(float32(product), p.Scale, t), and with offsets
// t = fma(a.Sum, p.Min, t), then acc = fma(t, a.Scale, acc). Only the given columns, whole blocks, are multiplied; from column 0 on
// acc begins with zero, else with dst.
func MatMulI8(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	if m == 0 || columns == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+LanesI8-1], a.Code[(from+m)*a.K-1]
	matMulI8.best(dst, ldd, a, from, m, p, column, columns)
}

func matMulI8Portable(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	groups, blocks, per := p.K/p.Group, p.K/a.Block, a.Block/p.Group
	for i := range m {
		tile, r := (from+i)/RowTile, (from+i)%RowTile
		out := dst[i*ldd:][:LanesI8]
		if column == 0 {
			clear(out)
		}
		for b := column / a.Block; b < (column+columns)/a.Block; b++ {
			var t [LanesI8]float32
			for g := b * per; g < (b+1)*per; g++ {
				sum := dotGroup(a.Code[(tile*p.K+g*p.Group)*RowTile+4*r:], p.Code[g*p.Group*LanesI8:], p.Group)
				for j := range t {
					t[j] = fma(float32(sum[j]), p.Scale[g*LanesI8+j], t[j])
				}
				if p.Min == nil {
					continue
				}
				for j := range t {
					t[j] = fma(a.Sum[(tile*groups+g)*RowTile+r], p.Min[g*LanesI8+j], t[j])
				}
			}
			for j := range t {
				out[j] = fma(t[j], a.Scale[(tile*blocks+b)*RowTile+r], out[j])
			}
		}
	}
}

// dotGroup multiplies a group of one row of activations by a panel.
func dotGroup(code, panel []int8, group int) (sum [LanesI8]int32) {
	for q := range group / 4 {
		x := code[4*RowTile*q:][:4]
		for j := range sum {
			w := panel[4*(q*LanesI8+j):][:4]
			sum[j] += int32(x[0])*int32(w[0]) + int32(x[1])*int32(w[1]) + int32(x[2])*int32(w[2]) + int32(x[3])*int32(w[3])
		}
	}
	return sum
}
