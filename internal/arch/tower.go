package arch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quern/formats"
)

// A model that sees has a language model, a tower that turns patches of an image into embeddings, and a projector that turns those into
// the language model's. Runtimes want it as two files: the language model like any other, and tower and projector as a file of
// architecture "clip", by convention called mmproj. So a tower is a family of its own, in a table of its own, and a
// checkpoint is bound twice. Every tensor belongs to one of the two: Arch.Own are the tower's.

const clip = "clip"

var towers []*Arch

func registerTower(a Arch) *Arch {
	a.Name = clip
	towers = append(towers, &a)
	return &a
}

// Towers returns the table of vision towers.
func Towers() []*Arch { return towers }

// towerOf finds the tower of config.json's class; nil for a model that sees nothing.
func towerOf(c *Config) (*Arch, *Variant) {
	class := c.class()
	kind, _ := c.Value("vision_config.model_type")
	var byClass *Arch
	var other *Variant
	for _, a := range towers {
		for i := range a.Variants {
			v := &a.Variants[i]
			if !slices.Contains(v.HF, class) || v.If != nil && !v.If(c) {
				continue
			}
			switch v.Tower {
			case kind:
				return a, v
			case "":
				byClass, other = a, v
			}
		}
	}
	return byClass, other
}

// Language is the configuration of the language model inside a model that sees, as if it stood alone; of another model, its own.
func (c *Config) Language() *Config {
	_, v := towerOf(c)
	if v == nil {
		return c.flat()
	}
	root := maps.Clone(c.thinker().root)
	inner := c.inner()
	maps.Copy(root, inner)
	if path, ok := c.root["_name_or_path"]; ok || inner["_name_or_path"] != nil {
		root["_name_or_path"] = path // where the whole model comes from
	}
	if tied, _ := c.root["tie_word_embeddings"].(bool); tied {
		root["tie_word_embeddings"] = true
	}
	kind, _ := root["model_type"].(string)
	for key, val := range v.Inner[kind] {
		if _, ok := root[key]; !ok {
			root[key] = val
		}
	}
	if class := language(v, inner, kind); class != "" {
		root["architectures"] = []any{class}
	} else if !slices.ContainsFunc(v.HF, func(class string) bool { return slices.Contains(classesOf(table), class) }) {
		root["architectures"] = []any{kind} // an error will name it
	}
	return &Config{file: c.file, root: root}
}

// inner is the language model's part of a configuration, which goes by another name in the layout of some authors.
func (c *Config) inner() map[string]any {
	for _, key := range []string{"text_config", "llm_config", "language_config", "lm_config", "lfm"} {
		if m, ok := c.root[key].(map[string]any); ok {
			return m
		}
	}
	m, _ := c.Value("thinker_config.text_config") // of those that speak, too
	if inner, ok := m.(map[string]any); ok {
		return inner
	}
	return talker(c.talking()) // of those that only speak
}

// thinker is the configuration of a model that speaks as if what sees, hears and thinks in it stood alone.
func (c *Config) thinker() *Config {
	inner, ok := c.root["thinker_config"].(map[string]any)
	if !ok {
		return c
	}
	root := maps.Clone(c.root)
	for _, part := range []string{"vision_config", "audio_config", "text_config"} {
		if m, ok := inner[part].(map[string]any); ok {
			root[part] = m
		}
	}
	return &Config{file: c.file, root: root}
}

// measure takes from the tensors of an mmproj file what its keys do not tell, or tell wrongly.
func (p *Params) measure(src *formats.Source) {
	for _, m := range []struct {
		tensor string
		to     *int
	}{{"v.blk.0.ffn_up.weight", &p.FF}, {"mm.gate.weight", &p.Vision.TextFF}, {"mm.model.mlp.2.weight", &p.Vision.Middle}} {
		if t := src.Tensor(m.tensor); t != nil && len(t.Shape) == 2 {
			*m.to = t.Shape[0]
		}
	}
}

// Text is the configuration as JSON.
func (c *Config) Text() ([]byte, error) { return json.Marshal(c.root) }

