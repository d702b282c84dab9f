package convert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// extra are the keys that quern writes and the reference does not: docs/parity.md.
var extra = []string{"llama.attention.sliding_window", "deepseek2.expert_gating_func"}

// Our files equal the reference converter's: keys with their kinds, values and order, tensors with their order and bytes.
func TestConvertEqualsReference(t *testing.T) {
	for _, name := range []string{"llama", "llama31", "mistral", "qwen2", "qwen3", "phi3", "gemma3", "mixtral", "qwen2moe", "qwen3moe", "deepseek2", "deepseek3", "stablelm"} {
		t.Run(name, func(t *testing.T) {
			ours, ref := converted(t, shared(t, "golden", "arch", name, "hf"), "F32"), open(t, shared(t, "golden", "arch", name, "ref-f32.gguf"))
			sameMeta(t, &ours.Meta, &ref.Meta)
			if got, want := names(ours), names(ref); !slices.Equal(got, want) {
				t.Fatalf("tensors %v, want %v", got, want)
			}
			for i, r := range ref.Tensors {
				o := ours.Tensors[i]
				if o.Type != r.Type || !slices.Equal(o.Shape, r.Shape) {
					t.Errorf("%s is %s %v, want %s %v", o.Name, o.Type, o.Shape, r.Type, r.Shape)
				} else if !bytes.Equal(body(t, o), body(t, r)) {
					t.Errorf("%s has other bytes", o.Name)
				}
			}
		})
	}
}

func converted(t *testing.T, dir, typ string) *formats.Source {
	p := plan(t, open(t, dir), typ, Options{Convert: true})
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return open(t, p.Out)
}

func open(t *testing.T, path string) *formats.Source {
	t.Helper()
	src, err := formats.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func names(src *formats.Source) (out []string) {
	for _, t := range src.Tensors {
		out = append(out, t.Name)
	}
	return out
}

func body(t *testing.T, x *formats.Tensor) []byte {
	b, err := io.ReadAll(io.NewSectionReader(x.Raw, 0, x.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sameMeta(t *testing.T, ours, ref *formats.Meta) {
	for _, k := range extra {
		ours.Delete(k)
	}
	if !slices.Equal(ours.Keys(), ref.Keys()) {
		t.Errorf("keys\n%v, want\n%v", ours.Keys(), ref.Keys())
	}
	for _, k := range ref.Keys() {
		if got, want := ours.Value(k), ref.Value(k); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %.200s (%T), want %.200s (%T)", k, fmt.Sprint(got), got, fmt.Sprint(want), want)
		}
	}
}

// The F16 file of SmolLM2-135M equals the reference's. The checkpoint is too large for the repository: QUERN_SMOLLM2 names
// the folder that tools/gguf_to_hf.py made.
func TestSmolLM2EqualsReference(t *testing.T) {
	dir := os.Getenv("QUERN_SMOLLM2")
	if dir == "" {
		t.Skip("QUERN_SMOLLM2 is not set")
	}
	text, err := os.ReadFile(shared(t, "golden", "smollm2-f16.json"))
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		KV      map[string]any
		Tensors []struct{ Name, Type, SHA256 string }
	}
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "smollm2-135m-hf-bf16-from-q4_1") // the folder that the reference's names come from
	if dir, err = filepath.Abs(dir); err == nil {
		err = os.Symlink(dir, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, open(t, link), "F16", Options{Convert: true, Pre: "smollm"})
	p.Out = filepath.Join(t.TempDir(), "out.gguf")
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	ours := open(t, p.Out)
	for i, r := range ref.Tensors {
		if i >= len(ours.Tensors) || ours.Tensors[i].Name != r.Name || ours.Tensors[i].Type.Name != r.Type {
			t.Fatalf("tensor %d is not %s %s", i, r.Name, r.Type)
		}
		sum := sha256.Sum256(body(t, ours.Tensors[i]))
		if hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Errorf("%s has other bytes", r.Name)
		}
	}
	if ours.Meta.Len() != len(ref.KV)-3 { // less those that begin with "GGUF."
		t.Errorf("%d keys, want %d", ours.Meta.Len(), len(ref.KV)-3)
	}
	for k, want := range ref.KV {
		got := ours.Meta.Value(k)
		if list, ok := want.(map[string]any); ok {
			got, want = jsonSum(t, got), list["sha256_json"]
		}
		if strings.HasPrefix(k, "GGUF.") || fmt.Sprint(got) == fmt.Sprint(want) {
			continue
		}
		if f, ok := ours.Meta.Float(k); !ok || f != want {
			t.Errorf("%s is %v, want %v", k, got, want)
		}
	}
}

// jsonSum is the hash of a list as Python's json.dumps writes it, without escapes beyond ASCII.
func jsonSum(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	sep := "["
	for i, l := 0, reflect.ValueOf(v); i < l.Len(); i++ {
		b.WriteString(sep)
		if err := e.Encode(l.Index(i).Interface()); err != nil {
			t.Fatal(err)
		}
		b.Truncate(b.Len() - 1) // the line break
		sep = ", "
	}
	b.WriteString("]")
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}
