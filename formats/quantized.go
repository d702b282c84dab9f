package formats

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"quern/quantize"
)

// Quantized says how the weights of a Hugging Face checkpoint are quantized.
type Quantized struct {
	Method  string         // quant_method, as the checkpoint spells it
	Scheme  string         // the row of quern's table that reads it, "" when none does
	Config  map[string]any // quantization_config
	File    string         // where that stands: config.json, quantize_config.json …
	Modules int            // matrices that are stored in this way
	Err     error          // why the weights are not understood; Tensors are then as they are stored
}

// A scheme is one row of the table of ways to store a quantized matrix in several tensors of a checkpoint.
type scheme struct {
	name    string
	methods []string // values of quant_method
	// parts are what the names of a module's tensors end in, after the module's name and a dot. The first is there in every quantized
	// module, and in no other.
	parts []string
	// drop are parts that concern activations alone, in modules of any kind.
	drop []string
	// accept refuses variants that the checkpoint's configuration announces; nil accepts all.
	accept func(c quantConfig) error
	// unstored says of a configuration that weights are stored as they were trained, and rounded where they are used; nil: never.
	unstored func(c quantConfig) bool
	// of says of a module with the first part that it is quantized in this way; nil: all are.
	of func(m *module) bool
	// weight makes one tensor of a module's parts.
	weight func(m *module) (*Tensor, error)
}

var schemes []*scheme

func registerScheme(s scheme) *scheme {
	schemes = append(schemes, &s)
	return &s
}

// A module is one matrix that is stored in several tensors.
type module struct {
	name   string // of the module, as the names of its tensors begin
	file   string
	parts  map[string]*Tensor
	config quantConfig
	bands  *bands
}

func (m *module) fail(part string, err error) error {
	name := m.name
	if part != "" {
		name += "." + part
	}
	return &Error{File: m.file, Tensor: name, Err: err}
}

// assemble replaces the tensors of every quantized module by one, which has the module's name and ends in .weight. What the
// configuration announces and quern does not read is left as it is stored, and src.Quantized.Err says so to whoever wants weights.
func assemble(src *Source) error {
	q, err := readQuantized(src)
	if err != nil || q == nil {
		return err
	}
	src.Quantized = q
	c := quantConfig(q.Config)
	for _, s := range schemesOf(q) {
		if s.unstored != nil && s.unstored(c) {
			q.Scheme = s.name
			return nil
		}
		if s.accept != nil {
			if err := s.accept(c); err != nil {
				q.Err = &Error{File: filepath.Join(folderOf(src), q.File), Tensor: "quantization_config", Err: err, Hint: otherHint}
				return nil
			}
		}
		q.Scheme = s.name
		if err := s.gather(src, c); err != nil {
			return err
		}
	}
	if q.Modules == 0 && q.Err == nil {
		q.Err = &Error{File: src.Path, Tensor: "quantization_config", Err: Unsupported("says %q, but no tensor is stored as that method stores weights", q.Method),
			Hint: "is config.json the one of this checkpoint?"}
	}
	return nil
}

// allMiddle reads all zero points of n rows, and says whether they are the middle of the codes.
func allMiddle(n, groups, bits int, zeros func(dst []uint8, row, rows int) error) (bool, error) {
	const step = 4096
	for row := 0; row < n; row += step {
		rows := min(step, n-row)
		z := make([]uint8, rows*groups)
		if err := zeros(z, row, rows); err != nil {
			return false, err
		}
		for _, v := range z {
			if v != 1<<(bits-1) {
				return false, nil
			}
		}
	}
	return true, nil
}

const otherHint = "convert the checkpoint in 16 bits that this one was made from"

// schemesOf finds the rows for a checkpoint, or says in q.Err that there is none. A method whose modules differ in kind has several.
func schemesOf(q *Quantized) (found []*scheme) {
	var known []string
	for _, s := range schemes {
		if slices.Contains(s.methods, q.Method) {
			found = append(found, s)
		}
		known = append(known, s.methods...)
	}
	if found == nil {
		slices.Sort(known)
		q.Err = &Error{File: q.File, Tensor: "quantization_config", Err: Unsupported("the weights are quantized by the method %.60q", q.Method),
			Hint: "quern reads " + strings.Join(slices.Compact(known), ", ") + "; for others " + otherHint}
	}
	return found
}

// gather finds the modules of a scheme and makes their weights.
func (s *scheme) gather(src *Source, c quantConfig) error {
	modules, shared := map[string]*module{}, &bands{}
	for _, t := range src.Tensors {
		if name, part := s.split(t.Name); part != "" {
			m := modules[name]
			if m == nil {
				m = &module{name: name, file: src.Path, parts: map[string]*Tensor{}, config: c, bands: shared}
				modules[name] = m
			}
			m.parts[part] = t
		}
	}
	done := map[string]bool{}
	var out []*Tensor
	for _, t := range src.Tensors {
		if last := t.Name[strings.LastIndexByte(t.Name, '.')+1:]; slices.Contains(s.drop, last) {
			continue
		}
		name, part := s.split(t.Name)
		m := modules[name]
		if part == "" || m.parts[s.parts[0]] == nil || s.of != nil && !s.of(m) {
			out = append(out, t)
			continue
		}
		if done[name] {
			continue
		}
		done[name] = true
		w, err := s.weight(m)
		if err != nil {
			return err
		}
		src.Quantized.Modules++
		out = append(out, w)
	}
	src.Tensors = out
	return nil
}

