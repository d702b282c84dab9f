package arch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"quern/formats"
)

// What some models that make embeddings have behind their states is a matrix in a folder of its own (sentence-transformers, PyLate): it makes the vectors that texts, or with
// late interaction tokens, are compared by. Files of models whose families have a place for it hold it as dense_2.weight.

// DenseFiles are those of such a folder.
var DenseFiles = [2]string{"1_Dense/model.safetensors", "1_Dense/config.json"}

const (
	denseName = "dense_2.weight"
	denseIn   = "linear.weight" // in its own file
)

// denseRule is such a matrix, and denseKey how many numbers it makes.
var (
	denseRule = Rule{GGUF: denseName, HF: "model." + denseName, Role: RoleDense, Shape: "OV E", When: func(p *Params, _ int) bool { return p.Vectors > 0 }}
	denseKey  = Key{GGUF: "{a}.embedding_length_out", Field: func(p *Params) any { return &p.Vectors }, Default: nothing, When: func(p *Params) bool { return p.Vectors > 0 }}
)

// readDense adds the matrix of a folder to the tensors of a checkpoint; plain says that it is nothing but a matrix.
func readDense(src *formats.Source, b *Bound, folder string) (plain bool, err error) {
	c, err := ReadConfig(src, path.Join(folder, "config.json"))
	if err != nil {
		return false, err
	}
	for _, key := range []string{"bias", "use_residual"} {
		if yes, err := c.Bool(key); err != nil || yes {
			return false, err
		}
	}
	if act, err := c.String("activation_function"); err != nil || act != "" && !strings.HasSuffix(act, ".Identity") {
		return false, err
	}
	as := b.Arch.Tensors[slices.IndexFunc(b.Arch.Tensors, func(r Rule) bool { return r.Role == RoleDense })].HF
	t := src.Tensor(as)
	if t == nil {
		name := path.Join(folder, "model.safetensors")
		raw, err := src.File(name)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		tensors, err := formats.ReadSafetensors(bytes.NewReader(raw), int64(len(raw)), name)
		if err != nil {
			return false, err
		}
		if len(tensors) != 1 || tensors[0].Name != denseIn {
			return false, &formats.Error{File: name, Err: formats.Unsupported("holds other tensors than %s", denseIn)}
		}
		t = tensors[0]
		t.Name = as
		src.Tensors = append([]*formats.Tensor{t}, src.Tensors...)
	}
	if len(t.Shape) == 2 {
		b.Params.Vectors = t.Shape[0]
	}
	return true, nil
}

// apart takes the matrix out of the tensors of a folder, and adds its own to the files.
func (f *Folder) apart(p *Params) error {
	for i, t := range f.Tensors {
		if p.Vectors == 0 || strings.TrimPrefix(t.Name, "model.") != denseName {
			continue
		}
		x := make([]float32, t.Elems())
		for row := range t.NumRows() {
			if err := t.Rows.ReadRows(x[row*t.Cols():][:t.Cols()], row); err != nil {
				return err
			}
		}
		header, err := json.Marshal(map[string]any{denseIn: map[string]any{"dtype": "F32", "shape": t.Shape, "data_offsets": []int{0, 4 * len(x)}}})
		if err != nil {
			return err
		}
		raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		raw = append(raw, header...)
		for _, v := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		f.Tensors = append(f.Tensors[:i:i], f.Tensors[i+1:]...)
		if f.Files == nil {
			f.Files = map[string]any{"modules.json": moduleList("Transformer")}
		}
		modules := f.Files["modules.json"].([]map[string]any)
		n := fmt.Sprint(len(modules))
		f.Files["modules.json"] = append(modules, map[string]any{"idx": len(modules), "name": n, "path": path.Dir(DenseFiles[0]), "type": modulesOf + "Dense"})
		f.Files[DenseFiles[0]] = raw
		f.Files[DenseFiles[1]] = map[string]any{"in_features": t.Cols(), "out_features": p.Vectors, "bias": false, "activation_function": "torch.nn.modules.linear.Identity"}
		return nil
	}
	return nil
}
