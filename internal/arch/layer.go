package arch

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
	RunsSiLU    bool       // runtimes take SiLU whatever the model was trained with
	RunsRMS     bool       // runtimes do not take the mean away, though the model was trained so
	RunsPlain   bool       // runtimes do not multiply logits by Scales.Times
	BareNorm    bool       // norms have no weights
	Parallel    bool       // the feed-forward network is given what attention is, not what that made of it
	HeadMeans   bool       // norms of heads take the mean away, those of layers do not; their epsilon is 1e-5
	RunsPast    bool       // where norms follow (NormAfter), runtimes give the feed-forward network what attention adds instead of the sum
	EmbedBare   bool       // embeddings are normed without weights
	PostEps     float32    // the epsilon of norms of what parts of a layer add, where it is another; 0: it is not
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
	IndexPairs  bool       // heads that choose positions are rotated in pairs
	OneEps      bool       // norms of what latent attention makes narrow have the epsilon of all others
	RunsHalves  bool       // runtimes rotate them in halves
	IndexTail   bool       // they are rotated at their end, and keys normed with the epsilon of all other norms
	CutFirst    bool       // gates within bounds (Bounds) are cut off before their function, not behind it
	Before      bool       // experts are given what the layer is, by a norm of their own, beside a dense network behind attention
	EarlyRouter bool       // the router is given what the layer is, without a norm
	Ungated     bool       // the feed-forward network has no gate: its function is applied to up
	SoftGate    bool       // a softplus of RoleAttnGate's outputs multiplies, not their sigmoid
	Averaged    bool       // what the shared experts and the others give is averaged instead of added
	Levelled    bool       // their sum is divided by √2
	RunsSum     bool       // runtimes divide weights of experts by their sum, though the model was trained without
	OwnValues   bool       // values may have another size than keys
	FillsIn     bool       // every query sees all positions; there is an output head, which says what a masked token is
	Encoder     bool       // every query sees all positions, and there is no output head: what comes out is states of tokens
	RopeTold    bool       // files tell whether heads are rotated (Params.Rotates)
	Keeper      Keeper     // what layers have that keep a state
	TurnKeys    bool       // heads of values take turns with those of keys in a state; otherwise neighbours share them
	QueryGate   bool       // every head of queries is followed by what its sigmoid multiplies what attention gives
	SigmoidGate bool       // the sigmoid of what multiplies what comes out of a state does, not its SiLU
	NormStream  bool       // a part of a layer is added to what its norm gives, times Scales.Stream, not to the stream before
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
	SiTU                // β·tanh(x/β)/(1+e^-x) times γ·tanh(up/γ), of a β and a γ that files tell (SituBeta)
	XIELU               // with numbers of its own in each layer (Xielu)
)
