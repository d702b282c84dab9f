package convert

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A Pack is the plan of a Hugging Face folder: which matrices are codes there, and in which format.
type Pack struct {
	Source   string        `json:"source"`
	Out      string        `json:"out"`
	Format   string        `json:"format"` // a formats.Store, or "hf" for a folder without codes
	Grid     quantize.Grid `json:"grid"`
	Kept     bool          `json:"kept"`    // codes are those of the source
	Ordered  bool          `json:"ordered"` // the columns of a group are not neighbours (act-order); a method that orders them sets it
	Method   string        `json:"method"`
	Tensors  []PackStep    `json:"tensors"`
	Weights  int64         `json:"weights"`
	Bytes    int64         `json:"bytes"`
	Bits     float64       `json:"bits_per_weight"`
	Warnings []string      `json:"warnings,omitempty"`
	Notes    []string      `json:"notes,omitempty"` // lines of the model card: what calibration used, what was measured

	src    *formats.Source
	store  *formats.Store
	config map[string]any
	skip   []string // modules that the format could hold and that stay as they are
	scale  *quantize.Type
	round  func() func([]float32) // what storing does to a scale; one function for each worker
	plain  bool
}

// A PackStep is one tensor's fate.
type PackStep struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Stored string `json:"stored"`
	Type   string `json:"type"`
	Bytes  int64  `json:"bytes"`
	Codes  bool   `json:"codes"`

	tensor *formats.Tensor
	to     *quantize.Type // where it is no codes
}

// PackOptions are the choices of a Pack.
type PackOptions struct {
	Format string
	Bits   int // 0: the format's default
	Group  int // 0: the format's default, -1: whole rows
	Sym    *bool
	Keep   bool     // move the source's codes instead of making new ones
	Head   bool     // quantize the output head too
	Plain  bool     // no search of scales
	Float  string   // type of what is no codes: BF16, F16 or F32; "" is as stored
	AsSaid bool     // a tensor whose bytes are not stored anywhere has the type that it says, not the model's
	Wide   []string // names of tensors that are F32 where Float is said
	Method string   // what makes the codes, for the model card; "" is rounding to nearest
}

// NewPack plans a folder from a source in Hugging Face's layout.
func NewPack(src *formats.Source, opt PackOptions) (*Pack, error) {
	bound, err := arch.Bind(src)
	if err != nil {
		return nil, err
	}
	p := &Pack{Source: src.Path, Format: "hf", src: src, plain: opt.Plain, Method: opt.Method}
	if opt.Format != "hf" {
		if p.store = formats.StoreByName(opt.Format); p.store == nil {
			return nil, formats.Unsupported("the format %.40q is not one that can be written; those are %s, hf", opt.Format, strings.Join(StoreNames(), ", "))
		}
		p.Format = p.store.Name
	}
	if err := p.readConfig(); err != nil {
		return nil, err
	}
	if err := p.grid(opt); err != nil {
		return nil, err
	}
	if err := p.place(bound, opt); err != nil {
		return nil, err
	}
	if p.store != nil {
		if err := p.codes(opt); err != nil {
			return nil, err
		}
	}
	return p, p.count()
}

// StoreNames are the formats for codes.
func StoreNames() (names []string) {
	for _, s := range formats.Stores() {
		names = append(names, s.Name)
	}
	return names
}

// readConfig keeps config.json as it is, numbers included.
func (p *Pack) readConfig() error {
	text, err := p.src.File("config.json")
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&p.config); err != nil {
		return &formats.Error{File: p.src.Path, Tensor: "config.json", Err: formats.Corrupt("%v", err)}
	}
	return nil
}

// grid is what was asked for, on top of the format's defaults.
func (p *Pack) grid(opt PackOptions) error {
	if p.store == nil || opt.Keep {
		return nil
	}
	p.Grid = p.store.Defaults
	if opt.Bits != 0 {
		p.Grid.Bits = opt.Bits
	}
	if opt.Group != 0 {
		p.Grid.Group = max(opt.Group, 0)
	}
	if opt.Sym != nil {
		p.Grid.Symmetric = *opt.Sym
	}
	if p.store.Offsets && p.Grid.Symmetric {
		return &formats.Error{Err: formats.Unsupported("%s stores a float for code 0: its codes are never symmetric", p.store.Title), Hint: "leave --sym out"}
	}
	return p.store.Takes(p.Grid, p.store.Offsets, false)
}

