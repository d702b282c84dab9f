package convert

import (
	"encoding/json"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// tasksSource is a checkpoint with two adapters of rank 2, all of whose numbers follow from names and places.
func tasksSource(t *testing.T, change func(config map[string]any)) *formats.Source {
	t.Helper()
	config := map[string]any{"architectures": []string{"XLMRobertaModel"}, "model_type": "xlm-roberta", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 1,
		"num_attention_heads": 2, "max_position_embeddings": 18, "pad_token_id": 1, "position_embedding_type": "rotary", "lora_alpha": 1, "lora_adaptations": []string{"query", "text"},
		"task_instructions": map[string]string{"query": "Find: ", "text": ""}}
	if change != nil {
		change(config)
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	src := &formats.Source{Path: "jina", Format: &formats.Format{Name: "hf"}, Close: func() error { return nil }}
	src.File = func(name string) ([]byte, error) {
		if name == "config.json" {
			return text, nil
		}
		return nil, fs.ErrNotExist
	}
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(math.Sin(float64(i*len(name) + n)))
		}
		src.Tensors = append(src.Tensors, heldFloats("roberta."+name, shape, v))
	}
	for name, shape := range map[string][2]int{"embeddings.word_embeddings": {12, 8}, "embeddings.token_type_embeddings": {1, 8}, "encoder.layers.0.mixer.Wqkv": {24, 8},
		"encoder.layers.0.mixer.out_proj": {8, 8}, "encoder.layers.0.mlp.fc1": {6, 8}, "encoder.layers.0.mlp.fc2": {8, 6}, "pooler.dense": {8, 8}} {
		add(name+original, shape[0], shape[1])
		if strings.HasPrefix(name, "emb") {
			add(name+taskA, 2, shape[0], 2)
			add(name+taskB, 2, 2, shape[1])
		} else {
			add(name+taskA, 2, 2, shape[1])
			add(name+taskB, 2, shape[0], 2)
			add(name+".bias", shape[0])
		}
	}
	for _, name := range []string{"emb_ln", "encoder.layers.0.norm1", "encoder.layers.0.norm2"} {
		add(name+".weight", 8)
		add(name+".bias", 8)
	}
	return src
}

func rowsOf(t *testing.T, x *formats.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Elems())
	if err := x.Rows.ReadRows(v, 0); err != nil {
		t.Fatal(x.Name, err)
	}
	return v
}

// What a task adds to a matrix is half of B·A, and to an embedding half of A·B, of its own numbers; what is left is the model without.
func TestTasksAreAdded(t *testing.T) {
	src := tasksSource(t, nil)
	for at, task := range []string{"query", "text"} {
		base, a, err := WithoutTasks(src, task)
		if err != nil {
			t.Fatal(err)
		}
		merged, _, err := Merge(base, []*Adapter{a}, []float64{1})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.modules) != 6 || len(merged.Tensors) != len(src.Tensors)-14 {
			t.Errorf("%d modules change %d tensors", len(a.modules), len(merged.Tensors))
		}
		for _, name := range []string{"embeddings.word_embeddings", "embeddings.token_type_embeddings", "encoder.layers.0.mixer.Wqkv", "encoder.layers.0.mlp.fc2"} {
			w, left, right := src.Tensor("roberta."+name+original), src.Tensor("roberta."+name+taskB), src.Tensor("roberta."+name+taskA)
			if strings.HasPrefix(name, "emb") {
				left, right = right, left
			}
			n, k := w.Shape[0], w.Shape[1]
			want, l, r := rowsOf(t, w), rowsOf(t, left)[at*2*n:], rowsOf(t, right)[at*2*k:]
			for i, got := range rowsOf(t, merged.Tensor(name+".weight")) {
				x := float64(want[i]) + 0.5*(float64(l[i/k*2])*float64(r[i%k])+float64(l[i/k*2+1])*float64(r[k+i%k]))
				if math.Abs(float64(got)-x) > 1e-6 {
					t.Fatalf("%s, %s: number %d is %v, want %v", task, name, i, got, x)
				}
			}
		}
		b, err := arch.Bind(merged)
		if err != nil || b.Arch != arch.JinaBertV3 || len(b.Notes) > 0 {
			t.Errorf("%+v, %v", b, err)
		}
		out := filepath.Join(t.TempDir(), "a.gguf")
		if n, err := WriteAdapter(a, base, out, quantize.F32, false); err != nil || n != 6 {
			t.Fatalf("%d, %v", n, err)
		}
		file, err := formats.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		if file.Meta.String("adapter.lora.task_name") != task || file.Meta.Has("adapter.lora.prompt_prefix") != (task == "query") {
			t.Errorf("%s: the file's keys are others", task)
		}
		file.Close()
	}
}

// A task that is not there, and parts of adapters that do not fit, are errors that say so.
func TestTasksThatAreNot(t *testing.T) {
	for _, c := range []struct {
		task, says string
		change     func(map[string]any)
		spoil      func(*formats.Source)
	}{
		{"other", "its tasks are query, text", nil, nil},
		{"query", "names no tasks", func(c map[string]any) { delete(c, "lora_adaptations") }, nil},
		{"query", "there are 3 tasks", func(c map[string]any) { c["lora_adaptations"] = []string{"query", "text", "third"} }, nil},
		{"query", "is missing", nil, func(s *formats.Source) { s.Tensors = without1(s.Tensors, "roberta.encoder.layers.0.mlp.fc1"+taskB) }},
		{"query", "rank in common", nil, func(s *formats.Source) {
			t := s.Tensor("roberta.encoder.layers.0.mlp.fc1" + taskB)
			*t = *heldFloats(t.Name, []int{2, 4, 3}, make([]float32, 2*4*3))
		}},
		{"query", "no tensor is of an adapter", nil, func(s *formats.Source) {
			for _, x := range s.Tensors {
				x.Name = strings.ReplaceAll(x.Name, "lora_", "thin_")
			}
		}},
	} {
		src := tasksSource(t, c.change)
		if c.spoil != nil {
			c.spoil(src)
		}
		_, _, err := WithoutTasks(src, c.task)
		var hint string
		if e, ok := err.(*formats.Error); ok {
			hint = e.Hint
		}
		if err == nil || !strings.Contains(err.Error()+hint, c.says) {
			t.Errorf("%s: %v, %q", c.says, err, hint)
		}
	}
}

func without1(list []*formats.Tensor, name string) (out []*formats.Tensor) {
	for _, t := range list {
		if t.Name != name {
			out = append(out, t)
		}
	}
	return out
}
