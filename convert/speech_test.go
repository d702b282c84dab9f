package convert

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// saidAlike compares tensors of models that speak with the formulas of those that are computed, gives these the hashes that they have, since the reference's differ in last bits, by machines, and sorts
// all by name: the reference begins with those of the folder within.
func saidAlike(t *testing.T, s *seeing, got *formats.Source, want [][]json.RawMessage) {
	t.Helper()
	byName := func(a, b *formats.Tensor) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(got.Tensors, byName)
	slices.SortFunc(want, func(a, b []json.RawMessage) int { return strings.Compare(unquote(t, a[0]), unquote(t, b[0])) })
	for i, x := range got.Tensors {
		var f func(i int) float64
		switch {
		case strings.HasSuffix(x.Name, ".alpha"):
			f = func(i int) float64 { return math.Exp(float64(s.logarithm(x.Name)[i])) }
		case strings.HasSuffix(x.Name, ".beta"):
			f = func(i int) float64 { return 1 / math.Exp(float64(s.logarithm(x.Name)[i])) }
		case x.Name == "token_embd.weight" && s.Name == "qwen3tts":
			f = s.saidEmbedding(x.Cols())
		case x.Name == "token_embd.weight":
			f = s.begunEmbedding(x.Cols())
		default:
			continue
		}
		y, bound := floatRows(t, x), 1e-6
		if x.Type.Name == "F16" {
			bound = 1e-3
		}
		for j, v := range y {
			if w := f(j); math.Abs(float64(v)-w) > bound*max(1, math.Abs(w)) {
				t.Fatalf("%s: number %d is %v, want %v", x.Name, j, v, w)
			}
		}
		sum := sha256.Sum256(body(t, x))
		want[i][3] = marshal(t, hex.EncodeToString(sum[:8]))
	}
}

// logarithm is what the checkpoint has for a factor of Snake.
func (s *seeing) logarithm(name string) []float32 {
	parts := strings.Split(strings.TrimPrefix(name, "a.gen.wav.dac."), ".")
	at := "speech_tokenizer/decoder.decoder."
	switch {
	case parts[0] == "post_snake":
		at += "5."
	case parts[2] == "snake":
		at += string(parts[1][0]+1) + ".block.0."
	default: // of one of three units, which are the third to the fifth part
		at += string(parts[1][0]+1) + ".block." + string(parts[3][0]+2) + "." + parts[4] + "."
	}
	at += parts[len(parts)-1]
	return namedWeights(at, s.Tensors[at])
}

// saidEmbedding is the embedding of texts and codes, number by number.
func (s *seeing) saidEmbedding(cols int) func(int) float64 {
	of := func(name string) []float32 { return namedWeights(name, s.Tensors[name]) }
	texts, codes := of("talker.model.text_embedding.weight"), of("talker.model.codec_embedding.weight")
	w1, b1 := of("talker.text_projection.linear_fc1.weight"), of("talker.text_projection.linear_fc1.bias")
	w2, b2 := of("talker.text_projection.linear_fc2.weight"), of("talker.text_projection.linear_fc2.bias")
	wide := len(b1)
	var mid []float64
	last := -1
	return func(i int) float64 {
		row, col := i/cols, i%cols
		if row >= len(texts)/wide {
			return float64(codes[i-len(texts)/wide*cols])
		}
		if row != last {
			mid, last = make([]float64, wide), row
			for j := range mid {
				x := float64(b1[j])
				for k := range wide {
					x += float64(w1[j*wide+k]) * float64(texts[row*wide+k])
				}
				mid[j] = x / (1 + math.Exp(-x))
			}
		}
		y := float64(b2[col])
		for k := range wide {
			y += float64(w2[col*wide+k]) * mid[k]
		}
		return y
	}
}

