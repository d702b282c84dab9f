package arch

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"

	"quern/formats"
	"quern/quantize"
)

// An Op is what happens to a tensor between the Hugging Face checkpoint and GGUF. The zero value renames it.
type Op struct {
	Name string
	// Forward and Inverse wrap the promise of rows; nil leaves it as it is.
	Forward, Inverse func(t *formats.Tensor, p *Params) *formats.Tensor
	// Join undoes operations that took parts of one source tensor: its arguments are the parts, in the order of the rules.
	Join func(parts []*formats.Tensor, p *Params) *formats.Tensor
	// Combine makes one tensor of several source tensors of different shapes (Rule.Forms), in place of one behind the other; Split is the way back, nil where there is none.
	Combine func(parts []*formats.Tensor, p *Params) *formats.Tensor
	Split   func(t *formats.Tensor, p *Params) []*formats.Tensor
	// Make builds a tensor that the checkpoint does not hold; nil when the model does not need it.
	Make func(p *Params) *formats.Tensor
	// OneWay says that nothing undoes Forward, and nothing has to: what it makes is the same model, and it leaves that as it is.
	OneWay bool
	// Folds says that nothing tells apart again what Combine made one, and that the way back leaves it out.
	Folds bool
	// Near says that Inverse may give other numbers than there were, of which Forward makes the same.
	Near bool
	// Lent says that a tower's Forward takes something out of a tensor of the language model, which keeps it: nothing leads back.
	Lent bool
	// Rounds says that Inverse gives back what Forward took but for its last bits.
	Rounds bool
	// Columns says of each column of what Forward makes which of the source's it is, where it moves columns; nil: it does not.
	Columns func(p *Params) func(int) int
	// Turned says that Forward makes rows of columns, so that what a matrix takes are not the columns of the checkpoint.
	Turned bool
}

// PermuteQ and PermuteK move the rows of each head from halves, as Hugging Face rotates them, to neighbouring pairs.
var (
	PermuteQ = permute("permute q", func(p *Params) int { return p.Heads })
	PermuteK = permute("permute k", func(p *Params) int { return p.KVHeads })
)

// ropeFreqs are those of Llama 3.1.
var ropeFreqs = Rule{GGUF: "rope_freqs.weight", Role: RoleRopeFactors, Shape: "R", Do: MakeRopeFactors, Optional: true}

// MakeRopeFactors stores Params.RopeFactors.
var MakeRopeFactors = makeList("rope_freqs.weight", func(p *Params) []float32 { return p.RopeFactors })

func permute(name string, heads func(*Params) int) Op {
	wrap := func(inverse bool) func(*formats.Tensor, *Params) *formats.Tensor {
		return func(t *formats.Tensor, p *Params) *formats.Tensor {
			size := 1
			if len(t.Shape) > 0 {
				size = t.Shape[0] / heads(p)
			}
			return permuted(t, permutation{size, inverse}.from)
		}
	}
	return Op{Name: name, Forward: wrap(false), Inverse: wrap(true)}
}

// A permutation takes unit from(i) of the source for unit i of the result, within each head of size units:
// result 2i+j is source j*size/2+i, or the other way round.
type permutation struct {
	size    int
	inverse bool
}

func (m permutation) from(i int) int {
	head, k, half := i/m.size*m.size, i%m.size, m.size/2
	if m.inverse {
		return head + k%half*2 + k/half
	}
	return head + k%2*half + k/2
}

// permuted wraps a tensor whose outermost dimension is permuted: rows of a matrix, or the elements of a vector; unit i of the result is unit
// from(i). Whole units move, so stored bytes stay readable whatever the type.
func permuted(t *formats.Tensor, from func(int) int) *formats.Tensor {
	n := *t
	vector := len(t.Shape) == 1
	if t.Rows != nil {
		if vector {
			n.Rows = permutedVector{t.Rows, from}
		} else {
			n.Rows = moved(t, movedRows{t.Rows, t.Cols(), from}, from)
		}
	}
	if t.Raw != nil {
		unit := t.Bytes() / int64(t.Shape[0])
		if vector && t.Type.Block != 1 {
			n.Raw = nil
		} else {
			n.Raw = permutedBytes{t.Raw, from, unit, t.Bytes()}
		}
	}
	return &n
}

type permutedVector struct {
	rows formats.Rows
	from func(int) int
}

func (r permutedVector) ReadRows(dst []float32, row int) error {
	in := make([]float32, len(dst))
	if err := r.rows.ReadRows(in, row); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = in[r.from(i)]
	}
	return nil
}

// permutedBytes reads stored bytes in the new order, unit by unit.
type permutedBytes struct {
	raw  io.ReaderAt
	from func(int) int
	unit int64
	size int64
}

func (r permutedBytes) ReadAt(p []byte, off int64) (n int, err error) {
	for len(p) > 0 && off < r.size {
		i, in := off/r.unit, off%r.unit
		k := min(int64(len(p)), r.unit-in)
		got, err := r.raw.ReadAt(p[:k], int64(r.from(int(i)))*r.unit+in)
		n += got
		if int64(got) < k {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
		p, off = p[k:], off+k
	}
	if len(p) > 0 {
		return n, io.EOF
	}
	return n, nil
}

// Drop passes advice for whole heads on: within a head the order does not matter.
func (r permutedBytes) Drop(off, n int64) { formats.Drop(r.raw, off, n) }

// Floats is a tensor held in memory.
func Floats(name string, v []float32) *formats.Tensor {
	raw := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	return &formats.Tensor{Name: name, Shape: []int{len(v)}, Type: quantize.ByName("F32"), Rows: floats(v), Raw: bytes.NewReader(raw)}
}

type floats []float32

func (f floats) ReadRows(dst []float32, _ int) error { copy(dst, f); return nil }
