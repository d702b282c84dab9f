package kernel

// LanesI8 is the number of outputs in a panel of the integer product, RowTile the number of rows of activations that stand
// interleaved.
const (
	LanesI8 = 16
	RowTile = 12
)

// A PanelI8 is 16 rows of int8 codes, four neighbours of one row together as the dot-product instructions want them. Where groups
// have integer scales (Block is more than Group), a weight is Scale·Sub·code + Min·SubMin, else Scale·code + Min.
type PanelI8 struct {
	K, Group, Block int       // columns; those of a group; those that share Scale and Min
	Code            []int8    // [K/4][16][4]
	Scale, Min      []float32 // [K/Block][16]; Min is nil when all are zero
	Sub             []int16   // [K/Group][16][2]: each twice
	Pair, SubMin    []int16   // [K/Group/2][16][2]: Sub of two groups together, and SubMin
	min             []float32 // memory of Min

	ranged    bool
	low, high int // the least and the greatest code, once ranged
	summed    bool
	negative  []int32 // [K/Group][16]: the sums of the magnitudes of negative codes, once summed; of blocks, times Sub, where there is Sub
	raised    bool
	biased    []int8 // the codes with a bias added, once raised
}

// A RowsI8 is 16 rows of decoded weights: row r of Code begins at r·Ld, of Sub and SubMin at r·LdGroup, of Scale and Min at r·LdBlock.
type RowsI8 struct {
	Code                 []int8
	Scale, Min           []float32
	Sub, SubMin          []int16
	Ld, LdGroup, LdBlock int
}

// Reset prepares a panel for rows of k weights, reusing its memory; Put fills it.
func (p *PanelI8) Reset(k, group, block int) {
	p.K, p.Group, p.Block, p.Min, p.ranged, p.summed, p.raised = k, group, block, nil, false, false, false
	p.Code = grown(p.Code, k*LanesI8)
	p.Scale = grown(p.Scale, k/block*LanesI8)
	p.min = grown(p.min, k/block*LanesI8)
	subs := 0
	if block > group {
		subs = k / group * LanesI8
	}
	p.Sub, p.Pair, p.SubMin = grown(p.Sub, 2*subs), grown(p.Pair, subs), grown(p.SubMin, subs)
}

// grown is s with n elements of any value.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Put interleaves n columns of 16 rows, which become those from column from on; both are multiples of the block.
func (p *PanelI8) Put(from, n int, rows *RowsI8) {
	b, blocks := from/p.Block, n/p.Block
	for r := 0; r < LanesI8; r += 4 {
		interleave(words(p.Code[from*LanesI8:])[r:], LanesI8, words(rows.Code[r*rows.Ld:]), rows.Ld/4, n/4)
		interleave(words(p.Scale[b*LanesI8:])[r:], LanesI8, words(rows.Scale[r*rows.LdBlock:]), rows.LdBlock, blocks)
		interleave(words(p.min[b*LanesI8:])[r:], LanesI8, words(rows.Min[r*rows.LdBlock:]), rows.LdBlock, blocks)
	}
	if p.Block > p.Group {
		p.putSubs(from/p.Group, n/p.Group, rows)
	}
	for _, m := range p.min[b*LanesI8:][:blocks*LanesI8] {
		if m != 0 {
			p.Min = p.min
			break
		}
	}
}

// putSubs interleaves the integers of n groups, which become those from group g on.
func (p *PanelI8) putSubs(g, n int, rows *RowsI8) {
	for r := 0; r < LanesI8; r += 4 {
		interleave(words(p.Pair[g*LanesI8:])[r:], LanesI8, words(rows.Sub[r*rows.LdGroup:]), rows.LdGroup/2, n/2)
		interleave(words(p.SubMin[g*LanesI8:])[r:], LanesI8, words(rows.SubMin[r*rows.LdGroup:]), rows.LdGroup/2, n/2)
	}
	for ; n > 0; g, n = g+2, n-2 {
		pair, sub := (*[2 * LanesI8]int16)(p.Pair[g*LanesI8:]), (*[4 * LanesI8]int16)(p.Sub[2*g*LanesI8:])
		for r := 0; r < 2*LanesI8; r += 2 {
			sub[r], sub[r+1] = pair[r], pair[r]
			sub[2*LanesI8+r], sub[2*LanesI8+r+1] = pair[r+1], pair[r+1]
		}
	}
}

