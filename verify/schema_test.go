package verify

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"quern/internal/model"
)

var update = flag.Bool("update", false, "write docs/report.schema.json")

// comments are what the sources say about types and fields: "Type" and "Type.Field".
func comments(t *testing.T) map[string]string {
	out := map[string]string{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	clean := func(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				ts, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				out[ts.Name.Name] = clean(g.Doc)
				if st, ok := ts.Type.(*ast.StructType); ok {
					for _, field := range st.Fields.List {
						for _, n := range field.Names {
							out[ts.Name.Name+"."+n.Name] = clean(field.Comment)
						}
					}
				}
			}
		}
	}
	return out
}

type object = map[string]any

// describe builds the schema of a type, with the types it needs in defs.
func describe(t reflect.Type, says map[string]string, defs object) object {
	switch t {
	case reflect.TypeFor[Estimate]():
		n := object{"type": []any{"number", "null"}}
		defs["Estimate"] = object{"type": "object", "description": says["Estimate"], "additionalProperties": false,
			"properties": object{"value": n, "error": n, "low": n, "high": n}, "required": []any{"error", "high", "low", "value"}}
		return object{"$ref": "#/$defs/Estimate"}
	case reflect.TypeFor[Number]():
		return object{"type": []any{"number", "null"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem(), says, defs)
	case reflect.Slice:
		return object{"type": "array", "items": describe(t.Elem(), says, defs)}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Struct:
		if _, ok := defs[t.Name()]; !ok {
			defs[t.Name()] = nil
			defs[t.Name()] = fields(t, says, defs)
		}
		return object{"$ref": "#/$defs/" + t.Name()}
	}
	panic("no schema for " + t.String())
}

func fields(t reflect.Type, says map[string]string, defs object) object {
	props, required := object{}, []any{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, opt, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := describe(f.Type, says, defs)
		if d := says[t.Name()+"."+f.Name]; d != "" {
			s["description"] = d
		}
		props[name] = s
		if opt != "omitempty" {
			required = append(required, name)
		}
	}
	sort.Slice(required, func(i, j int) bool { return required[i].(string) < required[j].(string) })
	return object{"type": "object", "description": says[t.Name()], "additionalProperties": false, "properties": props, "required": required}
}

// validate checks v against the part of JSON Schema that the schema uses.
func validate(at string, v any, s, defs object) error {
	if ref, ok := s["$ref"].(string); ok {
		return validate(at, v, defs[strings.TrimPrefix(ref, "#/$defs/")].(object), defs)
	}
	types, ok := s["type"].([]any)
	if !ok {
		types = []any{s["type"]}
	}
	is := map[string]bool{}
	switch v := v.(type) {
	case nil:
		is["null"] = true
	case bool:
		is["boolean"] = true
	case string:
		is["string"] = true
	case float64:
		is["number"], is["integer"] = true, v == float64(int64(v))
	case []any:
		is["array"] = true
		for i, e := range v {
			if err := validate(fmt.Sprintf("%s[%d]", at, i), e, s["items"].(object), defs); err != nil {
				return err
			}
		}
	case object:
		is["object"] = true
		props := s["properties"].(object)
		for k, e := range v {
			p, ok := props[k].(object)
			if !ok {
				return fmt.Errorf("%s has %q, which the schema does not know", at, k)
			}
			if err := validate(at+"."+k, e, p, defs); err != nil {
				return err
			}
		}
		for _, k := range s["required"].([]any) {
			if _, ok := v[k.(string)]; !ok {
				return fmt.Errorf("%s lacks %q", at, k)
			}
		}
	}
	for _, want := range types {
		if is[want.(string)] {
			return nil
		}
	}
	return fmt.Errorf("%s is %v, want %v", at, v, types)
}

// schemas are the documents of docs, each for a type.
var schemas = []struct {
	file, title string
	of          reflect.Type
}{
	{"report", "quern verify: " + Schema, reflect.TypeFor[Report]()},
	{"summary", "quern report: " + SummarySchema, reflect.TypeFor[Summary]()},
	{"diff", "quern diff: " + DiffSchema, reflect.TypeFor[Diff]()},
	{"tasks", "quern score: " + TaskSchema, reflect.TypeFor[Tasks]()},
}

func schemaFile(name string) string { return "../docs/" + name + ".schema.json" }

func readSchema(t *testing.T, name string) object {
	b, err := os.ReadFile(schemaFile(name))
	if err != nil {
		t.Fatal(err)
	}
	var s object
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The schemas in docs are those that the types and their comments make.
func TestSchemasAreCurrent(t *testing.T) {
	says := comments(t)
	for _, doc := range schemas {
		defs := object{}
		root := describe(doc.of, says, defs)
		s := object{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": doc.title, "$defs": defs, "$ref": root["$ref"]}
		want, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		name := schemaFile(doc.file)
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the types say; go test ./verify -run Schema -update writes it (%v)", name, err)
		}
	}
}

func fullReport(t *testing.T) *Report {
	t.Helper()
	g := &Gates{}
	if err := g.Set("max-kld", 0.1); err != nil {
		t.Fatal(err)
	}
	if err := g.Complete(); err != nil {
		t.Fatal(err)
	}
	sides := []Side{{"base", &fake{vocab: 30}, 30}, {"a", &fake{vocab: 30, noise: .5}, 30}, {"b", &fake{vocab: 30, noise: .7}, 30}}
	opt := Options{Protocol: Protocol{Ctx: 16, BOS: -1}, Options: model.Options{Threads: 1}, Analysis: Analysis{Gates: g, Worst: 3,
		Piece: func(id int32) string { return fmt.Sprintf("<%d>", id) }, Domains: []Domain{{"one", 4}, {"two", 6}}}}
	rep, err := Run(context.Background(), sides, text(160, 30), opt)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// A report keeps the schema, one of a single chunk too, and reads back as it was.
func TestReportKeepsSchema(t *testing.T) {
	schema := readSchema(t, "report")
	defs := schema["$defs"].(object)
	short, err := Run(context.Background(), []Side{{"base", &fake{vocab: 30}, 30}, {"a", &fake{vocab: 30, noise: .5}, 30}}, text(40, 30),
		Options{Protocol: Protocol{Ctx: 16, Chunks: 1, BOS: -1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, rep := range []*Report{fullReport(t), short} {
		b, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if err := validate("report", v, defs["Report"].(object), defs); err != nil {
			t.Error(err)
		}
		var back Report
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(&back)
		if err != nil || string(again) != string(b) {
			t.Errorf("a report changes when it is read and written: %v", err)
		}
	}
	bad := object{"schema": "x", "surprise": 1.0}
	if err := validate("report", bad, defs["Report"].(object), defs); err == nil {
		t.Error("the schema takes anything")
	}
}

// What the other commands print keeps its schema, too.
func TestOthersKeepSchema(t *testing.T) {
	task := Task{Name: "a", Models: []TaskScore{{Model: "m", right: []bool{true, false}}, {Model: "n", right: []bool{true, true}}}}
	for i := range task.Models {
		task.Models[i].sum()
		task.Models[i].compare(&task.Models[0])
	}
	base, quant, _, _ := tinyPair(t, "Q8_0")
	diff, err := CompareWeights(t.Context(), base, quant, DiffOptions{Rows: 4})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"summary": summary(t), "diff": diff, "tasks": &Tasks{Schema: TaskSchema, Sets: []Task{task}}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		s := readSchema(t, name)
		if err := validate(name, doc, s, s["$defs"].(object)); err != nil {
			t.Error(err)
		}
	}
}