// begunEmbedding is an embedding with what stands before a voice and before sound, number by number.
func (s *seeing) begunEmbedding(cols int) func(int) float64 {
	of := func(name string) []float32 { return namedWeights("flow_lm."+name, s.Tensors["flow_lm."+name]) }
	rows := slices.Concat(of("conditioner.embed.weight"), of("bos_before_voice"))
	if s.Tensors["flow_lm.bos_before_voice"] == nil {
		rows = of("conditioner.embed.weight")
	}
	x, w := of("bos_emb"), of("input_linear.weight")
	return func(i int) float64 {
		if i < len(rows) {
			return float64(rows[i])
		}
		sum := 0.0
		for j, v := range x {
			sum += float64(w[i%cols*len(x)+j]) * float64(v)
		}
		return sum
	}
}

// wordless is a folder of weights and a tokenizer.model, without a configuration.
func (s *seeing) wordless(t *testing.T) *formats.Source {
	dir := filepath.Join(t.TempDir(), s.Name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeSafetensors(t, filepath.Join(dir, "model.safetensors"), s.Tensors)
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.model"), pieceFile(40), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := formats.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// writeSafetensors writes tensors whose numbers follow from their names.
func writeSafetensors(t *testing.T, path string, tensors map[string][]int) {
	t.Helper()
	header, body := map[string]any{}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		from := len(body)
		for _, x := range namedWeights(name, tensors[name]) {
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(x))
		}
		header[name] = map[string]any{"dtype": "F32", "shape": tensors[name], "data_offsets": []int{from, len(body)}}
	}
	text := marshal(t, header)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if err := os.WriteFile(path, slices.Concat(file, text, body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pieceFile is the tokenizer.model of testdata/speech.py.
func pieceFile(n int) (file []byte) {
	field := func(to []byte, number int, body []byte) []byte {
		return append(append(to, byte(number<<3|2), byte(len(body))), body...)
	}
	for i := range n {
		text, kind := fmt.Sprint("t", i), byte(1)
		switch i {
		case 0:
			text, kind = "<unk>", 2
		case 1:
			text = "\u2581"
		}
		piece := binary.LittleEndian.AppendUint32(append(field(nil, 1, []byte(text)), 2<<3|5), math.Float32bits(float32(-i)))
		file = field(file, 1, append(piece, 3<<3, kind))
	}
	file = field(file, 2, []byte{3 << 3, 1})            // of which the likeliest are chosen
	return field(file, 3, []byte{3 << 3, 1, 4 << 3, 1}) // a blank before a text, and none beside another
}

// Pocket TTS has what stands before a voice and before sound behind the tokens of a text, and nothing that begins or ends one.
func TestBeginningsAreTokens(t *testing.T) {
	for name, want := range map[string][]string{"pockettts": {"<|pad|>", "<|bos_before_voice|>", "<|audio_bos|>"}, "pockettts-silent": {"<|pad|>", "<|audio_bos|>"}} {
		got := made(t, seeingOf(t, name).source(t, nil), "F32", false)
		tokens, scores := got.Meta.Strings("tokenizer.ggml.tokens"), got.Meta.Value("tokenizer.ggml.scores").([]float32)
		if len(tokens) != 40+len(want) || !slices.Equal(tokens[40:], want) || scores[40] != -1000 || scores[39] != -39 {
			t.Errorf("tokens %q, scores %v", tokens[38:], scores[38:])
		}
		for _, key := range []string{"bos_token_id", "eos_token_id", "unknown_token_id"} {
			if got.Meta.Has("tokenizer.ggml." + key) {
				t.Errorf("%s is told", key)
			}
		}
		if got.Meta.String("tokenizer.ggml.model") != "t5" || got.Meta.Value("tokenizer.ggml.add_eos_token") != false {
			t.Errorf("tokenizer %s", got.Meta.String("tokenizer.ggml.model"))
		}
	}
}

// What lies in a folder within a model's is read with it, and missed by name.
func TestFolderWithin(t *testing.T) {
	s := *seeingOf(t, "qwen3tts")
	dir := filepath.Join(t.TempDir(), "speaks")
	inner := map[string]map[string][]int{"": {}, "speech_tokenizer": {}}
	for name, shape := range s.Tensors {
		folder, rest, ok := strings.Cut(name, "/")
		if !ok {
			folder, rest = "", name
		}
		inner[folder][rest] = shape
	}
	said := maps.Clone(s.Config)
	delete(said, "speech_tokenizer")
	for folder, config := range map[string]any{"": said, "speech_tokenizer": s.Config["speech_tokenizer"]} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		writeSafetensors(t, filepath.Join(dir, folder, "model.safetensors"), inner[folder])
		if err := os.WriteFile(filepath.Join(dir, folder, "config.json"), marshal(t, config), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := formats.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := made(t, src, "F32", true); len(got.Tensors) != len(s.Files["mmproj f16"].Tensors) {
		t.Errorf("%d tensors", len(got.Tensors))
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "speech_tokenizer", "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if src, err = formats.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f32, err := RecipeByName("F32")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPlan(src, f32, Options{Convert: true, Mmproj: true}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "speech_tokenizer") {
		t.Errorf("without the folder: %v", err)
	}
}

// What speaks has its codes behind the tokens of a text, named by what they mean; one of them ends what is said, and the last thousand are no sound.
func TestCodesAreTokens(t *testing.T) {
	s := seeingOf(t, "qwen3tts")
	got := made(t, s.source(t, nil), "F32", false)
	tokens := got.Meta.Strings("tokenizer.ggml.tokens")
	if len(tokens) != 512+3072 {
		t.Fatalf("%d tokens", len(tokens))
	}
	for code, name := range map[int]string{0: "<|codec_0|>", 65: "<|codec_bos|>", 75: "<|codec_language_chinese|>", 80: "<|spk_vivian|>", 2150: "<|codec_eos_token|>", 3071: "<|codec_3071|>"} {
		if tokens[512+code] != name {
			t.Errorf("code %d is %s, want %s", code, tokens[512+code], name)
		}
	}
	if id, _ := got.Meta.Int("tokenizer.ggml.eos_token_id"); id != 512+2150 || got.Meta.Has("tokenizer.chat_template") {
		t.Errorf("token %d ends what is said", id)
	}
	no := got.Meta.Value("tokenizer.ggml.suppress_tokens").([]int32)
	if len(no) != 1023 || no[0] != 512+3072-1024 || slices.Contains(no, 512+2150) {
		t.Errorf("%d tokens are no sound, from %d", len(no), no[0])
	}
	again := made(t, got, "Q8_0", false)
	if id, _ := again.Meta.Int("tokenizer.ggml.eos_token_id"); id != 512+2150 {
		t.Errorf("in the file made of the file, %d", id)
	}
}

// Settings that runtimes have built in otherwise are refused by name.
func TestSpeechRefuses(t *testing.T) {
	f16, err := RecipeByName("F16")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    string
		val    any
		mmproj bool
	}{
		{"talker_config.spk_id", map[string]any{"vivian": 65}, false},
		{"talker_config.codec_pad_id", 3072, false},
		{"talker_config.codec_pad_id", "none", false},
		{"talker_config.hidden_act", "gelu", false},
		{"talker_config.code_predictor_config.rope_theta", 10000.0, true},
		{"talker_config.num_code_groups", 32, true},
		{"speaker_encoder_config.enc_channels", []any{16, 16, 16, 16, 32}, true},
		{"speaker_encoder_config.enc_dilations", []any{1, 1, 1, 1, 1}, true},
		{"speech_tokenizer.decoder_config.sliding_window", 64, true},
		{"speech_tokenizer.decoder_config.upsample_rates", []any{8, 5, 4, 2}, true},
	} {
		s := *seeingOf(t, "qwen3tts")
		parts := strings.Split(c.key, ".")
		at := s.Config
		for _, part := range parts[:len(parts)-1] {
			at = at[part].(map[string]any)
		}
		at[parts[len(parts)-1]] = c.val
		_, err := NewPlan(s.source(t, nil), f16, Options{Convert: true, Mmproj: c.mmproj})
		if err == nil || !strings.Contains(err.Error(), parts[len(parts)-1]) {
			t.Errorf("%s of %v: %v", c.key, c.val, err)
		}
	}
}
