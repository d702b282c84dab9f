package verify

// Schema names the layout of a Report in JSON, described in docs/report.schema.json. It changes when a field changes its
// meaning or goes; new fields may come without.
const Schema = "quern-report/1"

// A Report is the outcome of one run: the protocol, and for each model its perplexity and, against the base, what
// changed. The first model is the base when there are several.
type Report struct {
	Schema   string    `json:"schema"`
	Version  string    `json:"version,omitempty"` // of quern
	Label    string    `json:"label,omitempty"`   // what a run is called when several are merged
	Protocol Protocol  `json:"protocol"`
	Mode     string    `json:"mode"`
	Text     string    `json:"text_sha256,omitempty"`
	Tokens   int       `json:"tokens"` // in the text
	Scored   int       `json:"scored"` // predictions that count
	Stopped  bool      `json:"stopped_early,omitempty"`
	Models   []Result  `json:"models"`
	Pairs    []Pair    `json:"pairs,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Hints    []string  `json:"hints,omitempty"`
	Swaps    []Swap    `json:"attribution,omitempty"`
}

// A Result is what one model did.
type Result struct {
	Name       string      `json:"name"`
	Bytes      int64       `json:"bytes,omitempty"`
	Bits       float64     `json:"bits_per_weight,omitempty"`
	Perplexity Estimate    `json:"perplexity"`
	Accuracy   Estimate    `json:"top1_accuracy"` // share of predictions whose most likely token followed
	Seconds    float64     `json:"seconds"`       // spent in this model
	Versus     *Divergence `json:"versus_base,omitempty"`
	Domains    []Part      `json:"domains,omitempty"`
	Chunks     []Chunk     `json:"chunks"`
}

// A Divergence compares a model with the base, prediction by prediction, on the same tokens. Names and definitions
// follow llama-perplexity's --kl-divergence mode; no logits file stands between, so nothing is clipped.
type Divergence struct {
	PPLRatio    Estimate     `json:"ppl_ratio"`     // PPL(model)/PPL(base)
	LogPPLRatio Estimate     `json:"log_ppl_ratio"` // mean of ln p_base − ln p_model
	PPLDiff     Estimate     `json:"ppl_diff"`      // PPL(model) − PPL(base)
	Correlation Estimate     `json:"correlation"`   // of the two negative log-likelihoods
	KLD         Distribution `json:"kld"`           // nats for each prediction
	DeltaP      Distribution `json:"delta_p"`       // change of the probability of the right token
	RMSDeltaP   Estimate     `json:"rms_delta_p"`
	SameTop     Estimate     `json:"same_top"`    // share of predictions with the same most likely token
	Flips       Estimate     `json:"flips"`       // share of predictions that became right or became wrong
	Overlap     Estimate     `json:"top_overlap"` // share of the base's TopK tokens that are among the model's
	Positions   []Part       `json:"positions"`
	Histogram   []Bin        `json:"kld_histogram"`
	Worst       []Token      `json:"worst,omitempty"`
}

// A Part is what happened in a part of the predictions: in a domain, or at some positions of the chunks.
type Part struct {
	Name       string    `json:"name"`
	Scored     int       `json:"scored"`
	Perplexity Estimate  `json:"perplexity"`
	KLD        *Estimate `json:"kld,omitempty"` // nil for the base
	SameTop    *Estimate `json:"same_top,omitempty"`
}

// A Chunk holds the means over the predictions of one chunk, which is enough to merge runs and to draw chunks anew.
type Chunk struct {
	NLL     Number `json:"nll"`
	KLD     Number `json:"kld"`
	SameTop Number `json:"same_top"`
	Flips   Number `json:"flips"`
	DeltaP2 Number `json:"delta_p2"` // mean square
}

// report sums up what was measured.
func (r *run) report(text [][]int32, tokens int) *Report {
	n := r.chunks * r.perChunk
	opt := r.opt
	stopped := r.chunks < r.total
	opt.Protocol.Chunks = r.chunks
	if opt.Sequences != nil {
		opt.Protocol.Conversations = len(opt.Sequences)
	}
	out := &Report{Schema: Schema, Protocol: opt.Protocol, Mode: opt.Mode.String(), Tokens: tokens, Scored: n, Stopped: stopped}
	b := newBootstrap(r.chunks)
	base := r.tracks[0].first(n)
	for i, t := range r.tracks {
		t = t.first(n)
		res := Result{Name: r.sides[i].Name, Seconds: t.seconds, Perplexity: b.perplexity(t.nll), Accuracy: b.share(t.right)}
		if i > 0 {
			res.Versus = t.versus(base, b)
			res.Versus.Positions = r.positions(t, base, b)
			res.Versus.Worst = r.worst(t, text)
		}
		res.Domains = r.domains(t, base, i > 0)
		res.Chunks = r.chunkMeans(t, base)
		out.Models = append(out.Models, res)
	}
	out.Pairs = r.pairs(b, n)
	out.Verdicts = r.verdictsOf()
	return out
}
