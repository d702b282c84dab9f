package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"quern/formats"
)

// An importance is what an importance matrix says of one tensor's inputs.
type importance struct {
	entry *formats.ImatrixEntry
	rows  int // of one matrix
}

// of returns the importance of the columns for a row, in the memory of buf, and how many rows from there on share it.
// Without an importance matrix that is nil for all.
func (m *importance) of(buf []float32, row, rows, cols int) (values []float32, n int) {
	if m == nil {
		return nil, rows
	}
	values = grow(buf, cols)
	m.entry.Importance(values, row/m.rows)
	return values, min(rows, (row/m.rows+1)*m.rows-row)
}

// same says whether two plans weigh a tensor alike: plans of one importance matrix do.
func (m *importance) same(o *importance) bool {
	return m == o || m != nil && o != nil && m.entry == o.entry
}

// unseen are the matrices that no importance matrix has: the embedding is looked up, not multiplied with, what makes one stream of several is behind all layers, as is what makes vectors of states, places of positions are added, and the output
// head is left out unless it was asked for, since its inputs are not those of the layers.
func unseen(name string) bool {
	return slices.Contains([]string{"token_embd.weight", "per_layer_token_embd.weight", "output.weight", "output_hc_fn.weight", "output_hc_down.weight", "output_hc_up.weight", "dense_2.weight"}, name) || strings.HasSuffix(name, "_compressor_ape.weight")
}

// weigh gives every tensor that is encoded the importance of its inputs. A tensor that should have an entry and has none,
// or has one of another size, stops the plan; without an importance matrix so does a type that needs one.
func (p *Plan) weigh(im *formats.Imatrix) error {
	if im == nil {
		return p.needless()
	}
	entries := map[string]*formats.ImatrixEntry{}
	for i := range im.Entries {
		entries[im.Entries[i].Name] = &im.Entries[i]
	}
	p.Imatrix, p.imatrix = im.Path, im
	var without, borrowed []string
	for i := range p.Steps {
		s := &p.Steps[i]
		e := entries[s.Name]
		delete(entries, s.Name)
		if s.Copy || s.to.Weigh == nil {
			continue
		}
		if e == nil && unseen(s.Name) && !s.to.NeedsImportance {
			without = append(without, s.Name)
			continue
		}
		if e == nil && s.idle {
			e = even(s.tensor.Elems() / s.tensor.NumRows())
		}
		if err := s.weigh(e); err != nil {
			return &formats.Error{File: im.Path, Tensor: s.Name, Err: err, Hint: p.importanceHint(s, e)}
		}
		if len(s.Borrowed) > 0 {
			borrowed = append(borrowed, fmt.Sprintf("%s (%d)", s.Name, len(s.Borrowed)))
		}
	}
	if len(without) > 0 {
		p.warn("no importance for " + strings.Join(without, ", ") + ": all columns count the same there")
	}
	if len(borrowed) > 0 {
		p.warn(fmt.Sprintf("experts that fewer than %d tokens reached are weighed by the mean of their layer: %s", formats.RareTokens, few(borrowed)))
	}
	var strangers []string
	for name := range entries {
		strangers = append(strangers, name)
	}
	if len(strangers) > 0 {
		slices.Sort(strangers)
		p.warn(fmt.Sprintf("%d entries of the importance matrix name no tensor of this model: %s", len(strangers), few(strangers)))
	}
	p.imatrixMeta(im)
	return nil
}

// even is the importance of a matrix that nothing multiplies with.
func even(cols int) *formats.ImatrixEntry {
	e := &formats.ImatrixEntry{Counts: []int64{1}, Sums: make([]float32, cols)}
	for i := range e.Sums {
		e.Sums[i] = 1
	}
	return e
}

// weigh takes the tensor's importance from its entry.
func (s *Step) weigh(e *formats.ImatrixEntry) error {
	if e == nil {
		return formats.Corrupt("the importance matrix has no entry for this tensor")
	}
	cols, matrices := s.tensor.Cols(), 1
	for _, d := range s.Shape[:len(s.Shape)-2] {
		matrices *= d
	}
	if len(e.Sums) != cols*matrices || len(e.Counts) != 1 && len(e.Counts) != matrices {
		return formats.Corrupt("the importance matrix has %d values and %d counts for this tensor, which has %d matrices of %d columns",
			len(e.Sums), len(e.Counts), matrices, cols)
	}
	borrowed, err := e.Borrowed()
	s.Weighed, s.Borrowed = true, borrowed
	s.importance = &importance{e, s.tensor.NumRows() / matrices}
	return err
}

// needless sees that no type needs what is not there.
func (p *Plan) needless() error {
	for i := range p.Steps {
		if s := &p.Steps[i]; !s.Copy && s.to.NeedsImportance {
			return &formats.Error{File: p.Source, Tensor: s.Name, Err: formats.Unsupported("type %s needs an importance matrix", s.to), Hint: calibrateHint(p.Source)}
		}
	}
	return nil
}

// importanceHint says what helps where an entry is missing or wrong.
func (p *Plan) importanceHint(s *Step, e *formats.ImatrixEntry) string {
	if e == nil && unseen(s.Name) {
		return "importance matrices leave this tensor out: give it another type (--token-embedding-type, --output-tensor-type); for output.weight, quern calibrate --process-output"
	}
	return "the importance matrix must be made from this model: " + calibrateHint(p.Source)
}

func calibrateHint(source string) string {
	return fmt.Sprintf("quern calibrate %s --text FILE -o imatrix.gguf makes one, --imatrix imatrix.gguf uses it", source)
}

// imatrixMeta writes what the weights were weighed by, under llama-quantize's keys. Only the file's own name is kept, so
// that the bytes do not depend on where it lies.
func (p *Plan) imatrixMeta(im *formats.Imatrix) {
	p.Meta.Set("quantize.imatrix.file", filepath.Base(im.Path))
	if len(im.Datasets) > 0 {
		p.Meta.Set("quantize.imatrix.dataset", im.Datasets[0])
	}
	p.Meta.Set("quantize.imatrix.entries_count", uint32(len(im.Entries)))
	if im.Chunks > 0 {
		p.Meta.Set("quantize.imatrix.chunks_count", uint32(im.Chunks))
	}
}

// imatrixBytes is what the importance matrix occupies.
func (p *Plan) imatrixBytes() (n int64) {
	if p.imatrix != nil {
		for i := range p.imatrix.Entries {
			n += 4 * int64(len(p.imatrix.Entries[i].Sums))
		}
	}
	return n
}

// few joins the first names of a list.
func few(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
