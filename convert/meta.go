package convert

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
)

const quantizationVersion = 2 // of the k-quants and all after them

// metadata fills the plan's keys: those of a GGUF source are kept, with a new file type; those of a Hugging Face
// checkpoint are made, in the order of the reference converter.
func (p *Plan) metadata(bound *arch.Bound, recipe *Recipe, opt Options) error {
	if isGGUF(p.src) {
		p.keepMeta(recipe, opt)
		return nil
	}
	meta := &p.Meta
	meta.Set("general.architecture", bound.Arch.Name)
	meta.Set("general.type", kind(bound))
	if err := p.general(bound); err != nil {
		return err
	}
	const version = "general.quantization_version"
	bound.Arch.WriteKeys(meta, &bound.Params, func(key string) {
		if key == version {
			meta.Set(key, uint32(quantizationVersion))
			return
		}
		meta.Set(key, recipe.FileType)
	})
	meta.Set(version, uint32(quantizationVersion))
	if bound.Arch.Silent != "" && !bound.Arch.OwnTokens {
		meta.Set("tokenizer.ggml.model", "none")
		return nil
	}
	if bound.Arch.Projector != "" || p.withoutTokenizer() {
		return nil
	}
	var made *tokenizer.Vocab
	var err error
	if bound.IsDraft() && !bound.Arch.OwnTokens {
		made, err = targetVocab(opt.Target, bound, opt.Pre)
	} else {
		made, err = folderVocab(p.src, opt.Pre)
	}
	if err != nil {
		return err
	}
	v := *made
	p.warn(v.Notes...)
	withCodes(&v, &bound.Params.Speech)
	if err := fitVocab(p.src, &v, bound.Params.Vocab); err != nil {
		return err
	}
	SetVocab(meta, &v)
	if bound.IsDraft() && bound.Params.Mask > 0 {
		meta.Set("tokenizer.ggml.mask_token_id", uint32(bound.Params.Mask))
	}
	return nil
}

// withCodes puts codes of sound behind the tokens of a text, of which one ends what is said. Nobody chats with what speaks.
func withCodes(v *tokenizer.Vocab, speech *arch.Speech) {
	if len(speech.Names) == 0 {
		return
	}
	v.Tokens, v.Types = slices.Clone(v.Tokens), slices.Clone(v.Types)
	for _, name := range speech.Names {
		v.Tokens, v.Types = append(v.Tokens, name), append(v.Types, tokenizer.Control)
	}
	if len(v.Scores) > 0 {
		v.Scores = append(slices.Clone(v.Scores), slices.Repeat([]float32{speech.Score}, len(speech.Names))...)
	}
	v.EOS, v.ChatTemplate, v.ChatTemplates = speech.End, "", nil
	if no := false; speech.Endless {
		v.BOS, v.EOS, v.UNK, v.PAD, v.AddBOS, v.AddEOS = -1, -1, -1, -1, &no, &no
	}
}

// keepMeta copies the keys of a GGUF source, less those that say how it was cut into files.
func (p *Plan) keepMeta(recipe *Recipe, opt Options) {
	p.Meta = p.src.Meta.Clone()
	for _, k := range []string{"split.no", "split.count", "split.tensors.count", "general.alignment"} {
		p.Meta.Delete(k)
	}
	if !opt.asStored {
		p.Meta.Set("general.quantization_version", uint32(quantizationVersion))
		p.Meta.Set(fileTypeKey, recipe.FileType)
	}
}

// fitVocab sees that there is a token for each row of the embedding. Two sizes have habits of their own that the
// reference converter knows: 49152 adds no BOS whatever its files say, 32016 (CodeLlama) ends a turn with token 32010.
func fitVocab(src *formats.Source, v *tokenizer.Vocab, rows int) error {
	if len(v.Tokens) != rows {
		return &formats.Error{File: src.Path, Tensor: "vocab_size", Err: formats.Corrupt("the tokenizer has %d tokens, the embedding %d rows", len(v.Tokens), rows),
			Hint: "the tokenizer's files are not those of this model"}
	}
	switch rows {
	case 49152:
		no := false
		v.AddBOS = &no
	case 32016:
		if v.EOT < 0 {
			v.EOT = 32010
		}
	}
	return nil
}

