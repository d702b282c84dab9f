// Package arch describes model families as data: names, keys, roles, shapes, operations, and what the forward pass needs
// to know. One family per file; the same table drives conversion, its inverse, verification and the forward pass.
package arch

import (
	"slices"

	"quern/formats"
)

// An Arch is one family: a GGUF architecture and the Hugging Face classes that it is made from.
type Arch struct {
	Name     string    // general.architecture
	Variants []Variant // the Hugging Face side: classes and what their config.json may leave out
	Keys     []Key     // hyper-parameters, in the order in which they are written
	Tensors  []Rule    // total: every tensor of the source has a rule or is in Drop
	Drop     []string  // source tensors that are dropped by name; "*" stands for any text, "{+}" for layers beyond the last
	Refuse   []Refusal // settings that would change the model into one this table does not describe
	Layer    Layer     // what the forward pass does in a layer

	Prefix string   // that names in HF begin with, those of the head excepted; "": "model."
	Loose  bool     // checkpoints may lack it whatever their class
	Strip  []string // instead: what names in checkpoints may begin with, and those here do not

	// Finish refuses what contradicts, and sets what follows from several keys of config.json; nil: nothing.
	Finish func(c *Config, p *Params) error
	// Mistaken says what runtimes take a model for, where they go by something else than what its file says; nil or "": they do not.
	Mistaken func(b *Bound) string
	// Beside reads what other files of a folder than config.json say; nil: nothing.
	Beside func(src *formats.Source, b *Bound) error
	// Look sets what of a GGUF file only its tensors tell; nil: nothing.
	Look func(src *formats.Source, p *Params)

	// Of towers only (tower.go): clip.projector_type, and patterns of the tensors that are theirs.
	Projector string
	Own       []string
}

// A Variant is one Hugging Face model type that becomes this architecture.
type Variant struct {
	Type     string         // config.json model_type
	HF       []string       // config.json architectures
	Bare     []string       // classes of HF without a head, whose tensor names lack the leading prefix
	Defaults map[string]any // what the Hugging Face library assumes for a key that config.json leaves out
	Ignore   []string       // keys of the table that this type does not have: a stray one means nothing

	If func(c *Config) bool // which of several families of a class a checkpoint is of; nil: there is one

	// Of towers only: the vision_config.model_type that decides between towers of one class, the class of the language model where config.json does
	// not name it, and what the library assumes for keys that its part of config.json leaves out, by its model_type.
	Tower    string
	Language string
	Inner    map[string]map[string]any
}

// A Rule makes one GGUF tensor, per layer where a name says "{}". It is invertible where its Op is. Where HF says "{e}" the
// tensor is as many source tensors, one for each expert, one behind the other; "{h}" is one for each head, "{kv}" for each head of keys; "{n}" counts
// the layers that have the tensor. Several rules may take parts of one source tensor; several rules with one GGUF name are layouts of which a
// checkpoint has one.
type Rule struct {
	GGUF, HF string // HF is "" for a tensor that is made from hyper-parameters, or that only GGUF files have
	Role     Role
	And      []Role // further matrices in the same tensor, whose rows follow those of Role; they share its input
	Shape    string // dimensions outermost first, in the letters of Params.Dim: "V E", "Q E"
	From     string // dimensions of the source tensor where Do changes them, without that of the experts
	Do       Op
	Idle     bool                     // it lies in files, and nothing multiplies with it
	Number   func(*Params) *[]float32 // of a tensor of one number for each layer, which files tell as a key: where it is kept
	Optional bool
	Flag     string // the config.json key that says whether an optional tensor is there: all of them, or none

	When  func(p *Params, layer int) bool // whether the model has this tensor; nil: always
	Old   string                          // the name of its parts in GGUF files of an older layout, with "{e}"
	Stead []string                        // a tensor of older GGUF files, which stands for these: it may be there in their stead
	Store string                          // the type that runtimes want whatever the recipe says: F32, F16, or StoreConv
}

// Role is what a tensor does in the model.
type Role uint8

