package arch

import "strconv"

// Params are the hyper-parameters of one model, whether they came from config.json or from GGUF keys.
type Params struct {
	Vocab    int     // V: rows of the embedding
	Embd     int     // E
	FF       int     // F
	BothFF   int     // of gate and up together, where a family's files tell that
	Layers   int     //
	Stacks   Stacks  // zero without
	Sides    Sides   // zero without
	Sparse   Sparse  // zero without
	Loops    int     // how often a text goes through all layers; 0: once
	LoopBare bool    // … and whether no norm comes between
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
	// GrowFrom is the position behind which scores grow with the logarithm of a query's position, to that base; 0: they do not. Runtimes do not know it.
	GrowFrom int
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
	// Ternary says that matrices count as ternary ones (config.json only: files hold them so).
	Ternary bool
	// Stretched says that the library changes frequencies in sequences beyond Context; no file tells it.
	Stretched bool
	Layout    string // a word of some files, about the order of rows in heads

	// Bounds and SharedBounds are, of each layer, what gates may be at most, and what they multiply may be in size; of the experts, and of networks that see
	// every token. 0: anything. nil: in all layers.
	Bounds, SharedBounds []float32

	// BankEvery says that the first of so many layers banks the stream and begins a new one, and that what parts of a layer are given is a mixture of the stream and those banked
	// (attention residuals); 0: there is one stream.
	BankEvery int
	// SituBeta and SituLinear are how large the two factors of SiTU can become; SituLinear 0: the second is as it is.
	SituBeta, SituLinear float32

	HeadsIn, KVHeadsIn, FFIn []int32 // of each layer, where these differ from layer to layer (At); Heads, KVHeads and FF are then the largest

	QueryScale float32 // what normed heads of queries are multiplied by (config.json only: files hold it as weights of norms)
	NormAfter  bool    // norms follow both parts of a layer, in a family most of whose models have them before
	Unsaid     int     // tokens of images end here, which are never predicted; 0: there are none

	Rotates  bool    // whether heads are rotated, where a family's files tell it of all layers
	HeadGate bool    // RoleAttnGate has one output for each head, not one for each of its dimensions
	Parallel bool    // Layer.Parallel, where a family's files tell it
	Joined   bool    // queries, keys and values are one matrix, in a family that has both kinds
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
	FullLast     int      // the same of the last
	ClassPooling int      // the same where it sorts texts; 0: PoolFirst
	Vectors      int      // OV: numbers that the matrix behind states makes of each (RoleDense); 0: there is none
	Labels       []string // of what it sorts texts into

	Mix    Mixture // of experts; zero without
	MLA    Latent  // attention; zero without
	Index  Indexer // zero without
	Hyper  Hyper   // zero without
	State  State   // of layers without keys and values; zero without
	Pooled Pooled  // zero without
	Draft  Draft   // of a draft head; zero without
	Switch Switch  // zero without
	NGrams NGrams  // zero without
	Scales Scales
	Times  Times
	Caps   Caps
	Yarn   Yarn // zero without

	LongRope LongRope // zero without
	Xielu    Xielu    // nil without

	Sections []int32 // of a head, rotated by time, height and width; the three are equal in a text
	// Spectrum is how many numbers of a spectrum of sound are made of a state; 0: none are.
	Spectrum int
	// Sound are the sizes of what makes sound of codes; zero without.
	Sound Sound
	// Speech is what a language model that speaks has; zero without.
	Speech Speech
	// Spoken and Pocket are the sizes of what is around it, in two models.
	Spoken Spoken
	Pocket Pocket
	// Deepstack is to how many of the first layers images add more than embeddings.
	Deepstack int
	// Streams says of each layer which of them is added there, -1 for none, in models that differ in that; nil in others.
	Streams []int32
	Vision  Vision  // of a tower; zero without
	Hear    Hearing // of one that hears, likewise
}

// Mute are the tokens that are never predicted: from … to before.
func (p *Params) Mute() (from, to int) {
	if p.Unsaid == 0 {
		return 0, 0
	}
	return imageTokensBegin, p.Unsaid
}

// Dim is the size of the dimension that a letter stands for in Rule.Shape, 0 for a letter that has no meaning.
func (p *Params) Dim(letter string) int {
	if n, err := strconv.Atoi(letter); err == nil {
		return n
	}
	switch letter {
	case "spectrum":
		return p.Spectrum
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
	case "AW": // queries, keys and values in one, where values have another size
		return p.Heads*p.HeadDim + p.KVHeads*(p.HeadDim+p.ValueDim)
	case "KK": // keys and values in one
		return 2 * p.KVHeads * p.HeadDim
	case "QQ": // queries, and what multiplies what attention gives, head by head
		return 2 * p.Heads * p.HeadDim
	case "A": // queries, keys and values in one
		return (p.Heads + 2*p.KVHeads) * p.HeadDim
	case "QG": // those of heads that share none, and a gate of their size
		return 4 * p.Heads * p.HeadDim
	case "G": // gate and up in one
		return 2 * p.FF
	case "D":
		return p.HeadDim
	case "H":
		return p.Heads
	case "OG":
		return p.Gates()
	case "DH":
		return p.HeadDim / 2
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
	case "OV":
		return p.Vectors
	case "VS":
		return p.SideRows
	case "LP": // of all layers
		return p.Layers * p.Side
	}
	if letter == "SE" { // heads of states that fill the embedding
		return p.Embd / max(1, p.State.Size)
	}
	if letter == "EX" && p.Mix.Latent == 0 {
		return p.Embd
	}
	if letter == "E3" {
		return 3 * p.Embd
	}
	if letter == "HCE" { // all streams of a token
		return p.Hyper.Streams * p.Embd
	}
	return max(p.AltUp.dim(letter), p.Hyper.dim(letter), p.NGrams.dim(letter), p.Index.dim(letter), p.Mix.dim(letter), p.latentDim(letter), p.pooledDim(letter), p.visionDim(letter), p.samDim(letter), p.hearingDim(letter), p.State.dim(letter), p.Switch.dim(letter), p.Draft.dim(letter, p), p.Sound.dim(letter), p.Speech.dim(letter, p), p.Spoken.dim(letter, p), p.Pocket.dim(letter, p))
}

// Gates is the number of outputs of RoleAttnGate.
func (p *Params) Gates() int {
	if p.HeadGate {
		return p.Heads
	}
	if p.MLA.KV > 0 {
		return p.Heads * p.ValueDim
	}
	return p.Heads * p.HeadDim
}
