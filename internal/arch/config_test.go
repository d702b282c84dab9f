package arch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
)

// The config.json files of published models: those of the family are read, and the rules make as many weights as the
// model has; all others are refused as unsupported.
func TestPublishedConfigs(t *testing.T) {
	weights := map[string]int{
		"meta-llama--Meta-Llama-3.1-8B_config.json": 8030261248 + 64, "meta-llama--Meta-Llama-3.1-70B_config.json": 70553706496 + 64,
		"mlc-presets/llama3_2_1b.json": 1235814400 + 32, "mlc-presets/llama2_7b.json": 6738415616, "mlc-presets/smollm2_135m.json": 134515008,
		"mlc-presets/tinyllama_1b_chat_v1.0.json": 1100048384, "mlc-presets/mistral_7b_v03.json": 7248023552,
	}
	dir := shared(t, "golden", "configs")
	var files []string
	for _, pattern := range []string{"*_config.json", "mlc-presets/*.json"} {
		list, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, file)
		n, err := countWeights(file, text)
		switch {
		case err != nil && !errors.Is(err, formats.ErrUnsupported):
			t.Errorf("%s: %v", name, err)
		case err != nil && (weights[name] > 0 || strings.HasPrefix(name, "meta-llama--Meta-Llama-3")):
			t.Errorf("%s is of the family: %v", name, err)
		case weights[name] > 0 && n != weights[name]:
			t.Errorf("%s: %d weights, want %d", name, n, weights[name])
		}
	}
	if len(files) < 100 {
		t.Errorf("only %d files", len(files))
	}
}

func countWeights(file string, text []byte) (int, error) {
	c, err := ParseConfig(file, text)
	if err != nil {
		return 0, err
	}
	c = c.Language()
	a, v, _, err := findClass(c)
	if err != nil {
		return 0, err
	}
	var p Params
	if err := a.refuse(c, &Variant{}); err != nil {
		return 0, err
	}
	if err := a.readConfig(c, v, &p); err != nil {
		return 0, err
	}
	tied, _ := c.Bool("tie_word_embeddings")
	sum := 0
	for i := range a.Tensors {
		r := &a.Tensors[i]
		has := !r.Optional || r.Role == RoleOutput && !tied || r.Role == RoleRopeFactors && p.RopeType == "llama3"
		if flag, _ := c.Bool(r.Flag); !has && !flag {
			continue
		}
		n := 1
		for _, d := range r.Dims(&p) {
			n *= d
		}
		if strings.Contains(r.GGUF, "{}") {
			n *= p.Layers
		}
		sum += n
	}
	return sum, nil
}

// Python writes numbers that JSON does not have; they are refused where they matter.
func TestPythonNumbers(t *testing.T) {
	c, err := ParseConfig("c", []byte(`{"limit": [0.0, Infinity], "eps": NaN, "text": "Infinity \" NaN", "low": -Infinity}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := c.String("text"); s != `Infinity " NaN` {
		t.Errorf("text became %q", s)
	}
	for _, key := range []string{"eps", "low", "limit"} {
		if _, err := c.Float(key, 0); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
