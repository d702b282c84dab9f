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
	Else   string   // … or this in its place
	Loose  bool     // checkpoints may lack it whatever their class
	Deaf   []Role   // matrices that llama.cpp multiplies with past what adapters change in this family, besides those that it does so with in all
	Strip  []string // instead: what names in checkpoints may begin with, and those here do not

	// Finish refuses what contradicts, and sets what follows from several keys of config.json; nil: nothing.
	Finish func(c *Config, p *Params) error
	// Mistaken says what runtimes take a model for, where they go by something else than what its file says; nil or "": they do not.
	Mistaken func(b *Bound) string
	// Beside reads what other files of a folder than config.json say; nil: nothing.
	Beside func(src *formats.Source, b *Bound) error
	// Look sets what of a GGUF file only its tensors tell; nil: nothing.
	Look func(src *formats.Source, p *Params)

	// Meet sets what of a draft head only the model tells that it guesses for; nil: it is a model of its own (draft.go).
	Meet func(b *Bound, t *Target) error
	// Silent says of what is no model what it is: nothing here computes it, and it has no tokens; "": it is a model.
	Silent string
	// OwnTokens says of a draft head that the tokenizer lies in its own folder, and of what is no model that it has one.
	OwnTokens bool
	// Kin says whether a GGUF file is of this one of several families of one name; nil: it is if it is of no other.
	Kin func(src *formats.Source) bool

	// Of towers only (tower.go): clip.projector_type, and patterns of the tensors that are theirs.
	Projector string
	Own       []string
	Further   func(src *formats.Source, c *Config) (*Config, error) // adds what lies in folders within the model's, tensors and settings; nil: nothing
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
	Why      string // a tower has no rules here, where more can be said than that
}