// language is the class of the language model, "" if the whole has the class's name, too.
func language(v *Variant, inner map[string]any, kind string) string {
	if v.Language != "" {
		return v.Language
	}
	if list, _ := inner["architectures"].([]any); len(list) > 0 {
		if class, ok := list[0].(string); ok && slices.Contains(classesOf(table), class) {
			return class
		}
	}
	for _, a := range table {
		for _, v := range a.Variants {
			if v.Type == kind && len(v.HF) > 0 {
				return v.HF[0]
			}
		}
	}
	return ""
}

// prefixes are what names of tensors begin with in one layout or another, and in none. The library has moved both parts several times.
var prefixes = []struct{ from, to string }{
	{"language_model.", ""},
	{"model.language_model.", "model."},
	{"model.text_model.", "model."},
	{"thinker.", ""},
	{"text_decoder.", ""},
	{"lfm.", "model."},
	{"llm.model.", "model."},
	{"llm.lm_head.", "lm_head."},
	{"model.audio_tower.", "audio_tower."},
	{"model.vision_tower.vision_tower.", "vision_tower."},
	{"model.vision_encoder.", "vision_tower."},
	{"model.vision_projection.", "multi_modal_projector."},
	{"model.vision_tower.", "vision_tower."},
	{"model.multi_modal_projector.", "multi_modal_projector."},
	{"model.mm_projector.", "multi_modal_projector.mm_projector."},
	{"model.image_newline", "image_newline"},
	{"model.visual.", "visual."},
	{"model.layerwise_projectors.", "layerwise_projectors."},
	{"model.spatial_projectors.", "spatial_projectors."},
}

// plain is the name of a tensor of a model that sees, without what its layout puts before it.
func plain(tower *Arch, name string) string {
	if tower == nil {
		return name
	}
	name = Plain(name)
	if rest, ok := strings.CutPrefix(name, "vision_tower."); ok && !strings.HasPrefix(rest, "vision_model.") {
		return "vision_tower.vision_model." + rest // written by the library since its version 5
	}
	return name
}

// Plain is a tensor's name without what the layout of a model around a language model puts before it.
func Plain(name string) string {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(name, p.from); ok {
			return p.to + rest
		}
	}
	return name
}

// BindTower understands the vision tower and the projector of a Hugging Face checkpoint.
func BindTower(src *formats.Source) (*Bound, error) {
	if src.Format != nil && src.Format.Name == "gguf" {
		return nil, &formats.Error{File: src.Path, Err: formats.Unsupported("a GGUF holds a language model or a tower, not both"),
			Hint: "give the folder that it was made from"}
	}
	c, err := ReadConfig(src, "config.json")
	if err != nil {
		return nil, err
	}
	a, v := towerOf(c)
	if class := c.class(); a == nil && slices.Contains(classesOf(towers), class) {
		return nil, c.fail("architectures", formats.Unsupported("some models of class %s see, and this one has no tower by what else is said here", class), "")
	}
	if a == nil {
		return nil, c.fail("architectures", formats.Unsupported("not a class with a vision tower that is known here"),
			"known are "+strings.Join(classesOf(towers), ", "))
	}
	if a.Tensors == nil {
		return nil, c.fail("architectures", formats.Unsupported("the tower of %s has no rules here, only its language model", v.HF[0]), v.Why)
	}
	if c, err = c.thinker().withProcessor(src); err != nil {
		return nil, err
	}
	if c, err = c.square("vision_config.image_size", "vision_config.patch_size", "vision_config.merge_kernel_size"); err != nil {
		return nil, err
	}
	if a.Further != nil {
		if c, err = a.Further(src, c); err != nil {
			return nil, err
		}
	}
	b := &Bound{Arch: a, Config: c}
	if err := understood(src, c); err != nil {
		return nil, err
	}
	if err := a.refuse(c, v); err != nil {
		return nil, err
	}
	if err := a.readConfig(c, v, &b.Params); err != nil {
		return nil, err
	}
	b.make()
	b.Params.Vision.Act, b.Params.Vision.MLPRatio, b.Params.Vision.Full = "", 0, nil // what they say is said, and a file does not tell them
	place := binder{src: src, bound: b,
		name:    func(r *Rule) string { return r.HF },
		op:      func(r *Rule) func(*formats.Tensor, *Params) *formats.Tensor { return r.Do.Forward },
		clean:   func(name string) string { return plain(a, name) },
		left:    func(name string) bool { return !dropped(a.Own, name, 0) },
		variant: v,
	}
	if !slices.ContainsFunc(src.Tensors, func(t *formats.Tensor) bool { return !place.left(plain(a, t.Name)) && !adapter(plain(a, t.Name)) }) {
		return nil, &formats.Error{File: src.Path, Err: formats.Unsupported("the vision tower is not in this checkpoint"),
			Hint: "it was published on its own, and the model names it; take the same model in the layout of transformers, which holds both"}
	}
	return b, place.place()
}