// notLinear are matrices that no format for codes stores as such: embeddings and what makes inputs of layers or further streams of them, what leads past attention, routers of experts, norms with a row for each head, convolutions, tables, what adds to scores or makes those of streams, and what takes heads in groups. Towers go by names (notLinearNames).
var notLinear = map[arch.Role]bool{arch.RoleEmbed: true, arch.RolePositions: true, arch.RoleEmbedNorm: true, arch.RoleTypes: true, arch.RoleRelative: true, arch.RoleClass: true, arch.RoleClassOut: true, arch.RoleDense: true, arch.RoleRouter: true, arch.RoleShareGate: true,
	arch.RoleQNorm: true, arch.RoleKNorm: true, arch.RoleQGain: true, arch.RoleSideEmbed: true, arch.RoleSideProj: true,
	arch.RoleAltProj: true, arch.RoleAltUnembed: true, arch.RoleAltRouter: true, arch.RoleAltPredict: true, arch.RoleAltCorrect: true, arch.RoleLaurelLeft: true, arch.RoleLaurelRight: true, arch.RoleHyperAttn: true, arch.RoleHyperFFN: true, arch.RoleHyperHead: true, arch.RoleStateConv: true,
	arch.RoleHash: true, arch.RolePoolBias: true, arch.RoleIndexBias: true, arch.RoleOA: true,
	arch.RoleMixShift: true, arch.RoleMixBonus: true, arch.RoleMixDecayLow: true, arch.RoleMixDecay: true, arch.RoleMixRateLow: true, arch.RoleMixRate: true, arch.RoleMixFirstLow: true, arch.RoleMixFirst: true,
	arch.RoleMixGateLow: true, arch.RoleMixGate: true, arch.RoleMixLow: true, arch.RoleMixHigh: true, arch.RoleConvR: true, arch.RoleConvK: true, arch.RoleConvV: true,
	arch.RoleGramTable: true, arch.RoleGramConv: true, arch.RoleBankAttn: true, arch.RoleBankFFN: true, arch.RoleBankOut: true}

// steering are matrices that decide how fast states forget, of a number or two for each head or of few columns: they have next to no weights, and rows that are no whole units of any format.
var steering = []arch.Role{arch.RoleStateBeta, arch.RoleStateAlpha, arch.RoleStateBoth, arch.RoleStateStep}

var notLinearNames = regexp.MustCompile(`(^|\.)(embed_tokens|wte|wpe|embeddings?|gate|router|shared_expert_gate|.*norm.*)\.weight$`)

// rulesOf are the rules that tensors of the checkpoint are taken by.
func rulesOf(bound *arch.Bound) map[string]*arch.Rule {
	rules := map[string]*arch.Rule{}
	for _, o := range bound.Origins {
		rules[o.Source] = o.Rule
		for _, part := range o.Parts {
			rules[part] = o.Rule
		}
	}
	return rules
}

// linear says whether a tensor is a matrix that a format for codes may hold.
func linear(t *formats.Tensor, r *arch.Rule, head bool) bool {
	switch {
	case len(t.Shape) != 2 || !strings.HasSuffix(t.Name, ".weight"):
		return false
	case r == nil:
		return !notLinearNames.MatchString(t.Name)
	}
	return !notLinear[r.Role] && !slices.Contains(arch.SwitchRoles, r.Role) && !r.Idle && (head || r.Role != arch.RoleOutput)
}

// place decides for every tensor.
func (p *Pack) place(bound *arch.Bound, opt PackOptions) error {
	rules, head := rulesOf(bound), ""
	float, err := typeByName(opt.Float)
	if err != nil {
		return err
	}
	for _, t := range p.src.Tensors {
		s := PackStep{Name: t.Name, Shape: t.Shape, Stored: t.Type.Name, tensor: t}
		r := rules[t.Name]
		s.Codes = p.store != nil && linear(t, r, opt.Head)
		if s.Codes && slices.Contains(bound.Left, t.Name) { // of a tower, which runtimes keep in 16 bits, and no text shows its inputs
			s.Codes = false
			p.skip = append(p.skip, strings.TrimSuffix(t.Name, ".weight"))
		}
		if s.Codes && r != nil && slices.Contains(steering, r.Role) {
			s.Codes = false
			p.skip = append(p.skip, strings.TrimSuffix(t.Name, ".weight"))
		}
		if s.Codes && r != nil && r.Do.Turned {
			return &formats.Error{File: p.Source, Tensor: t.Name, Err: formats.Unsupported("is stored with inputs first, and %s has its codes along inputs", p.store.Title),
				Hint: "quantize it into a GGUF"}
		}
		if r != nil && r.Role == arch.RoleOutput && !s.Codes {
			head = strings.TrimSuffix(t.Name, ".weight")
		}
		if s.Codes && opt.Keep && formats.CodesOf(t) == nil {
			s.Codes = false
			p.skip = append(p.skip, strings.TrimSuffix(t.Name, ".weight"))
		}
		switch {
		case s.Codes:
		case t.Type == quantize.I64 || t.Type == quantize.I32:
			s.to = t.Type // a table
		case float != nil && slices.Contains(opt.Wide, t.Name) && t.Rows != nil:
			s.to = quantize.F32
		case float != nil && len(t.Shape) > 0 && t.Rows != nil:
			s.to = float
		case (t.Raw != nil || opt.AsSaid) && formats.CodesOf(t) == nil && t.Type.Block == 1:
			s.to = t.Type
		default:
			s.to = p.dense()
		}
		if t.Rows == nil && !s.Codes && !(t.Raw != nil && s.to == t.Type) {
			return &formats.Error{File: p.Source, Tensor: t.Name, Err: formats.Unsupported("type %s cannot be decoded", t.Type)}
		}
		p.Tensors = append(p.Tensors, s)
	}
	if head == "" && bound.Params.Tied {
		head = "lm_head" // a head that is the embedding is a linear layer too for whoever makes layers from classes
	}
	if head != "" {
		p.skip = append(p.skip, head)
	}
	return nil
}

