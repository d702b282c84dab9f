package verify

import "slices"

// llama-perplexity picks questions by the Mersenne Twister with seed 1, and so does quern, so that scores of a part of a
// file can be compared.

// A twister is MT19937 (Matsumoto and Nishimura, ACM Transactions on Modeling and Computer Simulation 8, 1998).
type twister struct {
	state [624]uint32
	next  int
}

func newTwister(seed uint32) *twister {
	t := &twister{next: 624}
	t.state[0] = seed
	for i := 1; i < 624; i++ {
		x := t.state[i-1]
		t.state[i] = 1812433253*(x^x>>30) + uint32(i)
	}
	return t
}

func (t *twister) uint32() uint32 {
	if t.next == 624 {
		for i := range t.state {
			y := t.state[i]&0x80000000 | t.state[(i+1)%624]&0x7fffffff
			t.state[i] = t.state[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		t.next = 0
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below is a number less than n, as GNU's C++ library draws it (Lemire's method).
func (t *twister) below(n uint32) int {
	for {
		m := uint64(t.uint32()) * uint64(n)
		if low := uint32(m); low >= n || low >= -n%n {
			return int(m >> 32)
		}
	}
}

// pickErased draws questions one after the other; the others move up.
func pickErased(q []Question, n int) []Question {
	q, t := slices.Clone(q), newTwister(1)
	var out []Question
	for range n {
		i := t.below(uint32(len(q)))
		out = append(out, q[i])
		q = slices.Delete(q, i, i+1)
	}
	return out
}

// pickScaled draws by a float32 fraction; the last question takes the place of the one drawn.
func pickScaled(q []Question, n int) []Question {
	q, t := slices.Clone(q), newTwister(1)
	var out []Question
	for range n {
		i := min(len(q)-1, int(float32(float32(t.uint32())/(1<<32))*float32(len(q))))
		out = append(out, q[i])
		q[i] = q[len(q)-1]
		q = q[:len(q)-1]
	}
	return out
}

// pickButLast leaves the last question out, as llama-perplexity loses the last line of a CSV file.
func pickButLast(q []Question, n int) []Question { return pickScaled(q[:max(n, len(q)-1)], n) }

func pickFirst(q []Question, n int) []Question { return q[:n] }
