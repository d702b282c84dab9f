package convert

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
)

// A loraSpec is an adapter_config.json, as far as it says what the weights mean.
type loraSpec struct {
	r          int
	alpha      float64
	rs, dora   bool
	turned     bool // fan_in_fan_out: weights of the base are stored with inputs first
	ranks      []pattern
	alphas     []pattern
	tying      bool     // ensure_weight_tying: head and embedding were trained as one
	targets    []string // the list; none where it is one expression
	saved      []string
	tokens     any   // trainable_token_indices
	invocation []int // alora_invocation_tokens: after these the adapter begins to work
	base       string

	task, instruction string // of an adapter for one of several tasks: its name, and what stands before its texts
}

// A pattern gives modules whose name it ends a number of their own.
type pattern struct {
	re *regexp.Regexp
	n  float64
}

// loraRefuses are settings under which the same tensors mean something else.
var loraRefuses = []struct {
	key    string
	unless []string
	why    string
	hint   string
}{
	{"peft_type", []string{"LORA"}, "only LoRA and its kin are known", viaPEFT},
	{"lora_bias", []string{"false"}, "biases beside the thin matrices", viaPEFT},
	{"use_qalora", []string{"false"}, "inputs are averaged over groups", viaPEFT},
	{"layer_replication", nil, "layers that stand several times in the model", viaPEFT},
	{"target_parameters", []string{"[]"}, "experts of a layer in one parameter, which have adapters of another form", viaPEFT},
	{"init_lora_weights", []string{"true", "false", "gaussian", "eva", "orthogonal"}, "the base model was changed when training began",
		"convert the adapter to a plain LoRA when it is saved (path_initial_model_for_weight_conversion)"},
}

const viaPEFT = "merge it with PEFT (merge_and_unload) and convert what that saves"

func readLoraSpec(c *arch.Config) (*loraSpec, error) {
	s := &loraSpec{}
	for _, r := range loraRefuses {
		if v, ok := c.Value(r.key); ok && v != nil && !slices.Contains(r.unless, fmt.Sprint(v)) {
			return nil, &formats.Error{File: "adapter_config.json", Tensor: r.key, Err: formats.Unsupported("is %.60v: %s", v, r.why), Hint: r.hint}
		}
	}
	r, err := c.Float("r", 8)
	if err != nil {
		return nil, err
	}
	if r != math.Trunc(r) || r < 1 || r > 1<<20 {
		return nil, loraFail("r", formats.Corrupt("is %v", r))
	}
	s.r = int(r)
	if s.alpha, err = c.Float("lora_alpha", 8); err != nil {
		return nil, err
	}
	for key, to := range map[string]*bool{"use_rslora": &s.rs, "use_dora": &s.dora, "fan_in_fan_out": &s.turned, "ensure_weight_tying": &s.tying} {
		if *to, err = c.Bool(key); err != nil {
			return nil, err
		}
	}
	if s.ranks, err = patterns(c, "rank_pattern"); err != nil {
		return nil, err
	}
	if s.alphas, err = patterns(c, "alpha_pattern"); err != nil {
		return nil, err
	}
	s.targets, s.saved = words(c, "target_modules"), words(c, "modules_to_save")
	s.tokens, _ = c.Value("trainable_token_indices")
	if v, _ := c.Value("alora_invocation_tokens"); v != nil {
		s.invocation, _ = indices(v)
	}
	s.base, _ = c.String("base_model_name_or_path")
	return s, nil
}

func loraFail(key string, err error) error {
	return &formats.Error{File: "adapter_config.json", Tensor: key, Err: err}
}

// words is a list of strings; none where there is something else.
func words(c *arch.Config, key string) (out []string) {
	v, _ := c.Value(key)
	list, _ := v.([]any)
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// patterns reads an object of numbers by expression. PEFT takes the first that fits in the order of the file; here several that fit one
// module must agree.
func patterns(c *arch.Config, key string) (out []pattern, err error) {
	obj, err := c.Object(key)
	if err != nil {
		return nil, err
	}
	for text := range obj {
		n, ok := numberOf(obj[text])
		if !ok {
			return nil, loraFail(key, formats.Corrupt("%.60q is no number", text))
		}
		re, err := regexp.Compile(`^(.*\.)?(` + text + `)$`)
		if err != nil {
			return nil, loraFail(key, formats.Unsupported("the expression %.60q: %v", text, err))
		}
		out = append(out, pattern{re, n})
	}
	return out, nil
}

func numberOf(v any) (float64, bool) {
	var f float64
	_, err := fmt.Sscan(fmt.Sprint(v), &f)
	return f, err == nil
}

// find is the number of the patterns that fit, or otherwise; several that differ make none.
func find(list []pattern, name string, otherwise float64) float64 {
	found := math.NaN()
	for _, p := range list {
		if p.re.MatchString(name) {
			if found == found && found != p.n {
				return math.NaN()
			}
			found = p.n
		}
	}
	if found == found {
		return found
	}
	return otherwise
}

func (s *loraSpec) rank(name string) int { return int(find(s.ranks, name, float64(s.r))) }

// scale is what the product of the thin matrices is multiplied by.
func (s *loraSpec) scale(name string, rank int) float64 {
	alpha := find(s.alphas, name, s.alpha)
	if s.rs {
		return alpha / math.Sqrt(float64(rank))
	}
	return alpha / float64(rank)
}

// tokensOf are the rows of an embedding that were trained: a list for the input's embedding, or an object of lists by module.
func (s *loraSpec) tokensOf(module string) ([]int, bool) {
	if obj, ok := s.tokens.(map[string]any); ok {
		for name, list := range obj {
			if module == name || strings.HasSuffix(module, "."+name) {
				return indices(list)
			}
		}
		return nil, false
	}
	return indices(s.tokens)
}

func indices(v any) (out []int, ok bool) {
	list, ok := v.([]any)
	for _, e := range list {
		f, is := numberOf(e)
		if !is || f < 0 || f > math.MaxInt32 || f != math.Trunc(f) {
			return nil, false
		}
		out = append(out, int(f))
	}
	return out, ok
}