// ActsI8 are rows of activations in int8, in tiles of RowTile rows; those beyond the last row are zero.
type ActsI8 struct {
	K     int       // columns
	Group int       // columns of a group of the panel
	Block int       // columns that share a scale: the panel's blocks
	Most  int       // no code is larger; 127 if nothing else is said
	Code  []int8    // [tiles][K/4][RowTile][4]
	Scale []float32 // [tiles][K/Block][RowTile]
	Sum   []float32 // where a block is a group, [tiles][K/Group][RowTile]: the sum of the codes
	Start []int32   // the same: -128 times that sum, where products with a shifted factor begin
	Pair  []int16   // else, [tiles][K/Group/2][RowTile][2]: the sums of two groups together
}

// Reset makes room for m rows of k columns, reusing the memory.
func (a *ActsI8) Reset(m, k, group, block int) {
	a.K, a.Group, a.Block, a.Most = k, group, block, 127
	rows := (m + RowTile - 1) / RowTile * RowTile
	sums, pairs := rows*(k/group), 0
	if block > group {
		sums, pairs = 0, sums
	}
	a.Code = grown(a.Code, rows*k)
	a.Scale = grown(a.Scale, rows*(k/block))
	a.Sum, a.Start, a.Pair = grown(a.Sum, sums), grown(a.Start, sums), grown(a.Pair, pairs)
}

var matMulI8 = portable(matMulI8Portable)

// MatMulI8 multiplies m rows of activations, beginning with row from, a multiple of RowTile, by a panel. Sums of integers are exact: n, of the
// products of a block, those of each group times its Sub, and o, of the sums of the activations of each group times its SubMin. For each block of K
// in order t = float32(n)·p.Scale, and with offsets t = fma(float32(o), p.Min, t), then acc = fma(t, a.Scale, acc). Only the given columns, whole
// blocks, are multiplied; from column 0 on acc begins with zero, else with dst.
func MatMulI8(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	if m == 0 || columns == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+LanesI8-1], a.Code[(from+m)*a.K-1]
	matMulI8.best(dst, ldd, a, from, m, p, column, columns)
}

func matMulI8Portable(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	for i := range m {
		tile, r := (from+i)/RowTile, (from+i)%RowTile
		out := dst[i*ldd:][:LanesI8]
		if column == 0 {
			clear(out)
		}
		for b := column / p.Block; b < (column+columns)/p.Block; b++ {
			n, o := p.dotBlock(a, tile, r, b)
			scale := a.Scale[(tile*(p.K/p.Block)+b)*RowTile+r]
			for j := range out {
				t := float32(n[j]) * p.Scale[b*LanesI8+j]
				if p.Min != nil {
					t = fma(o[j], p.Min[b*LanesI8+j], t)
				}
				out[j] = fma(t, scale, out[j])
			}
		}
	}
}

// dotBlock multiplies a block of one row of activations by a panel: the sum of the products, and the factor of the offsets.
func (p *PanelI8) dotBlock(a *ActsI8, tile, r, block int) (n [LanesI8]int32, o [LanesI8]float32) {
	groups, per := p.K/p.Group, p.Block/p.Group
	if per == 1 {
		for j := range o {
			o[j] = a.Sum[(tile*groups+block)*RowTile+r]
		}
		return dotGroup(a.Code[(tile*p.K+block*p.Group)*RowTile+4*r:], p.Code[block*p.Group*LanesI8:], p.Group), o
	}
	var offset [LanesI8]int32
	for g := block * per; g < (block+1)*per; g++ {
		dot := dotGroup(a.Code[(tile*p.K+g*p.Group)*RowTile+4*r:], p.Code[g*p.Group*LanesI8:], p.Group)
		sum := int32(a.Pair[(tile*groups+g/2*2)*RowTile+2*r+g%2])
		for j := range n {
			n[j] += int32(p.Sub[2*(g*LanesI8+j)]) * dot[j]
			offset[j] += int32(p.SubMin[g/2*2*LanesI8+2*j+g%2]) * sum
		}
	}
	for j, v := range offset {
		o[j] = float32(v)
	}
	return n, o
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
