package testdata

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The folder as train.py wrote it. Another training run gives other weights: change the sums, and the figures in README.md,
// together with the files.
var written = map[string]string{
	"config.json":            "d568c19ea3cfaed254b594fbed4cd5efb7697b6021ea26715fe7976d3de7640f",
	"generation_config.json": "f17f25b4605e7e42842061b15fe5dccb335ef4bb6aaa8b21459042b31ef5a5d3",
	"model.safetensors":      "2ae2713765a43f045c4a91df1a3909cb0685104fa30205f008fab7601c937f86",
	"tokenizer.json":         "f0966bcbd0647a59228db1c764c5abecf02342ed9ee404b875239ef23b63c666",
	"tokenizer_config.json":  "015ece90bd39c0ddd486d46967ba52521ea8affeacd83de4c800cf0eaefb7def",
}

func unpacked(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", "tiny")
	if err := Tiny(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTinyIsWhatWasTrained(t *testing.T) {
	dir := unpacked(t)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(written) {
		t.Errorf("%d files, want %d", len(files), len(written))
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != written[f.Name()] {
			t.Errorf("%s: %d bytes with sha256 %s, want %s", f.Name(), len(data), got, written[f.Name()])
		}
	}
}

// Unpacking over an older copy replaces it.
func TestTinyReplaces(t *testing.T) {
	dir := unpacked(t)
	name := filepath.Join(dir, "config.json")
	if err := os.WriteFile(name, make([]byte, 1<<16), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Tiny(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(name); err != nil || !json.Valid(data) {
		t.Errorf("config.json is not replaced: %v", err)
	}
}

// The weights are a Llama's with shared embeddings, all BF16, all matrices with rows that k-quants can store.
func TestTinyWeights(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(unpacked(t), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		DType string
		Shape []int
	}
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	weights := 0
	for name, h := range header {
		elems := 1
		for _, d := range h.Shape {
			elems *= d
		}
		weights += elems
		if h.DType != "BF16" || len(h.Shape) == 2 && h.Shape[1]%256 != 0 {
			t.Errorf("%s: %s %v", name, h.DType, h.Shape)
		}
	}
	const layers, want = 4, 2048*256 + 256 + 4*(2*256*256+2*128*256+3*768*256+2*256)
	if len(header) != 2+9*layers || weights != want || len(data) != 8+int(n)+2*want {
		t.Errorf("%d tensors with %d weights in %d bytes, want %d tensors with %d weights", len(header), weights, len(data), 2+9*layers, want)
	}
}

func TestHeldOut(t *testing.T) {
	text := string(HeldOut())
	if !utf8.ValidString(text) || len(text) < 100_000 || !strings.HasSuffix(text, "\n") || strings.Contains(text, "<|endoftext|>") {
		t.Errorf("the held-out text is %d bytes, or not clean", len(text))
	}
}
