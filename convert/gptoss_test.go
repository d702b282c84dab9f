package convert

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
)

// ossFolder is a gpt-oss of one layer and two experts as it is published: experts in four bits, their halves interleaved.
func ossFolder(t *testing.T) string {
	dir := t.TempDir()
	config := map[string]any{"architectures": []string{"GptOssForCausalLM"}, "model_type": "gpt_oss", "hidden_size": 64, "intermediate_size": 32,
		"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 260, "num_local_experts": 2,
		"num_experts_per_tok": 1, "sliding_window": 8, "max_position_embeddings": 64, "swiglu_limit": 7.0, "attention_bias": true}
	c, err := arch.ParseConfig("config.json", marshal(t, config))
	if err != nil {
		t.Fatal(err)
	}
	list, err := arch.Expected(c, false)
	if err != nil {
		t.Fatal(err)
	}
	config["quantization_config"] = map[string]any{"quant_method": "mxfp4"}
	header, body := map[string]any{}, []byte{}
	add := func(name, typ string, bytesEach int, shape ...int) {
		n := bytesEach
		for _, d := range shape {
			n *= d
		}
		header[name] = map[string]any{"dtype": typ, "shape": shape, "data_offsets": []int{len(body), len(body) + n}}
		for range n {
			body = append(body, byte(len(body)*7%113))
		}
	}
	for _, x := range list {
		if base, ok := strings.CutSuffix(x.Name, "_proj.weight"); ok && strings.Contains(x.Name, "experts") {
			add(base+"_proj_blocks", "U8", 1, x.Shape[0], x.Shape[1], x.Shape[2]/32, 16)
			add(base+"_proj_scales", "U8", 1, x.Shape[0], x.Shape[1], x.Shape[2]/32)
			continue
		}
		add(x.Name, "BF16", 2, x.Shape...)
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	for name, text := range map[string][]byte{"config.json": marshal(t, config), "tokenizer.json": byteTokenizer(t, 260), "model.safetensors": append(file, body...)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Where no type is asked for, the experts' blocks are kept: gates are the even rows, in the order of nibbles that GGUF has.
func TestGptOssKeepsItsBlocks(t *testing.T) {
	src := open(t, ossFolder(t))
	p := plan(t, src, "auto", Options{Convert: true})
	if p.FileType != 38 || p.Type != "MXFP4_MOE" {
		t.Errorf("file type %d, %s", p.FileType, p.Type)
	}
	p.Out = filepath.Join(t.TempDir(), "oss.gguf")
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	out := open(t, p.Out)
	gate, up := out.Tensor("blk.0.ffn_gate_exps.weight"), out.Tensor("blk.0.ffn_up_exps.weight")
	if gate == nil || up == nil || gate.Type.Name != "MXFP4" || up.Type != gate.Type {
		t.Fatalf("%+v, %+v", gate, up)
	}
	var both *formats.Tensor
	for _, x := range src.Tensors {
		if strings.HasSuffix(x.Name, "experts.gate_up_proj.weight") {
			both = x
		}
	}
	whole, even, odd := body(t, both), body(t, gate), body(t, up)
	const row = 2 * 17
	for i := range 2 * 32 {
		if !bytes.Equal(even[i*row:][:row], whole[2*i*row:][:row]) || !bytes.Equal(odd[i*row:][:row], whole[(2*i+1)*row:][:row]) {
			t.Fatalf("row %d of gate or up is another", i)
		}
	}
	if q := plan(t, src, "F16", Options{Convert: true}); q.FileType != 1 {
		t.Errorf("F16 that was asked for is file type %d", q.FileType)
	}
}
