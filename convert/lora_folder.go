package convert

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// WriteFolder makes a PEFT folder of an adapter that was read from a GGUF. base is what its configuration names as the base model.
func WriteFolder(a *Adapter, dir, base string, force bool) error {
	if _, err := os.Stat(dir); err == nil && !force {
		return &fs.PathError{Op: "create", Path: dir, Err: fs.ErrExist}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var tensors []*formats.Tensor
	for _, m := range a.modules {
		ends := []string{".lora_A.weight", ".lora_B.weight"}
		if m.embedding {
			ends = []string{".lora_embedding_A", ".lora_embedding_B"}
		}
		for i, t := range []*formats.Tensor{m.a, m.b} {
			n := *t
			n.Name, n.Type, n.Raw = "base_model.model."+m.name+ends[i], quantize.F32, nil
			tensors = append(tensors, &n)
		}
	}
	if err := writeTensors(filepath.Join(dir, "adapter_model.safetensors"), tensors); err != nil {
		return err
	}
	text, err := jsonFile(a.config(base))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "adapter_config.json"), text, 0o666)
}

func writeTensors(path string, tensors []*formats.Tensor) error {
	sink, err := formats.Safetensors.Create(path, formats.CreateOptions{Force: true})
	if err != nil {
		return err
	}
	defer sink.Abort()
	var meta formats.Meta
	meta.Set("format", "pt")
	if err := sink.Begin(&meta, tensors); err != nil {
		return err
	}
	for i, t := range tensors {
		v := make([]float32, t.Elems())
		if err := t.Rows.ReadRows(v, 0); err != nil {
			return err
		}
		body := make([]byte, t.Bytes())
		t.Type.Encode(body, v, nil)
		if err := sink.WriteAt(body, i, 0); err != nil {
			return err
		}
	}
	return sink.Commit()
}

// config is adapter_config.json: one rank and one alpha, and patterns for the modules that have others.
func (a *Adapter) config(base string) map[string]any {
	ranks, alphas, targets := map[string]int{}, map[string]float64{}, []string{}
	for _, m := range a.modules {
		if last := m.name[strings.LastIndexByte(m.name, '.')+1:]; !slices.Contains(targets, last) {
			targets = append(targets, last)
		}
		key := regexp.QuoteMeta(m.name)
		if m.rank != a.spec.r {
			ranks[key] = m.rank
		}
		if alpha := m.scale * float64(m.rank); alpha != a.spec.alpha {
			alphas[key] = alpha
		}
	}
	slices.Sort(targets)
	out := map[string]any{"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "inference_mode": true, "bias": "none",
		"r": a.spec.r, "lora_alpha": a.spec.alpha, "lora_dropout": 0.0, "fan_in_fan_out": a.spec.turned, "use_rslora": false, "use_dora": false,
		"target_modules": targets, "rank_pattern": ranks, "alpha_pattern": alphas, "modules_to_save": nil}
	if a.spec.invocation != nil {
		out["alora_invocation_tokens"] = a.spec.invocation
	}
	return out
}