// general writes what is known about the model's name and origin: from its card, its config.json and its folder, in this
// order, each filling what the ones before left open.
func (p *Plan) general(bound *arch.Bound) error {
	weights := p.count()
	c := readCard(p.src)
	id := modelID{
		full: c.text("name", "model_name"), org: c.text("organization", "model_organization"),
		base: c.text("basename", "model_basename", "model_type"), finetune: c.text("finetune", "model_finetune"),
		version: c.text("version", "model_version"), size: c.text("size_label", "model_size_label"),
	}
	path, err := bound.Config.String("_name_or_path")
	if err != nil {
		return err
	}
	if path != "" && strings.Count(path, "/") <= 1 {
		id.fill(parseID(path, weights))
	}
	id.fill(parseID(folderName(p.src.Path), weights))
	if id.size == "" {
		id.size = p.sizeLabel()
	}
	meta := &p.Meta
	if err := sampling(meta, p.src); err != nil {
		return err
	}
	for _, f := range []struct{ key, val string }{
		{"name", id.full}, {"author", c.text("author", "model_author", "model_creator")}, {"version", id.version},
		{"organization", id.org}, {"finetune", id.finetune}, {"basename", id.base},
		{"description", c.text("description", "model_description")}, {"size_label", id.size},
		{"license", strings.Join(c.list("license"), ",")}, {"license.name", c.text("license_name")}, {"license.link", c.text("license_link")},
		{"source.url", c.text("url", "model_url")}, {"source.doi", c.text("doi", "model_doi")},
		{"source.uuid", c.text("uuid", "model_uuid")}, {"source.repo_url", c.text("repo_url", "model_repo_url")},
	} {
		setText(meta, "general."+f.key, f.val)
	}
	writeRelatives(meta, "general.base_model.", c.relatives(weights, "base_model", "base_models", "base_model_sources"))
	writeRelatives(meta, "general.dataset.", c.relatives(weights, "datasets", "dataset", "dataset_sources"))
	for _, l := range []struct {
		key  string
		vals []string
	}{{"general.tags", c.list("tags", "pipeline_tag")}, {"general.languages", c.list("languages", "language")}} {
		if len(l.vals) > 0 {
			meta.Set(l.key, l.vals)
		}
	}
	return nil
}

// fill takes from o what is still open; names become titles.
func (m *modelID) fill(o modelID) {
	for _, f := range []struct {
		to   *string
		from string
	}{{&m.full, title(o.full)}, {&m.org, title(o.org)}, {&m.base, o.base}, {&m.finetune, o.finetune}, {&m.version, o.version}, {&m.size, o.size}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
}

// folderName is the name of the folder that holds the checkpoint; a file's is that of its folder.
func folderName(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = filepath.Clean(path)
	}
	if weightFile(abs) {
		abs = filepath.Dir(abs)
	}
	return filepath.Base(abs)
}

func (p *Plan) count() (n int64) {
	for i := range p.Steps {
		n += int64(p.Steps[i].tensor.Elems())
	}
	return n
}

// samplingKeys are the numbers under general.sampling and in generation_config.json.
var samplingKeys = []struct {
	key, name string
	whole     bool
}{
	{"top_k", "top_k", true}, {"top_p", "top_p", false}, {"min_p", "min_p", false}, {"xtc_probability", "xtc_probability", false},
	{"xtc_threshold", "xtc_threshold", false}, {"temp", "temperature", false}, {"penalty_last_n", "penalty_last_n", true},
	{"penalty_repeat", "penalty_repeat", false}, {"mirostat", "mirostat", true}, {"mirostat_tau", "mirostat_tau", false},
	{"mirostat_eta", "mirostat_eta", false},
}

// sampling copies what generation_config.json recommends. A file that is not there or broken recommends nothing.
func sampling(meta *formats.Meta, src *formats.Source) error {
	c, err := arch.ReadConfig(src, "generation_config.json")
	if err != nil {
		return nil
	}
	if s, _ := c.String("sequence"); s != "" {
		meta.Set("general.sampling.sequence", s)
	}
	for _, k := range samplingKeys {
		v, ok := c.Value(k.name)
		if !ok || v == nil {
			continue
		}
		f, err := c.Float(k.name, 0)
		if err != nil {
			return err
		}
		if k.whole {
			meta.Set("general.sampling."+k.key, int32(f))
		} else {
			meta.Set("general.sampling."+k.key, float32(f))
		}
	}
	return nil
}

func writeRelatives(meta *formats.Meta, prefix string, list []relative) {
	if len(list) == 0 {
		return
	}
	meta.Set(prefix+"count", uint32(len(list)))
	for i, r := range list {
		r.write(meta, prefix+strconv.Itoa(i)+".")
	}
}
