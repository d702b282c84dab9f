package convert

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/golden"
	"quern/quantize"
)

// A drafting is a tiny draft head with its target's configuration, or what makes sound and has none, and what the reference converter made of it (docs/bench/drafts.py --write).
type drafting struct {
	Name           string
	Config, Target map[string]any
	Tensors        map[string][]int
	Weights        map[string][]int // of the target, where the draft head's file holds some of them
	Mask           []byte           // mask_embedding.pt
	Keys           [][]json.RawMessage
	Files          [][]json.RawMessage
}

func draftings(t *testing.T) (list []*drafting) {
	t.Helper()
	for _, file := range []string{"testdata/drafts.json", "testdata/sounds.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var more []*drafting
		if err := json.Unmarshal(text, &more); err != nil {
			t.Fatal(err)
		}
		list = append(list, more...)
	}
	return list
}

// folderOf is a source of files and tensors.
func folderOf(path string, files map[string][]byte, tensors []*formats.Tensor) *formats.Source {
	return &formats.Source{Path: path, Format: &formats.Format{Name: "hf"}, Close: func() error { return nil }, Tensors: tensors, File: func(name string) ([]byte, error) {
		if f, ok := files[name]; ok {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}}
}

func (d *drafting) source(t *testing.T) *formats.Source {
	files := map[string][]byte{"config.json": marshal(t, d.Config), "tokenizer.json": byteTokenizer(t, 512)}
	if d.Mask != nil {
		files["mask_embedding.pt"] = d.Mask
	}
	return folderOf(filepath.Join(t.TempDir(), "hf"), files, draftTensors(d.Tensors))
}

func draftTensors(shapes map[string][]int) (tensors []*formats.Tensor) {
	for name, shape := range shapes {
		w := draftWeights(name, shape)
		x := arch.Floats(name, w)
		x.Shape, x.Rows = shape, matrix{w, x.Cols()}
		if name == "d2t" {
			raw := []byte{}
			for _, v := range w {
				raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
			}
			x.Type, x.Raw, x.Rows = quantize.I64, bytes.NewReader(raw), matrix{w, len(w)}
		} else if len(shape) == 2 {
			x.Rows = matrix{w, shape[1]}
		}
		tensors = append(tensors, x)
	}
	slices.SortFunc(tensors, func(a, b *formats.Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return tensors
}

func (d *drafting) target(t *testing.T) *formats.Source {
	if d.Target == nil {
		return nil
	}
	return folderOf(filepath.Join(t.TempDir(), "target"), map[string][]byte{"config.json": marshal(t, d.Target), "tokenizer.json": byteTokenizer(t, 512)}, draftTensors(d.Weights))
}

// draftWeights are those of docs/bench/drafts.py.
func draftWeights(name string, shape []int) []float32 {
	w := golden.Hashed(name, shape)
	for i, u := range w {
		switch {
		case name == "d2t":
			w[i] = float32(3 * i)
		case len(shape) > 1:
			w[i] = u * 0.375
		case strings.Contains(name, "norm"), strings.Contains(name, "layer_scalar"):
			w[i] = 1 + float32(u*0.5)
		default:
			w[i] = u * 0.5
		}
	}
	return w
}

// drafted is the file of a draft head.
func drafted(t *testing.T, src, target *formats.Source) *formats.Source {
	t.Helper()
	p := plan(t, src, "F32", Options{Convert: true, Target: target})
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return open(t, p.Out)
}

// ownKeys are keys that the reference's files of a draft head do not have (docs/parity.md).
var ownKeys = map[string][]string{"eagle3, speculators": {"eagle3.attention.key_length", "eagle3.attention.value_length"}}

// Files of draft heads have the reference's keys and tensors, and lead back to the checkpoint's; of these again the same file is made, with the target's folder or
// with a GGUF that has its tokens.
func TestDraftsEqualReference(t *testing.T) {
	for _, d := range draftings(t) {
		t.Run(d.Name, func(t *testing.T) {
			src := d.source(t)
			got := drafted(t, src, d.target(t))
			var keys []string
			for _, k := range d.Keys {
				keys = append(keys, unquote(t, k[0]))
				sameValue(t, &got.Meta, k)
			}
			for _, k := range got.Meta.Keys() {
				if d.Keys != nil && !slices.Contains(keys, k) && !strings.HasPrefix(k, "tokenizer.") && k != "general.name" && !slices.Contains(ownKeys[d.Name], k) {
					t.Errorf("the reference has no key %s", k)
				}
			}
			if d.Files != nil { // the reference takes DeepSeek-V4 in four bits only
				sameTensors(t, got, d.Files)
			}
			back := exported(t, got, "")
			for _, x := range back.Tensors {
				was := src.Tensor(x.Name)
				if was != nil && d.Config["rope_is_neox_style"] == nil && !slices.Equal(floatRows(t, x), floatRows(t, was)) {
					t.Errorf("%s came back otherwise", x.Name)
				}
			}
			again := drafted(t, back, d.target(t))
			for i, x := range again.Tensors {
				if y := got.Tensor(x.Name); y == nil || len(again.Tensors) != len(got.Tensors) || !bytes.Equal(body(t, x), body(t, y)) {
					t.Errorf("tensor %d, %s, is another the second time", i, x.Name)
				}
			}
			for _, k := range got.Meta.Keys() {
				if x, y := got.Meta.Value(k), again.Meta.Value(k); !equalValues(x, y) && !slices.Contains(ofNames, k) {
					t.Errorf("%s is %.80v, and %.80v the second time", k, x, y)
				}
			}
		})
	}
}

// Without its target a draft head is not converted, with a target a model is not; and none is computed.
func TestDraftsWantTheirTarget(t *testing.T) {
	d := draftings(t)[0]
	refuses := func(says string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error()+hintOf(err), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	_, err := NewPlan(d.source(t), F16, Options{Convert: true})
	refuses("--target", err)
	_, err = NewPlan(d.source(t), F16, Options{Convert: true, Target: folderOf("x", nil, nil)})
	refuses("config.json", err)
	wide := *d
	wide.Target = map[string]any{"hidden_size": 96, "num_hidden_layers": 6, "vocab_size": 512}
	_, err = NewPlan(d.source(t), F16, Options{Convert: true, Target: wide.target(t)})
	refuses("states of 64 numbers", err)
	wide.Target = map[string]any{"hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 512}
	_, err = NewPlan(d.source(t), F16, Options{Convert: true, Target: wide.target(t)})
	refuses("reads layer", err)
	twice := d.source(t)
	table := twice.Tensor("d2t")
	w := floatRows(t, table)
	w[4] = w[3] - 1
	table.Rows = matrix{w, len(w)}
	_, err = NewPlan(twice, F16, Options{Convert: true, Target: d.target(t)})
	refuses("taken", err)
	gguf := drafted(t, d.source(t), d.target(t))
	_, err = NewPlan(gguf, F16, Options{Target: d.target(t)})
	refuses("holds already", err)
	bound, err := arch.Bind(gguf)
	if err != nil {
		t.Fatal(err)
	}
	refuses("computes nothing alone", bound.Alone())
	by := drafted(t, d.source(t), by(t, gguf))
	if !equalValues(by.Meta.Value("tokenizer.ggml.tokens"), gguf.Meta.Value("tokenizer.ggml.tokens")) {
		t.Error("a GGUF lent other tokens")
	}
}

// by is a GGUF of the same tokens as a target.
func by(t *testing.T, gguf *formats.Source) *formats.Source {
	target := *gguf
	target.Meta = gguf.Meta.Clone()
	target.Meta.Set("general.architecture", "llama")
	target.Meta.Set("llama.block_count", uint32(6))
	target.Meta.Set("llama.embedding_length", uint32(64))
	return &target
}

func hintOf(err error) string {
	if e, ok := err.(*formats.Error); ok {
		return e.Hint
	}
	return ""
}

// A mask of its own is of the token that config.json names, and goes into the target's embedding, which must be there.
func TestMaskWantsItsToken(t *testing.T) {
	i := slices.IndexFunc(draftings(t), func(d *drafting) bool { return d.Name == "dflash, mask" })
	for what, change := range map[string]func(d *drafting){
		"token 500": func(d *drafting) { d.Config["dflash_config"].(map[string]any)["mask_token_id"] = 7 },
		"weights":   func(d *drafting) { d.Weights = nil },
		"shape":     func(d *drafting) { d.Config["vocab_size"] = 520 },
		"torch":     func(d *drafting) { d.Mask = []byte("no archive") },
	} {
		d := draftings(t)[i]
		change(d)
		src := d.source(t)
		if !WantsWeights(src) {
			t.Error("the mask is not seen")
		}
		_, err := NewPlan(src, F16, Options{Convert: true, Pre: "gpt-2", Target: d.target(t)})
		var e *formats.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error()+e.Hint, what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
