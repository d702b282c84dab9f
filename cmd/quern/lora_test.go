package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"quern/formats"
	"quern/quantize"
)

// adapter BASE DIR MODULE…: DIR becomes a PEFT folder of rank 2 for the modules of BASE whose names end so.
func adapter(ts *testscript.TestScript, _ bool, args []string) {
	base, err := formats.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer base.Close()
	var tensors []*formats.Tensor
	for _, t := range base.Tensors {
		module := strings.TrimSuffix(t.Name, ".weight")
		for _, want := range args[2:] {
			if strings.HasSuffix(module, want) {
				name := "base_model.model." + module
				tensors = append(tensors, &formats.Tensor{Name: name + ".lora_A.weight", Shape: []int{2, t.Cols()}, Type: quantize.F32},
					&formats.Tensor{Name: name + ".lora_B.weight", Shape: []int{t.NumRows(), 2}, Type: quantize.F32})
			}
		}
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o777))
	sink, err := formats.Safetensors.Create(filepath.Join(dir, "adapter_model.safetensors"), formats.CreateOptions{})
	ts.Check(err)
	defer sink.Abort()
	ts.Check(sink.Begin(&formats.Meta{}, tensors))
	for i, t := range tensors {
		v := make([]float32, t.Elems())
		for j := range v {
			v[j] = float32((j*37+i*11)%64-32) / 512
		}
		body := make([]byte, t.Bytes())
		quantize.F32.Encode(body, v, nil)
		ts.Check(sink.WriteAt(body, i, 0))
	}
	ts.Check(sink.Commit())
	ts.Check(os.WriteFile(filepath.Join(dir, "adapter_config.json"), []byte(`{"peft_type": "LORA", "r": 2, "lora_alpha": 4}`), 0o666))
}
