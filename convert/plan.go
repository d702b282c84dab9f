package convert

import (
	"fmt"
	"math"
	"path/filepath"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A Plan says everything about an output file before a weight is read.
type Plan struct {
	Source   string             `json:"source"`
	Out      string             `json:"out"`             // where Run writes; Name sets it
	Files    []formats.FileSize `json:"files,omitempty"` // what the output consists of
	Arch     string             `json:"arch"`
	Type     string             `json:"type"` // the recipe's name
	FileType uint32             `json:"file_type"`
	Encoder  string             `json:"encoder"`           // "default", "ggml", or the effort where it is not the default
	Imatrix  string             `json:"imatrix,omitempty"` // the importance matrix's file
	Steps    []Step             `json:"tensors"`
	Dropped  []string           `json:"dropped,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`
	Weights  int64              `json:"weights"`
	Size     int64              `json:"bytes"` // of all files, to the byte
	Read     int64              `json:"bytes_read"`
	Bits     float64            `json:"bits_per_weight"`
	Peak     int64              `json:"peak_memory"` // beyond the page cache, with one worker for each processor

	Meta   formats.Meta `json:"-"`
	Params arch.Params  `json:"-"`

	src        *formats.Source
	imatrix    *formats.Imatrix
	effort     int
	companions []Step          // tensors that stand beside others
	named      map[string]bool // tensors of the model
	header     int64           // bytes of all headers
}

// A Step is one tensor's fate.
type Step struct {
	From      string `json:"from,omitempty"` // its name in the source; "" when it is made from hyper-parameters
	Name      string `json:"name"`
	Shape     []int  `json:"shape"`
	Stored    string `json:"stored"` // its type in the source
	Type      string `json:"type"`
	Bytes     int64  `json:"bytes"`
	Copy      bool   `json:"copy"` // the stored bytes are moved as they are
	Op        string `json:"op,omitempty"`
	Fallback  string `json:"fallback,omitempty"`
	Cost      int64  `json:"fallback_cost,omitempty"` // bytes beyond what the type that was wanted would take
	Codes     string `json:"codes,omitempty"`         // what happens to the integers that the tensor is stored as
	Companion string `json:"companion,omitempty"`     // a tensor that holds what this one is multiplied by
	Weighed   bool   `json:"weighed,omitempty"`       // errors count by the importance of their columns
	Borrowed  []int  `json:"borrowed,omitempty"`      // matrices (experts) with the mean importance of all, for want of tokens
	Method    bool   `json:"method,omitempty"`        // the method of Options.Ready has encoded it

	tensor     *formats.Tensor
	to         *quantize.Type
	factor     float32   // weights are divided by it before they are encoded; 0 is one
	scale      []float32 // what the companion says, or nil
	importance *importance
	bridge     *bridge // codes become blocks, or nil
	rounded    *rounded
	idle       bool // nothing multiplies with it
}

// NewPlan decides what the recipe makes of a source. It reads headers and the tokenizer's files, no weights.
func NewPlan(src *formats.Source, recipe *Recipe, opt Options) (*Plan, error) {
	bind := arch.Bind
	if opt.Target != nil {
		bind = arch.BindDraft
	}
	if opt.Mmproj {
		bind = arch.BindTower
	}
	bound, err := bind(src)
	if err != nil {
		return nil, err
	}
	if err := meet(bound, opt.Target, src); err != nil {
		return nil, err
	}
	if recipe == Auto {
		recipe = autoRecipe(src)
		opt.asStored = isGGUF(src)
		opt.bridging = !opt.asStored
	}
	p := &Plan{Source: src.Path, Arch: bound.Arch.Name, Type: recipe.Name, FileType: recipe.FileType, Encoder: "default",
		Dropped: bound.Dropped, Params: bound.Params, src: src, effort: max(opt.Effort, quantize.EffortDefault)}
	if opt.Ggml {
		p.Encoder, p.effort = "ggml", quantize.EffortGgml
	} else if p.effort > quantize.EffortDefault {
		p.Encoder = fmt.Sprintf("effort %d", p.effort)
	}
	p.warn(bound.Notes...)
	if of := bound.Arch.Mistaken; of != nil {
		if said := of(bound); said != "" {
			p.warn(said)
		}
	}
	p.leave(bound, opt)
	if p.bridging(opt) {
		if err := p.sortInner(bound); err != nil {
			return nil, err
		}
	}
	if err := p.steps(bound, recipe, opt); err != nil {
		return nil, err
	}
	if p.bridging(opt) {
		recipe = p.bridged(recipe)
	}
	if err := p.metadata(bound, recipe, opt); err != nil {
		return nil, err
	}
	if err := p.weigh(opt.Imatrix); err != nil {
		return nil, err
	}
	if err := applyKV(&p.Meta, opt.OverrideKV); err != nil {
		return nil, err
	}
	if err := p.totals(); err != nil {
		return nil, err
	}
	if recipe.Warning != "" && !opt.Convert {
		p.warn(recipe.Warning)
	}
	return p, nil
}

const fileTypeKey = "general.file_type"

func isGGUF(src *formats.Source) bool { return src.Format != nil && src.Format.Name == "gguf" }

// autoRecipe is the recipe that a GGUF says it was made by, whose tensors then stay as they are stored; of another source BF16
// or F16, after the first matrix that is stored in either.
func autoRecipe(src *formats.Source) *Recipe {
	if isGGUF(src) {
		made := &Recipe{Name: "as-stored", Type: "F32"}
		if n, ok := src.Meta.Int(fileTypeKey); ok {
			made.FileType = uint32(n)
			for _, r := range recipes {
				if r.FileType == made.FileType {
					made.Name = r.Name
				}
			}
		}
		return made
	}
	for _, t := range src.Tensors {
		if len(t.Shape) >= 2 && t.Type.Name == "BF16" {
			return BF16
		}
		if len(t.Shape) >= 2 && t.Type.Name == "F16" {
			return F16
		}
	}
	return F16
}

// steps gives every tensor its type.
func (p *Plan) steps(bound *arch.Bound, recipe *Recipe, opt Options) error {
	names := make([]string, len(bound.Tensors))
	p.named = map[string]bool{}
	for i, t := range bound.Tensors {
		names[i], p.named[t.Name] = t.Name, true
	}
	first := bound.Params.At(0) // by which llama-quantize goes
	facts := Facts{Arch: bound.Arch.Name, Layers: bound.Params.Counted(), Heads: first.Heads, KVHeads: first.KVHeads,
		Experts: bound.Params.Mix.Count, Imatrix: opt.Imatrix != nil}
	c, err := newChooser(recipe, opt, facts, names, isGGUF(p.src))
	if err != nil {
		return err
	}
	fallbacks, cost, instead, requantized := 0, int64(0), int64(0), ""
	for i, t := range bound.Tensors {
		choice, err := c.choose(t.Name, t.Shape, t.Type)
		if err != nil {
			return &formats.Error{File: p.Source, Tensor: t.Name, Err: err}
		}
		o := bound.Origins[i]
		if to := stored(o.Rule, c.base); to != nil && !opt.asStored {
			choice.to, choice.fallback = to, ""
		}
		s := Step{From: o.Source, Name: t.Name, Shape: t.Shape, Stored: t.Type.Name, Op: o.Rule.Do.Name, tensor: t, idle: o.Rule.Idle}
		if p.bridging(opt) {
			if err := p.bridge(&s, &choice); err != nil {
				return err
			}
		}
		s.Type, s.to, s.Fallback = choice.to.Name, choice.to, choice.fallback
		if isGGUF(p.src) {
			s.Op = ""
		}
		if made := opt.Ready[t.Name]; made != nil {
			if err := p.ready(&s, made); err != nil {
				return err
			}
		}
		if err := p.finish(&s); err != nil {
			return err
		}
		if s.Fallback != "" {
			fallbacks++
			wanted := int64(math.Round(float64(t.Elems()) * choice.instead.BitsPerWeight() / 8))
			s.Cost = s.Bytes - wanted
			cost += s.Cost
			instead += wanted
		}
		if !s.Copy && t.Type.Block > 1 {
			requantized = t.Type.Name
		}
		p.Steps = append(p.Steps, s)
	}
	if fallbacks > 0 {
		p.warn(fmt.Sprintf("tensors that fall back to another type because their rows are not whole blocks: %d, for %s", fallbacks, costText(cost, instead)))
	}
	if requantized != "" && quantize.ByName(recipe.Type).Block > 1 && !opt.asStored {
		p.warn(fmt.Sprintf("the source is quantized already (%s …): quantizing it again adds to its error", requantized))
	}
	p.warn(c.unused()...)
	return nil
}

// finish decides between copying and encoding, and counts bytes.
func (p *Plan) finish(s *Step) error {
	t := s.tensor
	s.Copy = t.Raw != nil && s.to == t.Type && (t.Scale == nil || !p.named[companionOf(s.Name)])
	fail := func(err error) error { return &formats.Error{File: p.Source, Tensor: t.Name, Err: err} }
	if !s.Copy && t.Rows == nil {
		return fail(formats.Unsupported("type %s cannot be decoded", t.Type))
	}
	if !s.Copy && s.to.Encode == nil {
		return fail(formats.Unsupported("type %s cannot be encoded", s.to))
	}
	row, ok := s.to.Size(t.Cols())
	if !ok {
		return fail(formats.Corrupt("rows of %d are not whole blocks of %s", t.Cols(), s.to))
	}
	if t.NumRows() > math.MaxInt64/max(row, 1) {
		return fail(formats.Corrupt("shape %v is too large", t.Shape))
	}
	s.Bytes = int64(t.NumRows()) * int64(row)
	p.accompany(s)
	return nil
}

func (p *Plan) totals() error {
	var data int64
	p.Read = 0
	for i := range p.Steps {
		s := &p.Steps[i]
		p.Weights += int64(s.tensor.Elems())
		data += s.Bytes
		p.Read += s.tensor.Bytes()
	}
	if p.Weights > 0 {
		p.Bits = 8 * float64(data) / float64(p.Weights)
	}
	for _, c := range p.companions {
		data += c.Bytes
	}
	if err := p.measure(0, 0); err != nil {
		return err
	}
	p.Peak = newBudget([]*Plan{p}, RunOptions{}).peak()
	return nil
}

// TypeName is the recipe's name; for Auto, what it became.
func (p *Plan) TypeName() string { return p.Type }

// FileBytes is the size of the output.
func (p *Plan) FileBytes() int64 { return p.Size }

// BitsPerWeight counts the tensors' bytes alone.
func (p *Plan) BitsPerWeight() float64 { return p.Bits }

func (p *Plan) warn(s ...string) { p.Warnings = append(p.Warnings, s...) }

// OutName is the name of an output beside its source: "llama/" and "llama-F16.gguf" both give "llama-Q4_K_M.gguf".
func OutName(source, typ string) string {
	clean := filepath.Clean(source)
	if base := filepath.Base(clean); base == "." || base == ".." {
		if abs, err := filepath.Abs(clean); err == nil {
			clean = abs
		}
	}
	return filepath.Join(filepath.Dir(clean), stem(clean)+"-"+typ+".gguf")
}
