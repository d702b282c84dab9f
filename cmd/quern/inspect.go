package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/formats"
)

func inspectCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what a checkpoint holds, by reading headers only",
		UsageText: "quern inspect PATH [--json] [--all]",
		Description: "PATH is a GGUF, a safetensors file or a Hugging Face folder, sharded or not, or an importance matrix.\n\n" +
			"Examples:\n  quern inspect model.gguf\n  quern inspect ./model --json | jq '.tensors[].type'",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print everything as JSON"},
			&cli.BoolFlag{Name: "all", Usage: "print long lists and texts whole"},
		},
		Action: func(c *cli.Context) error { return inspect(c, ui) },
	}
}

func inspect(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "PATH"); err != nil {
		return err
	}
	src, err := formats.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer src.Close()
	if formats.IsImatrix(src) {
		return inspectImatrix(ui, src, c.Bool("json"))
	}
	in, err := inspection(src)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return ui.json(in)
	}
	in.print(ui, c.Bool("all"))
	return nil
}

// inspected is what inspect shows; its JSON form is for scripts.
type inspected struct {
	Path          string          `json:"path"`
	Format        string          `json:"format"`
	Metadata      orderedMeta     `json:"metadata"`
	Config        json.RawMessage `json:"config,omitempty"` // config.json of a Hugging Face folder
	Quantized     *quantizedLine  `json:"quantized,omitempty"`
	Tensors       []tensorLine    `json:"tensors"`
	Types         []typeLine      `json:"types"`
	Weights       int64           `json:"weights"`
	Bytes         int64           `json:"bytes"`
	BitsPerWeight float64         `json:"bits_per_weight"`
}

type tensorLine struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // outermost first
	Bytes int64  `json:"bytes"`
}

// quantizedLine is how a folder says that its matrices are quantized.
type quantizedLine struct {
	Method  string `json:"method"`
	File    string `json:"file"`
	Modules int    `json:"matrices"`
	Problem string `json:"problem,omitempty"` // why quern does not read the weights
}

func quantizedOf(src *formats.Source) *quantizedLine {
	q := src.Quantized
	if q == nil {
		return nil
	}
	line := &quantizedLine{Method: q.Method, File: q.File, Modules: q.Modules}
	if q.Err != nil {
		line.Problem = q.Err.Error()
	}
	return line
}

type typeLine struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Weights int64  `json:"weights"`
	Bytes   int64  `json:"bytes"`
}

func inspection(src *formats.Source) (*inspected, error) {
	in := &inspected{Path: src.Path, Format: src.Format.Name, Metadata: orderedMeta{&src.Meta},
		Quantized: quantizedOf(src), Tensors: []tensorLine{}, Types: []typeLine{}}
	config, err := src.File("config.json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case json.Valid(config):
		in.Config = config
	}
	at := map[string]int{}
	for _, t := range src.Tensors {
		n, b := int64(t.Elems()), t.Bytes()
		in.Tensors = append(in.Tensors, tensorLine{t.Name, t.Type.Name, append([]int{}, t.Shape...), b})
		i, ok := at[t.Type.Name]
		if !ok {
			i = len(in.Types)
			at[t.Type.Name] = i
			in.Types = append(in.Types, typeLine{Type: t.Type.Name})
		}
		in.Types[i].Tensors++
		in.Types[i].Weights += n
		in.Types[i].Bytes += b
		in.Weights += n
		in.Bytes += b
	}
	if in.Weights > 0 {
		in.BitsPerWeight = 8 * float64(in.Bytes) / float64(in.Weights)
	}
	return in, nil
}

// orderedMeta is metadata as a JSON object in the order of the file.
type orderedMeta struct{ *formats.Meta }

func (m orderedMeta) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range m.Keys() {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		val, err := json.Marshal(jsonValue(m.Value(k)))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// jsonValue keeps lists of bytes lists, and numbers that JSON lacks words.
func jsonValue(v any) any {
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := rv.Float(); f != f || f-f != 0 {
			return fmt.Sprint(f)
		}
	case reflect.Slice:
		out := make([]any, rv.Len())
		for i := range out {
			out[i] = jsonValue(rv.Index(i).Interface())
		}
		return out
	}
	return v
}

func (in *inspected) print(ui *ui, all bool) {
	ui.say("%s: %s, %d tensors, %.4g billion weights, %s, %.2f bits per weight", in.Path, in.Format, len(in.Tensors),
		float64(in.Weights)/1e9, bytes(in.Bytes), in.BitsPerWeight)
	if q := in.Quantized; q != nil && q.Problem == "" {
		ui.say("quantized: %s (%s), %d matrices", printable(q.Method), q.File, q.Modules)
	} else if q != nil {
		ui.say("quantized: %s", printable(q.Problem))
	}
	if in.Metadata.Len() > 0 {
		ui.say("\nmetadata")
		for _, k := range in.Metadata.Keys() {
			ui.say("  %-42s %s", printable(k), showValue(in.Metadata.Value(k), all))
		}
	}
	if in.Config != nil {
		ui.say("\nconfig.json")
		ui.say("%s", indentJSON(in.Config))
	}
	ui.say("")
	var rows [][]string
	for _, t := range in.Tensors {
		rows = append(rows, []string{printable(t.Name), t.Type, shape(t.Shape), bytes(t.Bytes)})
	}
	ui.table([]string{"tensor", "type", "shape", "size"}, rows, 3)
	ui.say("")
	rows = nil
	for _, t := range in.Types {
		rows = append(rows, []string{t.Type, fmt.Sprint(t.Tensors), fmt.Sprint(t.Weights), bytes(t.Bytes), fmt.Sprintf("%.2f", 8*float64(t.Bytes)/float64(max(1, t.Weights)))})
	}
	ui.table([]string{"type", "tensors", "weights", "size", "bits/weight"}, rows, 1, 2, 3, 4)
}

func shape(dims []int) string {
	if len(dims) == 0 {
		return "scalar"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(dims), " ", " × "), "[]")
}

// showValue prints a metadata value on one line: long lists and texts are cut unless all is set.
func showValue(v any, all bool) string {
	const most, longest = 8, 120
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		s := fmt.Sprint(v)
		if rv.Kind() == reflect.String {
			s = fmt.Sprintf("%q", s)
		}
		if r := []rune(s); len(r) > longest && !all {
			s = string(r[:longest]) + "…"
		}
		return s
	}
	n := rv.Len()
	var parts []string
	for i := range n {
		if i == most && !all {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, showValue(rv.Index(i).Interface(), all))
	}
	return fmt.Sprintf("%d × %s [%s]", n, rv.Type().Elem(), strings.Join(parts, ", "))
}

// printable is a name from a file without what could control a terminal.
func printable(s string) string {
	q := quote(s)
	if q == `"`+s+`"` {
		return s
	}
	return q
}

// indentJSON re-indents JSON of a file; control characters inside strings are escaped by JSON itself.
func indentJSON(raw json.RawMessage) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "  (not readable: " + err.Error() + ")"
	}
	out, err := json.MarshalIndent(v, "  ", "  ")
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	return "  " + string(out)
}
