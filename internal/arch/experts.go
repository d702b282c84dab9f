package arch

import (
	"slices"

	"quern/formats"
)

// A Mixture says how tokens are given to experts. The zero value is a model without.
type Mixture struct {
	Count      int     // X: experts of a layer
	Used       int     // experts that each token is given to
	FF         int     // M: the width of one
	Shared     int     // experts that every token is given to, as one matrix
	SharedFF   int     // S: the width of all of those together
	Every      int     // of the others the last of so many has them; 0 is one
	Dense      int     // leading layers that have no experts
	Groups     int     // the experts come in groups …
	GroupsUsed int     // … of which a token sees so many
	Gate       int     // what makes scores of the router's outputs: GateSoftmax (0 too) or GateSigmoid
	Scale      float32 // of all weights; 0 is one
	PerGroup   int     // so many experts share a further one …
	GroupFF    int     // CM: … of this width …
	GroupScale float32 // … of whose outputs so much is added
	ByWidth    bool    // layers have experts that have a feed-forward network at all
	In         []bool  // of each layer, whether it has them, where that follows from no number
	Latent     int     // EX: so many numbers are made of the stream for them, and the stream of what they make; 0: they are given it as it is
	FFIn       []int32 // of each layer, the width of one …
	CountIn    []int32 // how many of each layer of a tower, 0 for a dense one
	UsedIn     []int32 // … and how many each token is given to, where these differ; FF and Used are then the largest
	Norm       bool    // the weights of a token's experts are divided by their sum
}

// What makes scores of the router's outputs, by GGUF's numbers.
const (
	GateSoftmax = 1
	GateSigmoid = 2

	GateSqrtSoftplus = 4
)

func (m *Mixture) dim(letter string) int {
	switch letter {
	case "1":
		return 1
	case "X":
		return m.Count
	case "EX":
		return m.Latent
	case "XU":
		return m.Used
	case "M":
		return m.FF
	case "XG":
		return m.Banks()
	case "CM":
		return m.GroupFF
	case "S":
		return m.SharedFF
	case "SS": // the same of the shared one
		return 2 * m.SharedFF
	case "XM": // the same of all experts
		return m.Count * m.FF
	case "MM": // gate and up of an expert
		return 2 * m.FF
	}
	return 0
}

// Banks is the number of experts that groups of others share.
func (m *Mixture) Banks() int {
	if m.PerGroup == 0 {
		return 0
	}
	return m.Count / m.PerGroup
}

// mixed and dense say of a layer whether it has experts.
func mixed(p *Params, layer int) bool { return p.Mixed(layer) }
func dense(p *Params, layer int) bool { return !mixed(p, layer) }

// Mixed says of a layer that it has experts.
func (p *Params) Mixed(layer int) bool {
	if p.Mix.In != nil {
		return layer >= 0 && layer < len(p.Mix.In) && p.Mix.In[layer]
	}
	if p.Mix.ByWidth {
		return p.Mix.Count > 0 && thinks(p, layer)
	}
	return p.Mix.Count > 0 && layer >= p.Mix.Dense && (p.Mix.Every < 2 || layer%p.Mix.Every == p.Mix.Every-1)
}

// expertKeys are the keys that stand before the sizes of heads in the files of all mixtures.
var expertKeys = []Key{
	{GGUF: "{a}.expert_count", HF: []string{"num_local_experts", "num_experts", "n_routed_experts"},
		Field: func(p *Params) any { return &p.Mix.Count }, Default: nothing, When: hasExperts},
	{GGUF: "{a}.expert_used_count", HF: []string{"num_experts_per_tok", "num_experts_per_token", "top_k_experts"},
		Field: func(p *Params) any { return &p.Mix.Used }, Default: nothing, When: hasExperts},
}

// expertWidth is the key of the width of an expert, where it differs from that of dense layers.
func expertWidth(hf ...string) Key {
	return Key{GGUF: "{a}.expert_feed_forward_length", HF: hf, Field: func(p *Params) any { return &p.Mix.FF },
		Default: func(p *Params) { p.Mix.FF = p.FF / max(1, p.Mix.Used) }} // what runtimes take older files to mean
}

func hasExperts(p *Params) bool { return p.Mix.Count > 0 }