// square is the configuration with one number where it has height and width of a square.
func (c *Config) square(keys ...string) (*Config, error) {
	for _, key := range keys {
		v, _ := c.Value(key)
		sides, ok := v.([]any)
		if !ok {
			continue
		}
		if len(sides) == 0 || slices.ContainsFunc(sides, func(s any) bool { return fmt.Sprint(s) != fmt.Sprint(sides[0]) }) {
			return nil, c.fail(key, formats.Unsupported("%.60v is not the size of a square", fmt.Sprint(v)), "")
		}
		root, part, last := maps.Clone(c.root), "", key
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			part, last = key[:i], key[i+1:]
		}
		inner := maps.Clone(c.root[part].(map[string]any))
		inner[last] = sides[0]
		root[part] = inner
		c = &Config{file: c.file, root: root}
	}
	return c, nil
}

// BindBeside understands the part of a checkpoint that can be compared with another source: its tower beside an mmproj file.
func BindBeside(src, other *formats.Source) (*Bound, error) {
	if other.Meta.String("general.architecture") == clip && (src.Format == nil || src.Format.Name != "gguf") {
		return BindTower(src)
	}
	return Bind(src)
}

// adapter says of a tower's tensor whether it is the projector's.
func adapter(name string) bool {
	return strings.HasPrefix(name, "multi_modal_projector.") || name == "image_newline"
}

// withProcessor adds what the files beside config.json say of images, under "preprocessor"; processor_config.json is the later file, and what of
// tokens belongs to images is in the tokenizer's.
func (c *Config) withProcessor(src *formats.Source) (*Config, error) {
	all := map[string]any{}
	for _, name := range []string{"preprocessor_config.json", "processor_config.json"} {
		if _, err := src.File(name); err != nil {
			continue
		}
		f, err := ReadConfig(src, name)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, f.root)
		for _, inner := range []string{"media_proc_cfg", "image_processor", "vision_config"} {
			if m, ok := f.root[inner].(map[string]any); ok {
				maps.Copy(all, m)
			}
		}
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		if text, err := src.File(name); err == nil {
			if id, ok := breakID(text); ok {
				all["img_break"] = float64(id)
			}
		}
	}
	root := maps.Clone(c.root)
	root["preprocessor"] = all
	return &Config{file: c.file, root: root}, nil
}

// bindTowerGGUF understands an mmproj file by its type of projector.
func bindTowerGGUF(src *formats.Source) (*Bound, error) {
	kind := cmp.Or(src.Meta.String("clip.projector_type"), src.Meta.String("clip.vision.projector_type"), src.Meta.String("clip.audio.projector_type"))
	var known []string
	for _, a := range towers {
		if a.Tensors == nil {
			continue
		}
		if a.Projector == kind {
			return a.bindGGUF(src)
		}
		known = append(known, a.Projector)
	}
	return nil, &formats.Error{File: src.Path, Tensor: "clip.projector_type", Err: formats.Unsupported("projector %.60q is not known", kind),
		Hint: "known are " + strings.Join(known, ", ")}
}