// A Rule makes one GGUF tensor, per layer where a name says "{}". It is invertible where its Op is. Where HF says "{e}" the
// tensor is as many source tensors, one for each expert, one behind the other; "{g}" is one for each group of them, "{h}" for each head, "{kv}" for each head of keys, "{s}" one of equal parts of its rows; words in braces with commas between are one for each word, as "{q,k,v}"; "{n}", on either side, counts
// the layers that have the tensor, and "{ngram}" is the one layer that has embeddings of several tokens. Several rules may take parts of one source tensor; several rules with one GGUF name are layouts of which a
// checkpoint has one.
type Rule struct {
	GGUF, HF string // HF is "" for a tensor that is made from hyper-parameters, or that only GGUF files have
	Role     Role
	And      []Role   // further matrices in the same tensor, whose rows follow those of Role; they share its input
	Shape    string   // dimensions outermost first, in the letters of Params.Dim: "V E", "Q E"
	From     string   // dimensions of the source tensor where Do changes them, without that of the experts
	Forms    []string // dimensions of each of several source tensors of which Do combines one; further ones begin with the first again
	Do       Op
	Blocks   func(*Params) []string              // what checkpoints call each of a tower's projectors: "{}" counts these, and not layers, and "{at}" stands for what they are called
	Hears    bool                                // its layers are those of the tower that hears
	Before   bool                                // its layers are those of the tower before the one that makes embeddings
	Idle     bool                                // it lies in files, and nothing multiplies with it
	Number   func(p *Params, layer int) *float32 // of a tensor of one number, which files tell as a key: where it is kept
	Whole    func(p *Params) *[]uint64           // the same of a list of whole numbers
	Optional bool
	Flag     string // the config.json key that says whether an optional tensor is there: all of them, or none

	When  func(p *Params, layer int) bool // whether the model has this tensor; nil: always
	Old   string                          // the name of its parts in GGUF files of an older layout, with "{e}"
	Stead []string                        // a tensor of older GGUF files, which stands for these: it may be there in their stead
	Store string                          // the type that runtimes want whatever the recipe says: F32, F16, StoreConv or StoreConvs
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
	RoleGateGroups // the matrices of experts that groups of others share
	RoleUpGroups
	RoleDownGroups
	RoleLatentDown // what makes of the stream what experts are given, which is less …
	RoleLatentNorm // … norms what they make …
	RoleLatentUp   // … and makes the stream of that
	RoleShareGate  // how much of the shared expert is added
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
	RoleLowStart    // of two stacks: the stream that the low one begins with
	RoleSkip        // of a layer: how often the embedding is added to the stream behind it
	RoleQGain       // what each head of queries is multiplied by
	RoleAttnGain    // what attention adds is multiplied by it …
	RoleFFNGain     // … and what the feed-forward network does
	RoleRouterScale // what a router's inputs are multiplied by
	RoleExpertScale // what experts' outputs are multiplied by
	RoleExpsNorm    // of the experts' inputs, where a dense network stands beside them
	RoleExpsPost    // norms of what those add
	RoleDensePost
	RoleGramTable     // of embeddings of several tokens: the table …
	RoleGramKey       // … what makes of its rows a key of each stream …
	RoleGramValue     // … and a value for all …
	RoleGramKeyNorm   // … norms of keys …
	RoleGramQueryNorm // … of the streams that are compared with them …
	RoleGramConvNorm  // … and of what is added to those …
	RoleGramConv      // … besides what this convolution makes of it
	RoleAltProj       // of a model with several streams: what makes the others of embeddings …
	RoleAltUnembed    // … and one of them again
	RoleAltRouter     // of a layer: what it tells of a stream …
	RoleAltNorm       // … normed …
	RoleAltPredict    // … for all streams before the layer …
	RoleAltCorrect    // … and after it
	RoleAltScale      // of the stream that a layer's own input is added by
	RoleLaurelLeft    // a narrow way past attention
	RoleLaurelRight   //
	RoleLaurelNorm
	RoleTypes    // of encoders: a vector for each part of a text, of which the first is added to embeddings
	RoleAttnSum  // norms of the stream behind attention …
	RoleAttnSum2 // … a second time …
	RoleFFNSum   // … and behind the feed-forward network
	RoleAttnSub  // norms of what the output matrix of attention is given …
	RoleFFNSub   // … and that of the feed-forward network
	RoleIndexQ   // of what chooses positions: its queries …
	RoleIndexK   // … and its keys …
	RoleIndexQNorm
	RoleHyperAttn // of several streams: what makes of them how much of each attention is given, and how much of what it makes each is
	RoleHyperAttnBase
	RoleHyperAttnScale
	RoleHyperFFN // the same of the feed-forward network …
	RoleHyperFFNBase
	RoleHyperFFNScale
	RoleHyperHead // … and of the output head
	RoleHyperHeadBase
	RoleHyperHeadScale
	RoleHyperAttnNorm // where a matrix of low rank says how much of each number attention is given: a norm of the streams …
	RoleHyperAttnDown // … and that matrix, in two
	RoleHyperAttnUp
	RoleHyperFFNNorm
	RoleHyperFFNDown
	RoleHyperFFNUp
	RoleHyperHeadNorm
	RoleHyperHeadDown
	RoleHyperHeadUp
	RoleIndexKNorm
	RoleIndexHeads // … and how much each of its heads counts
	RoleOA         // what makes a few numbers of each group of heads, before the output matrix
	RolePoolK      // of what makes one key of several positions: keys of each …
	RolePoolGate   // … and how much each counts …
	RolePoolBias   // … with what is added to that by its place among them …
	RolePoolNorm
	RoleIndexGate // the same of keys that positions are chosen by
	RoleIndexBias
	RoleHash       // the experts of each token
	RoleRelative   // for each kind of distance and head, what is added to scores
	RoleClass      // what sorts texts: a matrix …
	RoleClassNorm  // … a norm …
	RoleClassOut   // … and a matrix with an output for each class
	RoleDense      // what makes the vectors that texts are compared by of states
	RoleStateIn    // of layers that keep a state: what goes into it …
	RoleStateConv  // … the convolution that it goes through …
	RoleStateOut   // … and what is made of what comes out
	RoleStateTime  // of state-space models: what makes time steps …
	RoleStateDecay // … how fast states decay …
	RoleStatePast  // … how much goes past them …
	RoleStateNorm  // … and norms of what comes out
	RoleStateGate  // of delta networks: what multiplies what comes out, head by head, when it is normed …
	RoleStateBeta  // … how much of what is new goes into a state …
	RoleStateAlpha // … what makes how much of what was there stays …
	RoleStateBoth  // … or the two in one
	RoleMixShift   // of RWKV's: how much of the token before each part is given
	RoleMixR       // what reads states …
	RoleMixK       // … and what is put into them
	RoleMixV
	RoleMixDecayLow // matrices of low rank, in two: of how much of a state stays …
	RoleMixDecay
	RoleMixRateLow // … of how much of it is replaced …
	RoleMixRate
	RoleMixFirstLow // … of how much of the first layer's values is taken …
	RoleMixFirst
	RoleMixGateLow // … and of what multiplies what comes out
	RoleMixGate
	RoleConvR // convolutions that these three go through
	RoleConvK
	RoleConvV
	RoleMixFirstShift // of RWKV 6: how much of the token before what decides of that is given …
	RoleMixLow        // … and matrices of low rank that make of it how much each part is given besides
	RoleMixHigh
	RoleMixG          // what multiplies what comes out of states
	RoleFFNShiftR     // how much of the token before is given to …
	RoleFFNReceptance // … what multiplies what the feed-forward network adds
	RoleMixUnit       // what keys are multiplied by before they read what is replaced …
	RoleMixKeep       // … how much of them goes by the rate …
	RoleMixBonus      // … and how much the present token counts besides
	RoleFFNShift      // how much of the token before the feed-forward network is given
	RoleStateWays     // of state-space models whose heads share no ways: what makes those and time steps of what the convolution gives …
	RoleStateStep     // … what makes the steps of all numbers of a few …
	RoleStateStepNorm
	RoleStateWayInNorm // … and norms of these, of the ways in and of those out
	RoleStateWayOutNorm
	RoleBankAttn // of layers that are given a mixture of the stream and of what it was before: scores for that before attention …
	RoleBankFFN  // … before the feed-forward network …
	RoleBankOut  // … and before the output head
	// Of adapters that tokens choose: for each matrix of a layer what makes a few numbers of its inputs, and what of these is added to its outputs.
	RoleSwitchQ
	RoleSwitchQB
	RoleSwitchK
	RoleSwitchKB
	RoleSwitchV
	RoleSwitchVB
	RoleSwitchO
	RoleSwitchOB
	RoleSwitchGate
	RoleSwitchGateB
	RoleSwitchUp
	RoleSwitchUpB
	RoleSwitchDown
	RoleSwitchDownB
	RoleReadNorm  // of what an encoder makes of a text before a decoder looks at it …
	RoleCrossNorm // … and of a decoder's layer: what is given to the queries …
	RoleCrossQ    // … that look at it …
	RoleCrossK    // … by keys …
	RoleCrossV    // … and values that are made of it
	RoleCrossO
	RoleDraftStates     // of draft heads: what makes a state of several of the target's …
	RoleDraftNorm       // … norms of those …
	RoleDraftOut        // … what makes a state of the target's of it …
	RoleDraftRows       // … the tokens that rows of a smaller output head stand for …
	RoleDraftConv       // … convolutions over guesses …
	RoleDraftConvMake   // … and what makes weights of those for each token …
	RoleDraftBook       // … codebooks by which guesses are chosen …
	RoleDraftBookMake   // … and what is looked up in them …
	RoleDraftMarkov     // … how likely a token is behind another, in two matrices …
	RoleSound           // what makes sound of states
	RoleDraftConfidence // … and how sure it is
)

// StoreConv is a Rule.Store: F16 in a file of that type, F32 in all others, since runtimes convolve with these two.
const StoreConv = "F16 or F32"

// StoreConvs is a Rule.Store of towers that are convolutions all through: F32 in a file of that type, F16 in all others.
const StoreConvs = "F32 or F16"

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

	mask []float32 // of a draft head, the embedding of what is to be guessed, where it lies in a file of its own
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
