// Package quantize stores numbers in few bits: one value of Type per way of storing weights, one of Method per way of
// choosing them. It knows no names, no files and no models.
package quantize

import (
	"fmt"
	"sort"
	"strings"
)

// NoID is the ID of a type that GGUF has no number for.
const NoID = ^uint32(0)

// A Type is one way of storing weights; F32 is a Type like any other. A nil function says "cannot".
type Type struct {
	Name  string // as ggml spells it (or safetensors, where ggml has none): grep finds it in both worlds
	ID    uint32 // ggml_type, or NoID
	Block int    // weights in a block
	Bytes int    // bytes in a block
	Row   int    // bytes that stand before the blocks of each row

	// Decode reads whole blocks: len(dst) is a multiple of Block, len(src) is what they occupy. Where Row is not 0, it reads
	// one row.
	Decode func(dst []float32, src []byte)

	// Encode writes one row with quern's own search: on the rows of the reference data never more weighted error than Ggml. importance is nil or one non-negative weight for each column.
	Encode Encoder

	// Harder returns encoders that search longer, for efforts 2 and 3; nil where Encode has nothing more to try. Either is held to Ggml, block by block.
	Harder func(effort int) Encoder

	// Weigh fills w with the weight that Encode gives to the squared error of each element of a row, for a given
	// importance or none. nil means one everywhere, importance or not.
	Weigh func(w, src, importance []float32)

	// Alone says that Encode and Ggml take each block by itself where there is no importance, or no Weigh, so that a row may be cut.
	Alone bool

	// NeedsImportance says that without importance the type loses so much that plans refuse it.
	NeedsImportance bool

	// Along counts the part of a block's error that goes along with its weights again: Encode minimises, in every block, Σ w·e²
	// + Along·(Σ w·x·e)²/Σ w·x².
	Along float64

	// Ggml writes one row with the algorithm of llama-quantize, for people who must reproduce its files.
	Ggml Encoder

	// Tile decodes whole blocks into what the integer product wants. Group is the number of weights that share a
	// scale there, integer scales where there are such.
	Tile  func(dst Tile, src []byte)
	Group int

	// Lattice is what methods that choose codes themselves need; nil where weights share codes.
	Lattice *Lattice

	// Book is the same where eight weights share a code.
	Book *Book

	// Factor, where it is not 0, is a power of two that weights are divided by before Encode, for want of range in the type's
	// scales; runtimes multiply by it again, which files say in a tensor beside the weight.
	Factor float32

	// Acts says how runtimes store the other factor of a product with this type.
	Acts Acts

	// Fallback is llama-quantize's choice where a row is not a multiple of Block; nil where it has none.
	Fallback *Type

	// MaxRMSE bounds the relative RMS error on normally distributed weights; the type's own test checks it.
	MaxRMSE float64
}

// An Encoder writes one row of whole blocks.
type Encoder func(dst []byte, src, importance []float32)

// Efforts of an encoder: 0 takes llama-quantize's choices, to the byte; the default searches as long as it pays; above that it is
// patience that decides.
const (
	EffortGgml    = 0
	EffortDefault = 1
	EffortMost    = 3
)

// Encoder is the encoder of an effort, nil if there is none.
func (t *Type) Encoder(effort int) Encoder {
	switch {
	case effort <= EffortGgml:
		return t.Ggml
	case effort == EffortDefault:
		return t.Encode
	}
	encode := t.Encode
	if t.Harder != nil {
		encode = t.Harder(min(effort, EffortMost))
	}
	if encode == nil || t.Ggml == nil || t.Block == 1 {
		return encode
	}
	return t.heldTo(t.Ggml, encode)
}

// A Tile is a run of weights as the integer product wants them: weight i is Scale[i/Group]*Code[i] + Min[i/Group], or, where groups
// have integers that multiply what s = Shared() weights share, Scale[i/s]*Sub[i/Group]*Code[i] + Min[i/s]*SubMin[i/Group].
// Min and SubMin are filled with zeros by types that have no offset.
type Tile struct {
	Code        []int8
	Scale, Min  []float32
	Sub, SubMin []int16
}

// Shared is the number of weights that share Scale and Min of a tile: more than Group in types whose products runtimes sum up in
// integers over as many weights as share a scale of the activations.
func (t *Type) Shared() int {
	if t.Acts == ActsQ8_K {
		return super
	}
	return t.Group
}

// clearMin says that there are no offsets.
func (t *Tile) clearMin() {
	clear(t.Min)
	clear(t.SubMin)
}

// Acts is a storage of activations in a runtime's matrix product.
type Acts uint8

// The activation storages of llama.cpp's CPU products.
const (
	ActsF32  Acts = iota // as they are
	ActsF16              // rounded to half precision
	ActsBF16             // rounded to bfloat16
	ActsQ8_0             // int8, one float16 scale for 32
	ActsQ8_K             // int8, one float32 scale for 256
)

var types []*Type

// register is called by the variable of each type; it panics on a name or number taken twice.
func register(t Type) *Type {
	for _, o := range types {
		if strings.EqualFold(o.Name, t.Name) || o.ID == t.ID && t.ID != NoID {
			panic(fmt.Sprintf("quantize: types %s and %s collide", o.Name, t.Name))
		}
	}
	types = append(types, &t)
	return &t
}

// Types returns all types in the order of their numbers, those without one last, by name.
func Types() []*Type {
	all := append([]*Type(nil), types...)
	sort.Slice(all, func(i, j int) bool {
		if all[i].ID != all[j].ID {
			return all[i].ID < all[j].ID
		}
		return all[i].Name < all[j].Name
	})
	return all
}

// ByName finds a type by its name in any case, or returns nil.
func ByName(name string) *Type {
	for _, t := range types {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// ByID finds a type by its ggml_type number, or returns nil.
func ByID(id uint32) *Type {
	for _, t := range types {
		if t.ID == id && id != NoID {
			return t
		}
	}
	return nil
}

// Size returns the bytes that n weights of one row occupy, and false when n is not a multiple of the block.
func (t *Type) Size(n int) (int, bool) {
	if n%t.Block != 0 {
		return 0, false
	}
	return t.Row + n/t.Block*t.Bytes, true
}

// BitsPerWeight is what a weight costs, scales included.
func (t *Type) BitsPerWeight() float64 { return 8 * float64(t.Bytes) / float64(t.Block) }

func (t *Type) String() string { return t.Name }

// recode puts codes into encoded blocks.
func (t *Type) recode() func(dst []byte, code []int8) {
	if t.Book != nil {
		return t.Book.Recode
	}
	return t.Lattice.Recode
}