// The roles of a decoder. A bias has the role of its matrix.
const (
	RoleEmbed Role = iota
	RoleRopeFactors
	RoleRopeLong // LongRoPE's, for sequences beyond training
	RoleRopeShort
	RoleAttnNorm
	RoleQ
	RoleK
	RoleV
	RoleO
	RoleFFNNorm
	RoleGate
	RoleUp
	RoleDown
	RoleOutputNorm
	RoleOutput
	RoleQNorm // of each head of queries
	RoleKNorm // of each head of keys
	RoleRouter
	RoleRouterBias // added to what the router prefers, not to how much
	RoleGateExps   // the experts' matrices, one behind the other
	RoleUpExps
	RoleDownExps
	RoleShareGate // how much of the shared expert is added
	RoleGateShared
	RoleUpShared
	RoleDownShared
	RoleQA // of latent attention: queries, and keys and values, are made narrow and wide again
	RoleQANorm
	RoleKVA
	RoleKVANorm
	RoleKB // for each head, what makes a query comparable with the narrow keys
	RoleVB // for each head, what makes its values of the narrow ones
	RoleKVB
	RoleSinks    // of each head, what it gives to nothing
	RoleTower    // any tensor of a vision tower or its projector
	RoleVision   // what a language model does to images instead of words
	RoleAttnPost // norms of what attention and the feed-forward network add
	RoleFFNPost
	RolePositions // a vector for each position, added to embeddings
	RoleEmbedNorm // of embeddings, before the first layer
	RoleAttnGate  // of whose outputs the sigmoid multiplies what attention gives
	RoleSideEmbed // of tokens, for every layer: an input of its own (Side)
	RoleSideProj  // what makes the other half of that of embeddings
	RoleSideProjNorm
	RoleSideGate // of a layer: how much of its own input …
	RoleSideOut  // … is added to the stream
	RoleSideNorm
	RoleLayerScale  // what a layer's outputs are multiplied by
	RoleRouterScale // what a router's inputs are multiplied by
	RoleExpertScale // what experts' outputs are multiplied by
	RoleExpsNorm    // of the experts' inputs, where a dense network stands beside them
	RoleExpsPost    // norms of what those add
	RoleDensePost
	RoleAltProj     // of a model with several streams: what makes the others of embeddings …
	RoleAltUnembed  // … and one of them again
	RoleAltRouter   // of a layer: what it tells of a stream …
	RoleAltNorm     // … normed …
	RoleAltPredict  // … for all streams before the layer …
	RoleAltCorrect  // … and after it
	RoleAltScale    // of the stream that a layer's own input is added by
	RoleLaurelLeft  // a narrow way past attention
	RoleLaurelRight //
	RoleLaurelNorm
	RoleTypes     // of encoders: a vector for each part of a text, of which the first is added to embeddings
	RoleAttnSum   // norms of the stream behind attention …
	RoleAttnSum2  // … a second time …
	RoleFFNSum    // … and behind the feed-forward network
	RoleRelative  // for each kind of distance and head, what is added to scores
	RoleClass     // what sorts texts: a matrix …
	RoleClassNorm // … a norm …
	RoleClassOut  // … and a matrix with an output for each class
)

// StoreConv is a Rule.Store: F16 in a file of that type, F32 in all others, since runtimes convolve with these two.
const StoreConv = "F16 or F32"

// Layer says which of the variants of a transformer layer the forward pass computes. The zero value is Llama's.
type Layer struct {
	RopeNeox    bool       // rotates halves of a head instead of neighbouring pairs
	SectionNeox bool       // does so where time, height and width each rotate a part of a head (Sections)
	RopePart    bool       // may rotate the leading dimensions of a head only
	Act         Activation // of the gate
	Bare        bool       // its parts are given the residual stream without a norm
	WholeNorm   bool       // queries and keys are normed as a whole, not each head
	FullEvery   int        // the last of so many layers has no window; 0: all have it
	SmoothRamp  bool       // yarn's ramp does not begin and end at whole dimensions; runtimes do not know that
	ScaleEmbed  bool       // embeddings are multiplied by √E where they enter the first layer
	StillEvery  int        // the last of so many layers rotates nothing, so that it knows no positions; 0: all rotate
	RunsFull    bool       // runtimes know no window in this family: every query sees all positions before it
	StillFull   bool       // in a model with windows, the layers without one rotate nothing
	MeanNorm    bool       // norms take the mean away (LayerNorm), and may have biases
	RunsRMS     bool       // runtimes do not take the mean away, though the model was trained so
	BareNorm    bool       // norms have no weights
	Parallel    bool       // the feed-forward network is given what attention is, not what that made of it
	LateNorm    bool       // heads are normed after they are rotated
	SparseMix   bool       // a token's two experts are weighed by SparseMixer; runtimes divide two probabilities by their sum
	LateBare    bool       // heads are normed after they are rotated, without weights (LateBared)
	Chunked     bool       // a window is the part of a text that a query is in: it begins at every multiple of its size
	StillGrow   bool       // queries grow with their position in layers that rotate nothing, and in no others
	InputGate   bool       // experts are given their inputs times their weights, and are chosen by what the router says before that is a probability
	Beside      bool       // experts stand beside a dense network, each with norms of its own; routers norm their inputs without weights
	Streams     bool       // a layer computes with one of several streams, predicts the others and corrects them (AltUp)
	BareValue   bool       // values are normed, head by head, without weights
	PartPairs   bool       // of a head's pairs those of the highest frequencies may be the only ones to be rotated; rope_freqs.weight says which
	EarlyRouter bool       // the router is given what the layer is, without a norm
	Ungated     bool       // the feed-forward network has no gate: its function is applied to up
	SoftGate    bool       // a softplus of RoleAttnGate's outputs multiplies, not their sigmoid
	Averaged    bool       // what the shared experts and the others give is averaged instead of added
	OwnValues   bool       // values may have another size than keys
	FillsIn     bool       // every query sees all positions; there is an output head, which says what a masked token is
	Encoder     bool       // every query sees all positions, and there is no output head: what comes out is states of tokens
	ClassAct    bool       // of an encoder that sorts texts: its first matrix is followed by Act, not by a hyperbolic tangent
}

