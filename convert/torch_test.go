package convert

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// A folder of pytorch_model*.bin becomes the same file, byte by byte, as one of safetensors with the same weights; a head
// that is stored as another name of the embedding is no head of its own.
func TestTorchBecomesTheSame(t *testing.T) {
	for name, twin := range map[string]string{"llama": "", "qwen3": "", "llama31": "lm_head.weight"} {
		t.Run(name, func(t *testing.T) {
			dir := shared(t, "golden", "arch", name, "hf")
			src := open(t, dir)
			copied := filepath.Join(t.TempDir(), "hf") // general.name comes from the folder
			if err := os.Mkdir(copied, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json"} {
				if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
					writeFile(t, filepath.Join(copied, file), text)
				}
			}
			writeTorch(t, copied, src.Tensors, twin)
			torch := open(t, copied)
			if got := len(torch.Tensors); twin != "" && got != len(src.Tensors)+1 {
				t.Errorf("%d tensors", got)
			}
			for _, typ := range []string{"BF16", "Q8_0"} {
				a, b := converted(t, dir, typ), converted(t, copied, typ)
				want, err := os.ReadFile(a.Path)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(b.Path); err != nil || string(got) != string(want) {
					t.Errorf("%s: other bytes, %v", typ, err)
				}
			}
		})
	}
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeTorch writes tensors as torch.save does, in two shards with an index. twin is one more name of the embedding.
func writeTorch(t *testing.T, dir string, tensors []*formats.Tensor, twin string) {
	t.Helper()
	owner := map[string]string{}
	for i, part := range [][]*formats.Tensor{tensors[:len(tensors)/3], tensors[len(tensors)/3:]} {
		name := fmt.Sprintf("pytorch_model-%05d-of-00002.bin", i+1)
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		entry := func(name string, data []byte) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: "m/" + name, Method: zip.Store})
			if err == nil {
				_, err = w.Write(data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		p := "\x80\x02}("
		for key, of := range part {
			body := make([]byte, of.Bytes())
			if _, err := io.ReadFull(io.NewSectionReader(of.Raw, 0, of.Bytes()), body); err != nil {
				t.Fatal(err)
			}
			entry(fmt.Sprint("data/", key), body)
			names := []string{of.Name}
			if twin != "" && strings.HasSuffix(of.Name, "embed_tokens.weight") {
				names = append(names, twin)
			}
			for _, n := range names {
				owner[n] = name
				p += pickledTensor(n, of, key)
			}
		}
		entry("data.pkl", []byte(p+"u."))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	index, err := json.Marshal(map[string]any{"metadata": map[string]any{}, "weight_map": owner})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "pytorch_model.bin.index.json"), index)
}

// pickledTensor is a name and the call that rebuilds a tensor from the storage of that number.
func pickledTensor(name string, of *formats.Tensor, key int) string {
	text := func(s string) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	number := func(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	class := map[*quantize.Type]string{quantize.BF16: "BFloat16Storage", quantize.F32: "FloatStorage", quantize.F16: "HalfStorage"}[of.Type]
	sizes, strides := "", ""
	step := of.Elems()
	for _, n := range of.Shape {
		step /= n
		sizes += number(n)
		strides += number(step)
	}
	return text(name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + class + "\n" + text(fmt.Sprint(key)) + text("cpu") + number(of.Elems()) +
		"tQ" + number(0) + "(" + sizes + "t(" + strides + "t\x89ccollections\nOrderedDict\n)RtR"
}
