package quantize

import (
	"math"

	"quern/internal/kernel"
)

// A Book is what a method needs of a type with a codebook to choose codes itself, eight weights at a time: the scales, and whatever else more than eight
// weights share, come from the type's encoder, as it leaves a block, and codes are put in afterwards.
type Book struct {
	Recode   func(dst []byte, code []int8) // puts other codes, as Tile reports them, into encoded blocks; what they share stays
	half     *storedHalf                   // that all scales of a block are multiples of
	proposer func() proposer               // for one goroutine
}

// octet is how many weights get their codes together.
const octet = 8

// octets are the codes of eight weights.
type octets [octet]int8

// A proposer knows a codebook.
type proposer interface {
	// propose appends the codes to list that suit eight weights best: x are the weights in units of their scale, w what their squared errors count for. What old codes
	// share with more than eight weights stays.
	propose(list []octets, x, w *[octet]float32, old *octets) []octets
	// turns says how signs may change in a proposal: not at all, one by one, or in pairs.
	turns() int
}

// proposals are how many members of the codebook are looked at for eight weights, and proposalsHalf for four of them.
const (
	proposals     = 6
	proposalsHalf = 3
)

// A bookSums finds the members of a codebook that gain most.
type bookSums struct {
	book *gridBook
	grid *kernel.Grid
	p, q [2048]float32
}

func newBookSums(b *gridBook, value []float32) *bookSums {
	near := b.surroundings()
	return &bookSums{book: b, grid: kernel.NewGrid(b.dims, [][]float32{value}, near.level, nil)} // nothing is rounded to the grid here
}

// most finds the members whose levels come nearest to x, the nearest first.
func (b *bookSums) most(found []uint16, x, w []float32) {
	all := b.book.surroundings().all
	p, q := b.p[:len(all)], b.q[:len(all)]
	b.grid.Sums(p, q, all, x, w)
	for i := range found {
		m := kernel.MostGain(p, q, 1)
		p[m] = float32(math.Inf(-1))
		if m >= len(b.book.number) {
			m = 0 // what fills up the list
		}
		found[i] = uint16(m)
	}
}

// A gridProposer is that of the types whose signs stand apart.
type gridProposer struct {
	*bookSums
	parity bool
}

// asBook is what methods need of a type with signs.
func (c *gridCoder) asBook() *Book {
	return &Book{Recode: c.recode, half: storedAt(0), proposer: func() proposer {
		return &gridProposer{newBookSums(c.book, floats(c.book.ready().value, 0)[:c.book.levels]), c.parity}
	}}
}

func (g *gridProposer) turns() int {
	if g.parity {
		return 2
	}
	return 1
}

func (g *gridProposer) propose(list []octets, x, w *[octet]float32, _ *octets) []octets {
	var size [octet]float32
	for i, v := range x {
		size[i] = absolute(v)
	}
	if g.book.dims == octet {
		var found [proposals]uint16
		g.most(found[:], size[:], w[:])
		for _, m := range found {
			list = append(list, g.signed(g.book.code[m], x, w))
		}
		return list
	}
	var found [2][proposalsHalf]uint16
	g.most(found[0][:], size[:4], w[:4])
	g.most(found[1][:], size[4:], w[4:])
	for _, a := range found[0] {
		for _, b := range found[1] {
			code := g.book.code[a]
			copy(code[4:], g.book.code[b][:4])
			list = append(list, g.signed(code, x, w))
		}
	}
	return list
}

// signed gives magnitudes the signs of x; where the number of negative ones has to be even, the cheapest is turned.
func (g *gridProposer) signed(code octets, x, w *[octet]float32) octets {
	odd, at, least := false, 0, float32(math.Inf(1))
	for i, v := range x {
		if cost := float32(w[i]*absolute(v)) * float32(code[i]); cost < least {
			at, least = i, cost
		}
		if v < 0 {
			code[i], odd = -code[i], !odd
		}
	}
	if odd && g.parity {
		code[at] = -code[at]
	}
	return code
}

func (c *gridCoder) recode(dst []byte, code []int8) {
	var b gridBlock
	dims := c.book.ready().dims
	for ; len(code) >= super; dst, code = dst[c.bytes:], code[super:] {
		c.take(&b, dst)
		for k := range b.sign {
			b.sign[k] = 0
			for i, v := range code[octet*k:][:octet] {
				if v < 0 {
					b.sign[k] |= 1 << i
				}
			}
		}
		for k := range super / dims {
			b.member[k] = c.book.memberOf(code[k*dims:][:dims])
		}
		c.put(dst, &b)
	}
}

// memberOf is the member that has the given codes, whose magnitudes count where signs stand apart.
func (b *gridBook) memberOf(code []int8) uint16 {
	number, place := 0, 1
	for _, v := range code {
		if b.value[0] > 0 && v < 0 {
			v = -v
		}
		for l, value := range b.value {
			if value == v {
				number += l * place
			}
		}
		place *= b.levels
	}
	return uint16(b.member[number])
}

// An iq1Proposer is that of IQ1: a book for levels moved up, and one for levels moved down.
type iq1Proposer struct {
	moved [2]*bookSums
	free  bool // each eight is moved as suits it
}

// eighths1 are the codes of levels, moved up and down.
var eighths1 = [2][]float32{{-7, 1, 9}, {-9, -1, 7}}

func (c *iq1Coder) asBook(half *storedHalf) *Book {
	return &Book{Recode: c.recode, half: half, proposer: func() proposer {
		return &iq1Proposer{[2]*bookSums{newBookSums(&book1S, eighths1[0]), newBookSums(&book1S, eighths1[1])}, c.ways == 1}
	}}
}

func (g *iq1Proposer) turns() int { return 0 }

func (g *iq1Proposer) propose(list []octets, x, w *[octet]float32, old *octets) []octets {
	var found [proposals]uint16
	for down, book := range g.moved {
		if !g.free && movedDown(old[0]) != (down == 1) {
			continue
		}
		book.most(found[:], x[:], w[:])
		for _, m := range found {
			list = append(list, shifted(&book.book.code[m], down == 1))
		}
	}
	return list
}

// movedDown says whether a code is a level an eighth below a whole one.
func movedDown(code int8) bool { return code&7 == 7 }

func (c *iq1Coder) recode(dst []byte, code []int8) {
	var b iq1Block
	book1S.ready()
	for ; len(code) >= super; dst, code = dst[c.bytes:], code[super:] {
		c.take(&b, dst)
		for k := range b.member {
			eights := (*octets)(code[octet*k:])
			b.down[k] = movedDown(eights[0])
			var whole octets
			for i, v := range eights {
				whole[i] = (v + 1) >> 3 // -9, -7 → -1; -1, 1 → 0; 7, 9 → 1
			}
			b.member[k] = book1S.memberOf(whole[:])
		}
		c.put(dst, &b)
	}
}
