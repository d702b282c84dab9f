// Package arch describes model families as data: names, keys, roles, shapes, operations, and what the forward pass needs
// to know. One family per file; the same table drives conversion, its inverse, verification and the forward pass.
package arch

import "quern/formats"

// An Arch is one family: a GGUF architecture and the Hugging Face classes that it is made from.
type Arch struct {
	Name    string   // general.architecture
	HF      []string // config.json architectures
	Keys    []Key    // hyper-parameters, in the order in which they are written
	Tensors []Rule   // total: every tensor of the source has a rule or is in Drop
	Drop    []string // source tensors that are dropped by name; "*" stands for any text
	Layer   Layer    // what the forward pass does in a layer
}

// A Rule makes one GGUF tensor, per layer where a name says "{}". It is invertible where its Op is.
type Rule struct {
	GGUF, HF string
	Role     Role
	Shape    string // dimensions outermost first, in the letters of Params.Dim: "V E", "Q E"
	Do       Op
	Optional bool
}

// Layer says which of the variants of a transformer layer the forward pass computes. The zero value is Llama's.
type Layer struct {
	RopeNeox bool // rotates halves of a head instead of neighbouring pairs
}

// Params are the hyper-parameters of one model, whether they came from config.json or from GGUF keys.
type Params struct {
	Vocab    int     // V: rows of the embedding
	Embd     int     // E
	FF       int     // F
	Layers   int     //
	Heads    int     // query heads; Q = Heads*HeadDim
	KVHeads  int     // K = KVHeads*HeadDim
	HeadDim  int     // D
	Context  int     // longest sequence the model was trained for
	NormEps  float32 // RMS norm
	RopeDim  int     // leading dimensions of a head that are rotated
	RopeBase float32 // theta
	// RopeScale divides positions (linear scaling); 1 without.
	RopeScale float32
	// RopeFactors divide the frequencies, one for each pair of dimensions (Llama 3.1); nil without.
	RopeFactors []float32
	// Window is the number of positions that a query sees, itself included; 0 = all before it.
	Window int
	// Tied says that the output head is the embedding.
	Tied bool
}

// A Bound is a checkpoint understood: its family, its hyper-parameters, and its tensors under GGUF names and in GGUF's
// conventions, each still only a promise of rows. A tensor whose bytes need no change keeps Raw.
type Bound struct {
	Arch    *Arch
	Params  Params
	Tensors []*formats.Tensor
}