// An Activation is the function between the matrices of the feed-forward network.
type Activation uint8

// The activations.
const (
	SiLU     Activation = iota
	GELUTanh            // its approximation by a hyperbolic tangent
	CutSwish            // gpt-oss: x/(1+e^(-1.702x)) of x cut off at 7, times one more than up within ±7
	GELU                // x·Φ(x); runtimes have its approximation only
	ReLU                // x, or zero where that is more
	ReLU2               // squared
	XIELU               // with numbers of its own in each layer (Xielu)
)

// Params are the hyper-parameters of one model, whether they came from config.json or from GGUF keys.
type Params struct {
	Vocab    int     // V: rows of the embedding
	Embd     int     // E
	FF       int     // F
	BothFF   int     // of gate and up together, where a family's files tell that
	Layers   int     //
	Further  int     // of the layers in a file, those behind the others, which guess further tokens and are not read
	Heads    int     // query heads; Q = Heads*HeadDim
	KVHeads  int     // K = KVHeads*HeadDim
	HeadDim  int     // D, of queries and keys
	ValueDim int     // of values; the families here have HeadDim
	Context  int     // longest sequence the model was trained for
	NormEps  float32 // RMS norm
	RMSEps   float32 // the same, in a family that has norms of two kinds: then no norm takes the mean away; 0: all do
	RopeDim  int     // leading dimensions of a head that are rotated
	RopePart float32 // their part of a head, as config.json tells it
	RopeBase float32 // theta
	RopeType string  // how positions beyond training are handled: "", "linear", "yarn", "llama3", "longrope" or "proportional"
	// RopeScale divides positions (linear scaling; yarn for some dimensions); 1 without.
	RopeScale float32
	// RopeContext is the context before it was lengthened, where a family's files tell it.
	RopeContext int
	// RopeFactors divide the frequencies, one for each pair of dimensions (Llama 3.1); nil without.
	RopeFactors []float32
	// Temperature is how much queries grow with the logarithm of how often RopeContext fits before them; 0: they do not.
	Temperature float32
	// Window is the number of positions that a query sees, itself included; 0 = all before it.
	Window int
	// WindowIn says of each layer whether it has the window, where a family's files tell it; nil: the family knows.
	WindowIn []bool
	// Near are the sizes of heads in layers with a window, where they are others than HeadDim, ValueDim and RopeDim; zero: they are not.
	Near HeadSizes
	// Borrow is the number of the last layers that have no keys and values of their own: they use those of the last of their kind before.
	Borrow int
	// OneKV says that in layers without a window the keys, before they are normed, are the values.
	OneKV bool
	// AltUp are several streams; zero: there is one.
	AltUp AltUp
	// Sparsity says of each layer how many standard deviations above their mean gates begin to count; -Inf: all do. nil: in all layers.
	Sparsity []float32
	// SideRows are the tokens that have inputs of layers of their own.
	SideRows int
	// Side is the width of an input that every layer has beside the stream, of the token and of its embedding; 0: none.
	Side int
	// RopeIn says of each layer whether it rotates heads, where a family's files tell it; nil: the family knows.
	RopeIn []bool
	// NearBase is theta of the layers with a window, whose positions are never scaled; 0: they are rotated as all others.
	NearBase float32
	// Tied says that the output head is the embedding.
	Tied bool
	// NormHead says that rows of the output head count with length one (config.json only: files hold them so).
	NormHead bool
	// Stretched says that the library changes frequencies in sequences beyond Context; no file tells it.
	Stretched bool
	Layout    string // a word of some files, about the order of rows in heads

	HeadsIn, KVHeadsIn, FFIn []int32 // of each layer, where these differ from layer to layer (At); Heads, KVHeads and FF are then the largest

	HeadGate bool    // RoleAttnGate has one output for each head, not one for each of its dimensions
	Parallel bool    // Layer.Parallel, where a family's files tell it
	NoBiases bool    // queries, keys and values have no biases, in a family most of whose models have them
	TwoNorms bool    // the parts of a layer that are given the same are given it by a norm each, where a family has both kinds
	Act      string  // what config.json calls the activation, in families that have several (Activations)
	Alibi    float32 // the largest of the numbers that heads multiply distances with to lower their scores; 0: none
	Clamp    float32 // queries, keys and values are cut off at ±Clamp; 0: not

	Ungated      bool     // Layer.Ungated, where a family has both kinds
	Buckets      int      // kinds of distances between a query and a key, each of which adds to scores
	EachRelative bool     // every layer has numbers of its own for them; otherwise the first one's are all layers'
	Mask         int      // the token that stands for what a model fills in, where that is told
	Types        int      // of an encoder: parts of a text that it tells apart; 0: none
	TypeCount    int      // the same as files tell it, which is one at least
	PadRows      int      // leading vectors of positions that no text has, which files leave out
	Causal       bool     // what encoders' files tell, and is false
	Pooling      int      // how a text's states become one vector, where that is known: PoolMean, PoolFirst, PoolLast
	FullFirst    int      // of so many layers the first has no window, where a family's files tell it
	ClassPooling int      // the same where it sorts texts; 0: PoolFirst
	Labels       []string // of what it sorts texts into

	Mix    Mixture // of experts; zero without
	MLA    Latent  // attention; zero without
	Scales Scales
	Caps   Caps
	Yarn   Yarn // zero without

	LongRope LongRope // zero without
	Xielu    Xielu    // nil without

	Sections []int32 // of a head, rotated by time, height and width; the three are equal in a text
	// Deepstack is to how many of the first layers images add more than embeddings.
	Deepstack int
	Vision    Vision // of a tower; zero without
}