// dense is the type of the first matrix that is stored in 16 bits: the model's; BF16 without one.
func (p *Pack) dense() *quantize.Type {
	for _, t := range p.src.Tensors {
		if len(t.Shape) >= 2 && (t.Type == quantize.BF16 || t.Type == quantize.F16) {
			return t.Type
		}
	}
	for _, key := range []string{"torch_dtype", "dtype"} {
		if p.config[key] == "float16" {
			return quantize.F16
		}
	}
	return quantize.BF16
}

// parametrized is how names of matrices end that the library computes of others (torch.nn.utils.parametrize).
const parametrized = ".parametrizations.weight.original"

// codes checks that the format takes every matrix, and decides what scales are stored as.
func (p *Pack) codes(opt PackOptions) error {
	some := false
	for i := range p.Tensors {
		some = some || p.Tensors[i].Codes
	}
	if !some {
		hint := "name a folder of matrices"
		switch {
		case opt.Keep:
			hint = "quern quantize makes codes"
		case slices.ContainsFunc(p.Tensors, func(t PackStep) bool { return strings.HasSuffix(t.Name, parametrized) }):
			hint = "its matrices are stored as *" + parametrized + ", beside adapters that are added to them: no format for codes has those; quern quantize makes a GGUF of them, or save the model with one adapter merged"
		}
		return &formats.Error{File: p.Source, Err: formats.Unsupported("no matrix to store as codes"), Hint: hint}
	}
	p.scale = quantize.F16
	if p.store.ModelScales {
		p.scale = p.dense()
	}
	scale := p.scale
	p.round = func() func([]float32) { return quantize.RoundTo(scale) }
	if !opt.Keep && p.dense() == quantize.BF16 && scale == quantize.F16 {
		p.round = quantize.RoundToBoth
	}
	if opt.Keep {
		if err := p.keep(); err != nil {
			return err
		}
	}
	if p.Method == "" {
		p.Method = "rounding to nearest, scales by least squared error"
		if p.plain {
			p.Method = "rounding to nearest"
		}
	}
	for i := range p.Tensors {
		s := &p.Tensors[i]
		if !s.Codes {
			continue
		}
		if err := p.store.Fits(p.Grid, s.tensor.NumRows(), s.tensor.Cols()); err != nil {
			return inTensor(p.Source, s.Name, err)
		}
	}
	return nil
}

func inTensor(file, name string, err error) error {
	if e, ok := err.(*formats.Error); ok {
		c := *e
		c.File, c.Tensor = file, name
		return &c
	}
	return &formats.Error{File: file, Tensor: name, Err: err}
}

// count says how large the result is.
func (p *Pack) count() error {
	for i := range p.Tensors {
		s := &p.Tensors[i]
		n, k := s.tensor.NumRows(), s.tensor.Cols()
		p.Weights += int64(s.tensor.Elems())
		if !s.Codes {
			row, _ := s.to.Size(k)
			s.Type, s.Bytes = s.to.Name, int64(n)*int64(row)
		} else {
			s.Type = fmt.Sprintf("%s-%dbit", p.Format, p.Grid.Bits)
			for _, part := range p.store.Parts(p.Grid, n, k, p.scale) {
				t := formats.Tensor{Shape: part.Shape, Type: part.Type}
				s.Bytes += t.Bytes()
			}
		}
		p.Bytes += s.Bytes
	}
	if p.Weights > 0 {
		p.Bits = 8 * float64(p.Bytes) / float64(p.Weights)
	}
	return nil
}

// Round is what storing does to a scale or an offset: a method rounds its scales with it before it uses them. Every worker wants a
// function of its own.
func (p *Pack) Round() func([]float32) { return p.round() }

// Matrices are the tensors that become codes.
func (p *Pack) Matrices() (names []string) {
	for i := range p.Tensors {
		if p.Tensors[i].Codes {
			names = append(names, p.Tensors[i].Name)
		}
	}
	return names
}

// Offsets says whether codes have a float for code 0 instead of a zero point.
func (p *Pack) Offsets() bool { return p.store != nil && p.store.Offsets }

// Order says that a method cuts groups in an order of its own, if the format can tell which.
func (p *Pack) Order(own bool) error {
	p.Ordered = own && p.Grid.Group > 0
	return p.store.Takes(p.Grid, p.store.Offsets, p.Ordered)
}

// TypeName is a short name of what is written.
func (p *Pack) TypeName() string {
	if p.store == nil {
		return p.Format
	}
	group := "channel"
	if p.Grid.Group > 0 {
		group = fmt.Sprintf("g%d", p.Grid.Group)
	}
	return fmt.Sprintf("%s-%dbit-%s", p.Format, p.Grid.Bits, group)
}
