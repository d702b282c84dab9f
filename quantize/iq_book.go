package quantize

import (
	"encoding/base64"
	"sync"

	"quern/internal/kernel"
)

// A gridBook is a codebook: some of the points of a grid with so many levels in so many dimensions. Points are numbered with
// their levels as digits, the first the least significant; members count in that order, and that count is what files hold.
type gridBook struct {
	levels, dims int
	value        []int8 // what a level decodes to
	text         string // the members, as iq_points.go has them
	shells       int    // of neighbours that llama-quantize looks at

	unpack sync.Once
	level  [][8]uint8 // of each member
	code   [][8]int8  // what it decodes to
	word   []uint64   // the same, the first one lowest
	number []uint16   // the point that it is
	member []int32    // of each point, or -1

	meet sync.Once
	near [][]uint16 // of each point that is no member: the members nearest to it

	look sync.Once
	wide *nearList

	turn sync.Once
	ways *kernel.GridTurns
}

var (
	book2XXS = gridBook{levels: 3, dims: 8, value: []int8{8, 25, 43}, text: points2XXS, shells: 2}
	book2XS  = gridBook{levels: 3, dims: 8, value: []int8{8, 25, 43}, text: points2XS, shells: 2}
	book2S   = gridBook{levels: 3, dims: 8, value: []int8{8, 25, 43}, text: points2S, shells: 1}
	book3XXS = gridBook{levels: 8, dims: 4, value: []int8{4, 12, 20, 28, 36, 44, 52, 62}, text: points3XXS, shells: 2}
	book3S   = gridBook{levels: 8, dims: 4, value: []int8{1, 3, 5, 7, 9, 11, 13, 15}, text: points3S, shells: 3}
	book1S   = gridBook{levels: 3, dims: 8, value: []int8{-1, 0, 1}, text: points1S, shells: 3}
)

// ready unpacks the members when a book is first used.
func (b *gridBook) ready() *gridBook {
	b.unpack.Do(func() {
		bits, err := base64.StdEncoding.DecodeString(b.text)
		if err != nil {
			panic("quantize: a codebook's text is damaged: " + err.Error())
		}
		points := 1
		for range b.dims {
			points *= b.levels
		}
		b.member = make([]int32, points)
		for n := range points {
			b.member[n] = -1
			if bits[n/8]>>(n%8)&1 == 0 {
				continue
			}
			b.member[n] = int32(len(b.number))
			var level [8]uint8
			var code [8]int8
			for i, rest := 0, n; i < b.dims; i, rest = i+1, rest/b.levels {
				level[i] = uint8(rest % b.levels)
				code[i] = b.value[level[i]]
			}
			b.number = append(b.number, uint16(n))
			b.level = append(b.level, level)
			b.code = append(b.code, code)
			b.word = append(b.word, joined(&code))
		}
	})
	return b
}

// joined is eight codes in one word, the first one lowest.
func joined(code *[8]int8) (w uint64) {
	for i, c := range code {
		w |= uint64(uint8(c)) << (8 * i)
	}
	return w
}

// minus has a byte of ones for every bit of a byte of signs.
var minus = func() (t [256]uint64) {
	for s := range t {
		for i := range 8 {
			if s>>i&1 != 0 {
				t[s] |= 0xff << (8 * i)
			}
		}
	}
	return t
}()

// neighbours lists, for every point that is no member, the members in the nearest shells around it, nearest first, as
// llama-quantize has them. Distances of points are sums of those of their halves.
func (b *gridBook) neighbours() [][]uint16 {
	b.ready()
	b.meet.Do(func() {
		half := 1
		for range b.dims / 2 {
			half *= b.levels
		}
		apart := b.halvesApart(half)
		b.near = make([][]uint16, len(b.member))
		dist := make([]uint16, len(b.number))
		var list []uint16
		for n, m := range b.member {
			if m >= 0 {
				continue
			}
			low, high := apart[n%half*half:][:half], apart[n/half*half:][:half]
			for j, p := range b.number {
				dist[j] = low[int(p)%half] + high[int(p)/half]
			}
			from := len(list)
			list = appendShells(list, dist, b.shells)
			b.near[n] = list[from:len(list):len(list)]
		}
	})
	return b.near
}

// halvesApart is the squared distance of every pair of half points.
func (b *gridBook) halvesApart(half int) []uint16 {
	apart := make([]uint16, half*half)
	for p := range half {
		for q := range half {
			d := 0
			for i, x, y := 0, p, q; i < b.dims/2; i, x, y = i+1, x/b.levels, y/b.levels {
				e := x%b.levels - y%b.levels
				d += e * e
			}
			apart[p*half+q] = uint16(d)
		}
	}
	return apart
}

// appendShells appends the places of the smallest distances, of so many different ones, in ascending order.
func appendShells(list, dist []uint16, shells int) []uint16 {
	var many [256]int
	least, most := 255, 0
	for _, d := range dist {
		many[d]++
		least, most = min(least, int(d)), max(most, int(d))
	}
	for d := least; d <= most && shells > 0; d++ {
		if many[d] == 0 {
			continue
		}
		shells--
		for j, v := range dist {
			if int(v) == d {
				list = append(list, uint16(j))
			}
		}
	}
	return list
}