// experts are the rules of a mixture whose matrices are called gate, up and down: a tensor for each expert, or all experts in one
// with gate and up joined, as newer versions of the library may store them.
func experts(router string, at string, gate, up, down string) []Rule {
	one := at + ".{e}."
	return []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: router, Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: one + down + ".weight", Role: RoleDownExps, Shape: "X EX M", Old: "blk.{}.ffn_down.{e}.weight", When: mixed},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: one + gate + ".weight", Role: RoleGateExps, Shape: "X M EX", Old: "blk.{}.ffn_gate.{e}.weight", When: mixed},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: one + up + ".weight", Role: RoleUpExps, Shape: "X M EX", Old: "blk.{}.ffn_up.{e}.weight", When: mixed},
	}
}

// fused are the rules of the layout that has all experts of a layer in two tensors.
func fused(at string) []Rule {
	return []Rule{
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: at + ".down_proj", Role: RoleDownExps, Shape: "X E M", When: mixed},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: at + ".gate_up_proj", Role: RoleGateExps, Shape: "X M E", From: "X MM E", Do: PickGate, When: mixed},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: at + ".gate_up_proj", Role: RoleUpExps, Shape: "X M E", From: "X MM E", Do: PickUp, When: mixed},
	}
}

// PickGate and PickUp take the halves of a matrix of every expert that has gate above up.
var (
	PickGate = pickHalf("pick gate", 0)
	PickUp   = pickHalf("pick up", 1)
)

func pickHalf(name string, half int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			m := p.Mix.FF
			return picked(t, pick{half * m, m, 2 * m}, []int{p.Mix.Count, m, t.Cols()})
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			m := p.Mix.FF
			return joined(parts, []pick{{0, m, 2 * m}, {m, m, 2 * m}}, []int{p.Mix.Count, 2 * m, parts[0].Cols()})
		},
	}
}

// check refuses numbers that contradict each other or that no runtime loads.
func (m *Mixture) check() error {
	if m.Count == 0 {
		return nil
	}
	switch {
	case m.Count > 1024: // the limit of GGUF runtimes
		return formats.Unsupported("%d experts are more than the 1024 that runtimes load", m.Count)
	case m.Used < 1 || m.Used > m.Count:
		return formats.Corrupt("each token is given to %d of %d experts", m.Used, m.Count)
	case m.FF < 1 || m.FF > 1<<27 || m.SharedFF < 0 || m.SharedFF > 1<<27:
		return formats.Corrupt("the width of an expert is %d, of the shared one %d", m.FF, m.SharedFF)
	case m.Groups > 1 && (m.Count%m.Groups != 0 || m.GroupsUsed < 1 || m.GroupsUsed > m.Groups || m.Used > m.GroupsUsed*(m.Count/m.Groups)):
		return formats.Corrupt("%d of %d experts in %d of %d groups", m.Used, m.Count, m.GroupsUsed, m.Groups)
	case m.Latent < 0 || m.Latent > 1<<27:
		return formats.Corrupt("experts are given %d numbers", m.Latent)
	case m.PerGroup < 0 || m.PerGroup > 0 && (m.Count%m.PerGroup != 0 || m.GroupFF < 1 || m.GroupFF > 1<<27 || m.Used > m.Count/m.PerGroup):
		return formats.Corrupt("%d of %d experts, of which %d share one of width %d", m.Used, m.Count, m.PerGroup, m.GroupFF)
	case m.Gate > GateSigmoid && m.Gate != GateSqrtSoftplus:
		return formats.Unsupported("the router's function %d is not known; known are 1 (softmax), 2 (sigmoid) and 4 (the root of a softplus)", m.Gate)
	}
	return nil
}

// attention are llama's tensors without those of its feed-forward network.
var attention = without(decoder, RoleGate, RoleUp, RoleDown)

// without is rules less those of some roles.
func without(rules []Rule, roles ...Role) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return slices.Contains(roles, r.Role) })
}

// sumsToOne marks a family in which the weights of a token's experts are always divided by their sum; no file tells it.
var sumsToOne = Key{GGUF: "{a}.expert_weights_norm", Field: func(p *Params) any { return &p.Mix.Norm }, When: never,
	Default: func(p *Params) { p.Mix.Norm = p.Mix.Count > 0 }}

// mlpExperts are the experts of most families, in either layout.
var mlpExperts = slices.Concat(
	experts("model.layers.{}.mlp.gate.weight", "model.layers.{}.mlp.experts", "gate_proj", "up_proj", "down_proj"),
	fused("model.layers.{}.mlp.experts"),
)

