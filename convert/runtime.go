package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A Verdict says whether a runtime will take a checkpoint.
type Verdict struct {
	Path     string    `json:"path"`
	Runtime  string    `json:"runtime"`
	Version  string    `json:"version"` // of the runtime that the rules describe
	Loads    bool      `json:"loads"`
	Findings []Finding `json:"findings"`
}

// A Finding is one reason.
type Finding struct {
	Level  string `json:"level"` // "refuses", "wrong" (it loads, and computes something else) or "note"
	What   string `json:"what"`
	Fix    string `json:"fix,omitempty"`
	Source string `json:"source"`
}

// The levels of findings.
const (
	refuses = "refuses"
	wrong   = "wrong"
	note    = "note"
)

// A runtimeRule is one row of the table: what a runtime says to checkpoints of a kind.
type runtimeRule struct {
	level  string
	source string
	fix    string
	// what says what is wrong, "" when nothing is.
	what func(f *checkpoint) string
}

// A runtimeRules is a runtime.
type runtimeRules struct {
	name, version string
	rules         []runtimeRule
}

// RuntimeNames are the runtimes that Check knows.
func RuntimeNames() (names []string) {
	for _, r := range runtimes {
		names = append(names, r.name)
	}
	return names
}

// A checkpoint is what rules may know.
type checkpoint struct {
	gguf    bool
	method  string // of quantization as quern's table names it; "" for plain weights
	config  map[string]any
	tp      int  // ranks that share every matrix
	family  bool // quern knows the family, and every tensor is there
	problem error
	class   string
	codes   []coded
	plain   []string // quantizable matrices without codes beside others with them
	types   map[string]*quantize.Type
	src     *formats.Source
	ordered bool
	skewed  string // a matrix with a zero point that is not the middle
}

// coded is one matrix of codes.
type coded struct {
	name string
	grid quantize.Grid
	n, k int
}

// CheckFor applies the rules of a runtime to a checkpoint; tp is the number of ranks of tensor parallelism. GPTQ's zero points and groups
// are read, not believed.
func CheckFor(src *formats.Source, runtime string, tp int) (*Verdict, error) {
	i := slices.IndexFunc(runtimes, func(r runtimeRules) bool { return r.name == runtime })
	if i < 0 {
		return nil, formats.Unsupported("the runtime %.40q is not one that quern knows; those are %s", runtime, strings.Join(RuntimeNames(), ", "))
	}
	r := runtimes[i]
	f, err := lookAt(src, tp)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Path: src.Path, Runtime: r.name, Version: r.version, Loads: true, Findings: []Finding{}}
	for _, rule := range r.rules {
		if what := rule.what(f); what != "" {
			v.Findings = append(v.Findings, Finding{rule.level, what, rule.fix, rule.source})
			v.Loads = v.Loads && rule.level == note
		}
	}
	return v, nil
}

// lookAt gathers what rules may know.
func lookAt(src *formats.Source, tp int) (*checkpoint, error) {
	f := &checkpoint{src: src, gguf: isGGUF(src), tp: max(1, tp), types: map[string]*quantize.Type{}}
	if q := src.Quantized; q != nil {
		f.method, f.config = q.Scheme, q.Config
		if f.method == "" {
			f.method = q.Method
		}
	}
	bound, err := arch.Bind(src)
	f.problem, f.family = err, err == nil
	var rules map[string]*arch.Rule
	if f.family {
		rules = rulesOf(bound)
	}
	if p := (&Pack{src: src}); !f.gguf && p.readConfig() == nil {
		if list, _ := p.config["architectures"].([]any); len(list) > 0 {
			f.class, _ = list[0].(string)
		}
	}
	for _, t := range src.Tensors {
		f.types[t.Type.Name] = t.Type
		c := formats.CodesOf(t)
		if c == nil {
			if !f.gguf && linear(t, rules[t.Name], false) {
				f.plain = append(f.plain, t.Name)
			}
			continue
		}
		f.codes = append(f.codes, coded{t.Name, c.Grid(), t.NumRows(), t.Cols()})
		o, err := c.Ordered()
		if err != nil {
			return nil, err
		}
		f.ordered = f.ordered || o
		if f.skewed == "" && !c.Offsets() {
			u, err := c.Uniform()
			if err != nil {
				return nil, err
			}
			if !u {
				f.skewed = t.Name
			}
		}
	}
	if f.codes == nil {
		f.plain = nil
	}
	return f, nil
}

// any finds the first matrix of codes that a test objects to.
func (f *checkpoint) any(test func(c coded) string) string {
	for _, c := range f.codes {
		if s := test(c); s != "" {
			return fmt.Sprintf("%s: %s", c.name, s)
		}
	}
	return ""
}

// has says whether a file lies beside the weights.
func (f *checkpoint) has(names ...string) bool {
	for _, n := range names {
		if _, err := f.src.File(n); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// flag and number read the configuration as readers of it do.
func (f *checkpoint) flag(key string) bool { b, _ := f.config[key].(bool); return b }

func (f *checkpoint) lacks(keys ...string) (missing []string) {
	for _, k := range keys {
		if _, ok := f.config[k]; !ok {
			missing = append(missing, k)
		}
	}
	return missing
}