// Dim is the size of the dimension that a letter stands for in Rule.Shape, 0 for a letter that has no meaning.
func (p *Params) Dim(letter string) int {
	switch letter {
	case "V":
		return p.Vocab
	case "E":
		return p.Embd
	case "F":
		return p.FF
	case "Q":
		return p.Heads * p.HeadDim
	case "K":
		return p.KVHeads * p.HeadDim
	case "KW": // values, where their size is another
		return p.KVHeads * p.ValueDim
	case "KK": // keys and values in one
		return 2 * p.KVHeads * p.HeadDim
	case "A": // queries, keys and values in one
		return (p.Heads + 2*p.KVHeads) * p.HeadDim
	case "G": // gate and up in one
		return 2 * p.FF
	case "D":
		return p.HeadDim
	case "H":
		return p.Heads
	case "OG":
		return p.Gates()
	case "HK":
		return p.KVHeads
	case "C":
		return p.Context
	case "R":
		return p.RopeDim / 2
	case "P":
		return p.Side
	case "buckets":
		return p.Buckets
	case "T":
		return p.Types
	case "PC":
		return p.PadRows + p.Context
	case "L":
		return len(p.Labels)
	case "VS":
		return p.SideRows
	case "LP": // of all layers
		return p.Layers * p.Side
	}
	return max(p.AltUp.dim(letter), p.Mix.dim(letter), p.latentDim(letter), p.visionDim(letter))
}

// Gates is the number of outputs of RoleAttnGate.
func (p *Params) Gates() int {
	if p.HeadGate {
		return p.Heads
	}
	return p.Heads * p.HeadDim
}

// A Bound is a checkpoint understood: its family, its hyper-parameters, and its tensors under GGUF names and in GGUF's
// conventions, each still only a promise of rows. A tensor whose bytes need no change keeps Raw.
type Bound struct {
	Arch    *Arch
	Params  Params
	Config  *Config // config.json, nil for a GGUF file
	Tensors []*formats.Tensor
	Origins []Origin // where each of Tensors comes from
	Dropped []string // source tensors that are left out
	Left    []string // source tensors of the other part: of the tower, or of the language model
	Notes   []string // what a user should know, in sentences
}

// has says whether a tensor of a role is there.
func (b *Bound) has(role Role) bool {
	return slices.ContainsFunc(b.Origins, func(o Origin) bool { return o.Rule.Role == role })
}

// An Origin says which source tensor became a tensor, and by which rule.
type Origin struct {
	Source string   // "" for a tensor made from hyper-parameters
	Parts  []string // the source tensors that it is made of, one for each expert where they are stored one by one
	Rule   *Rule
	Layer  int // -1 outside layers
}

var table []*Arch

func register(a Arch) *Arch {
	table = append(table, &a)
	return &a
}

// All returns the table of families.
func All() []*Arch { return table }