// split cuts the name of a tensor into a module and one of the scheme's parts; part is "" when it ends in none.
func (s *scheme) split(name string) (module, part string) {
	for _, p := range s.parts {
		if m, ok := strings.CutSuffix(name, "."+p); ok && len(p) > len(part) {
			module, part = m, p
		}
	}
	return module, part
}

// readQuantized finds the description of the quantization: in config.json, where most put it, else in a file of its own.
func readQuantized(src *Source) (*Quantized, error) {
	for _, file := range []string{"config.json", "quantize_config.json", "quant_config.json"} {
		text, err := src.File(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		root := parseJSON(text)
		if file == "config.json" {
			if root = describedIn(root); root == nil {
				continue
			}
		} else if _, ok := root["bits"]; !ok && root["w_bit"] == nil {
			continue
		}
		return &Quantized{Method: methodOf(file, root), Config: root, File: file}, nil
	}
	return nil, nil
}

// describedIn finds the description in config.json: mlx-lm calls it "quantization", models with several towers keep it in the text's.
func describedIn(root map[string]any) map[string]any {
	text, _ := root["text_config"].(map[string]any)
	for _, m := range []map[string]any{root, text} {
		for _, key := range []string{"quantization", "quantization_config"} {
			if q, ok := m[key].(map[string]any); ok && len(q) > 0 {
				return q
			}
		}
	}
	return nil
}

// methodOf names the method; the two tools whose files lack a name are known by their keys.
func methodOf(file string, c map[string]any) string {
	for _, key := range []string{"quant_method", "method", "quant_algo"} {
		if s, ok := c[key].(string); ok && s != "" {
			return strings.ToLower(s)
		}
	}
	switch _, bits := c["bits"]; {
	case c["w_bit"] != nil || c["zero_point"] != nil:
		return "awq"
	case c["load_in_4bit"] != nil || c["load_in_8bit"] != nil:
		return "bitsandbytes"
	case file == "quantize_config.json":
		return "gptq"
	case bits && c["group_size"] != nil:
		return "mlx"
	}
	return ""
}

// codedType is the storage type of a matrix in a scheme: a row is its block, of so many bytes in all parts together.
func codedType(name string, cols int, bits float64) *quantize.Type {
	return &quantize.Type{Name: name, ID: quantize.NoID, Block: cols, Bytes: max(1, int(float64(cols)*bits/8+0.5))}
}

// tensor is the weight of a module whose codes r decodes.
func (m *module) tensor(typ string, r *codedRows, parts ...*Tensor) *Tensor {
	r.name, r.file = m.name+".weight", m.file
	if r.unit == 0 {
		r.unit = 1
	}
	return &Tensor{Name: m.name + ".weight", Shape: []int{r.rows, r.cols}, Type: typeOf(typ, r.rows, r.cols, parts), Rows: r}
}

// typeOf counts the bytes of all parts together.
func typeOf(name string, rows, cols int, parts []*Tensor) *quantize.Type {
	n := int64(0)
	for _, p := range parts {
		if p != nil {
			n += p.Bytes()
		}
	}
	return codedType(name, cols, 8*float64(n)/float64(rows)/float64(cols))
}

// matrix is the part of that name if it has two dimensions, none of them 0, and one of the types.
func (m *module) matrix(part string, types ...string) (*Tensor, error) {
	t := m.parts[part]
	switch {
	case t == nil:
		return nil, m.fail(part, Corrupt("missing beside %s", strings.Join(sortedKeys(m.parts), ", ")))
	case len(t.Shape) != 2 || t.Elems() == 0:
		return nil, m.fail(part, Corrupt("has shape %v, not that of a matrix", t.Shape))
	case len(types) > 0 && !slices.Contains(types, t.Type.Name):
		return nil, m.fail(part, Unsupported("is stored as %s, not as %s", t.Type.Name, strings.Join(types, " or ")))
	}
	return t, nil
}

// shaped demands a shape of a part.
func (m *module) shaped(part string, want ...int) error {
	if t := m.parts[part]; !slices.Equal(t.Shape, want) {
		return m.fail(part, Corrupt("has shape %v, want %v", t.Shape, want))
	}
	return nil
}

func folderOf(src *Source) string {
	if src.Format != nil && src.Format.Name == "safetensors" {
		return filepath.Dir(src.Path)
	}
	return src.Path
}

// groupsOf finds the size of groups from their number, which the shape of the scales tells: where the size that the configuration
// announces does not give it, the module has a size of its own.
func groupsOf(cols, groups, announced int) (int, error) {
	if announced > 0 && (cols+announced-1)/announced == groups {
		if groups == 1 {
			return 0, nil
		}
		return announced, nil
	}
	if groups == 1 {
		return 0, nil
	}
	if groups < 1 || cols%groups != 0 {
		return 0, Corrupt("%d groups of scales for %d columns", groups, cols)
	}
	return cols / groups, nil
}

var floats16 = []string{"F16", "BF16", "F32"}