// groupKeys follow expertKeys where experts come in groups or scores are a sigmoid.
var groupKeys = []Key{
	{GGUF: "{a}.expert_group_count", HF: []string{"n_group"}, Field: func(p *Params) any { return &p.Mix.Groups }, Default: nothing,
		When: func(p *Params) bool { return p.Mix.Groups > 0 }},
	{GGUF: "{a}.expert_group_used_count", HF: []string{"topk_group"}, Field: func(p *Params) any { return &p.Mix.GroupsUsed }, Default: nothing,
		When: func(p *Params) bool { return p.Mix.GroupsUsed > 0 }},
	{GGUF: "{a}.expert_gating_func", HF: []string{"scoring_func"}, Words: map[string]int{"softmax": GateSoftmax, "sigmoid": GateSigmoid},
		Field: func(p *Params) any { return &p.Mix.Gate }, Default: nothing, When: func(p *Params) bool { return p.Mix.Gate > 0 }},
}

// sharedKeys are those of experts beside which a number of others, as one matrix, are given every token.
var sharedKeys = []Key{
	expertWidth("moe_intermediate_size"),
	{GGUF: "{a}.expert_shared_count", HF: []string{"n_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
	{GGUF: "{a}.expert_weights_scale", HF: []string{"routed_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: nothing,
		When: func(p *Params) bool { return p.Mix.Scale != 0 }},
	{GGUF: "{a}.expert_weights_norm", HF: []string{"norm_topk_prob"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing,
		When: func(p *Params) bool { return p.Mix.Norm }},
	{Field: func(p *Params) any { return &p.Mix.SharedFF }, When: never, Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }},
}

// feedForward are the matrices of the layers without experts.
var feedForward = func() (rules []Rule) {
	for _, r := range decoder {
		if slices.Contains([]Role{RoleGate, RoleUp, RoleDown}, r.Role) {
			r.When = dense
			rules = append(rules, r)
		}
	}
	return rules
}()

// sharedExperts are DeepSeek's; each layer with experts has them if any has.
var sharedExperts = []Rule{
	{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.gate_proj.weight", Role: RoleGateShared, Shape: "S E", When: shares},
	{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.up_proj.weight", Role: RoleUpShared, Shape: "S E", When: shares},
	{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.down_proj.weight", Role: RoleDownShared, Shape: "E S", When: shares},
}

func shares(p *Params, layer int) bool { return mixed(p, layer) && p.Mix.SharedFF > 0 }

// routerBias corrects preferences where scores are a sigmoid. A file that does not say so may hold it all the same.
var routerBias = []Rule{
	{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.gate.e_score_correction_bias", Role: RoleRouterBias, Shape: "X",
		When: func(p *Params, layer int) bool { return mixed(p, layer) && p.Mix.Gate == GateSigmoid }},
	{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.gate.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", Optional: true,
		When: func(p *Params, layer int) bool { return mixed(p, layer) && p.Mix.Gate != GateSigmoid }},
}

// denseLayers is the number of leading layers without experts, under its name in config.json.
func denseLayers(hf string) Key {
	return Key{GGUF: "{a}.leading_dense_block_count", HF: []string{hf}, Field: func(p *Params) any { return &p.Mix.Dense }, Default: nothing}
}

// denseFirst reads which layers have experts where config.json lists them: files tell how many of the first have none.
func denseFirst(c *Config, p *Params) error {
	return c.first(&p.Mix.Dense, "mlp_layer_types", "dense", "sparse", p.Layers)
}

// denseTypes is that list.
func denseTypes(p *Params) []string {
	return append(slices.Repeat([]string{"dense"}, min(p.Mix.Dense, p.Layers)), slices.Repeat([]string{"sparse"}, max(0, p.Layers-p.Mix.Dense))...)
}

// scoreSigmoid says that scores of experts are a sigmoid, as they always are in a family whose config.json need not say so.
func scoreSigmoid(hf string) Key {
	k := groupKeys[2]
	k.HF, k.Default = []string{hf}, func(p *Params) { p.Mix.Gate = GateSigmoid }
	return k
}

// JoinsExperts says whether gate and up of an expert are one matrix in a family's files.
func (a *Arch) JoinsExperts() bool {
	return slices.ContainsFunc(a.Tensors, func(r Rule) bool { return r.Role == RoleGateExps && slices.Contains(r.And, RoleUpExps) })
}
