package quantize

import (
	"bytes"
	"math"
	"math/rand"
	"testing"
)

func bookTypes() (types []*Type) {
	for _, q := range Types() {
		if q.Book != nil {
			types = append(types, q)
		}
	}
	return types
}

// Codes that are put back make the same bytes; other ones are what Tile then reports, and scales stay.
func TestBooksRecode(t *testing.T) {
	const n = 4 * super
	if len(bookTypes()) != 7 {
		t.Fatalf("%d types have books", len(bookTypes()))
	}
	for _, q := range bookTypes() {
		size, _ := q.Size(n)
		imp := make([]float32, n)
		for i := range imp {
			imp[i] = 1
		}
		var raw [2][]byte
		var tile [2]Tile
		for i := range raw {
			w := normal(2 * n)[i*n:][:n]
			raw[i] = make([]byte, size)
			q.Encode(raw[i], w, imp)
			tile[i] = Tile{Code: make([]int8, n), Scale: make([]float32, n/q.Group), Min: make([]float32, n/q.Group)}
			q.groups(tile[i], raw[i])
		}
		same := bytes.Clone(raw[0])
		q.Book.Recode(same, tile[0].Code)
		if !bytes.Equal(same, raw[0]) {
			t.Errorf("%s: the same codes make other bytes", q.Name)
		}
		q.Book.Recode(same, tile[1].Code)
		got := Tile{Code: make([]int8, n), Scale: make([]float32, n/q.Group), Min: make([]float32, n/q.Group)}
		q.groups(got, same)
		for i, s := range got.Scale {
			if s != tile[0].Scale[i] {
				t.Fatalf("%s: the scale of group %d became %g, it was %g", q.Name, i, s, tile[0].Scale[i])
			}
		}
		for i, v := range got.Code {
			if v != tile[1].Code[i] && q != IQ1_S { // whose groups keep their shift
				t.Fatalf("%s: code %d is %d, want %d", q.Name, i, v, tile[1].Code[i])
			}
		}
	}
}

// everyEight calls f with all codes that a book has for eight weights whose present ones are old.
func everyEight(q *Type, old *octets, f func(code *octets)) {
	signed := func(code octets, parity bool) {
		for s := range 256 {
			odd, out := false, code
			for i := range out {
				if s>>i&1 != 0 {
					out[i], odd = -out[i], !odd
				}
			}
			if !odd || !parity {
				f(&out)
			}
		}
	}
	switch q {
	case IQ1_S, IQ1_M:
		for _, code := range book1S.ready().code {
			for _, down := range []bool{false, true} {
				if q == IQ1_S && down != movedDown(old[0]) {
					continue
				}
				out := octets(shifted(&code, down))
				f(&out)
			}
		}
	case IQ2_XXS:
		for _, code := range book2XXS.ready().code {
			signed(code, true)
		}
	default:
		panic(q.Name)
	}
}

// What is found for eight weights is nearly the best of everything that their type can store.
func TestEightsAreNearlyTheBest(t *testing.T) {
	const k, rounds = 32, 60
	r := rand.New(rand.NewSource(8))
	f, _, err := NewFeedback(statsOf(gram(r, k, 2*k), k), DefaultDamp, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []*Type{IQ1_S, IQ1_M, IQ2_XXS} {
		e := eightSearch{proposer: q.Book.proposer()}
		found, least, was := 0.0, 0.0, 0.0
		for range rounds {
			unit := &f.units[r.Intn(len(f.units))]
			scale := float32(0.05)
			if q == IQ2_XXS {
				scale = 0.02
			}
			var center, away [octet]float32
			old := octets{1, 1, 1, 1, 1, 1, 1, 1}
			if q == IQ2_XXS {
				old = book2XXS.ready().code[3]
			}
			for i := range center {
				center[i] = float32(0.4 * r.NormFloat64())
				away[i] = center[i] - scale*float32(old[i])
			}
			product := times(&unit.all, &away)
			loss := func(code *octets) (sum float64) {
				var d [octet]float64
				for i, v := range code {
					d[i] = float64(center[i]) - float64(scale)*float64(v)
				}
				for i := range d {
					for j := range d {
						sum += d[i] * float64(unit.all[i*octet+j]) * d[j]
					}
				}
				return sum
			}
			code := old
			e.better(code[:], &center, &product, &unit.all, scale)
			best, member := math.Inf(1), false
			everyEight(q, &old, func(c *octets) {
				best = min(best, loss(c))
				member = member || *c == code
			})
			if !member {
				t.Fatalf("%s cannot store %v", q.Name, code)
			}
			found, least, was = found+loss(&code), least+best, was+loss(&old)
		}
		t.Logf("%s: %.4f of the least loss, %.4f before", q.Name, found/least, was/least)
		if !(found < 1.25*least) {
			t.Errorf("%s: the codes found lose %g, the best ones %g", q.Name, found, least)
		}
	}
}
