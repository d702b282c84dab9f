package verify

import (
	"context"
	"math"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/arch"
)

// DiffSchema names the layout of a Diff in JSON.
const DiffSchema = "quern-diff/1"

// A Diff compares two checkpoints of any formats as models: tensors under GGUF's names and conventions, weight by weight.
type Diff struct {
	Schema    string       `json:"schema"`
	A         string       `json:"a"`
	B         string       `json:"b"`
	Params    []Setting    `json:"parameters"` // hyper-parameters that differ
	Meta      []Setting    `json:"metadata"`
	Tokenizer []Setting    `json:"tokenizer"`
	OnlyA     []string     `json:"only_a"` // tensors
	OnlyB     []string     `json:"only_b"`
	Tensors   []TensorDiff `json:"tensors"`
	Hints     []string     `json:"hints"`            // likely causes of what should not differ
	Faults    []string     `json:"faults,omitempty"` // those of them that no method of quantizing makes
}

// A Setting is something that both sides have a word for, and different ones.
type Setting struct {
	Key string `json:"key"`
	A   string `json:"a"`
	B   string `json:"b"`
}

// A TensorDiff compares one tensor. RelRMS is the root mean square of the difference over that of A; Scale is the factor
// that would take A closest to B.
type TensorDiff struct {
	Name   string `json:"name"`
	Layer  int    `json:"layer"`
	Shape  []int  `json:"shape"`
	TypeA  string `json:"type_a"`
	TypeB  string `json:"type_b"`
	Rows   int    `json:"rows"` // compared
	Equal  bool   `json:"equal"`
	RelRMS Number `json:"rel_rms"`
	Cosine Number `json:"cosine"`
	Scale  Number `json:"scale"`
	MaxAbs Number `json:"max_abs"`
	MaxRow int    `json:"max_row"`
	Worst  Number `json:"worst_row_cosine"`
	Row    int    `json:"worst_row"`
	NaNA   int    `json:"nonfinite_a"` // NaN or infinite
	NaNB   int    `json:"nonfinite_b"`

	shapeB []int
	normA  float64
	normB  float64
}

// DiffOptions of a comparison; the zero value compares everything on one thread.
type DiffOptions struct {
	Threads  int
	Rows     int // of each tensor at most, spread evenly; 0 = all
	Progress func(done, total int)
}

// CompareWeights compares the tensors and hyper-parameters of two open checkpoints.
func CompareWeights(ctx context.Context, a, b *formats.Source, opt DiffOptions) (*Diff, error) {
	ba, err := arch.BindBeside(a, b)
	if err != nil {
		return nil, err
	}
	bb, err := arch.BindBeside(b, a)
	if err != nil {
		return nil, err
	}
	d := &Diff{Schema: DiffSchema, A: a.Path, B: b.Path, Params: diffParams(ba, bb),
		OnlyA: []string{}, OnlyB: []string{}, Hints: []string{}, Meta: []Setting{}, Tokenizer: []Setting{}}
	pairs := d.pair(ba, bb)
	d.Tensors = make([]TensorDiff, len(pairs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, opt.Threads))
	var done atomic.Int64
	for i, p := range pairs {
		g.Go(func() error {
			var err error
			d.Tensors[i], err = p.compare(ctx, opt.Rows)
			if n := done.Add(1); opt.Progress != nil {
				opt.Progress(int(n), len(pairs))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return d, d.explain(ba, bb, pairs)
}

// A tensorPair is a tensor of each side under the same name.
type tensorPair struct {
	a, b   *formats.Tensor
	origin arch.Origin
}

// pair finds the tensors that both have. Where one side ties its output to its embedding and the other stores it, they are
// compared all the same: the output is the embedding.
func (d *Diff) pair(a, b *arch.Bound) []tensorPair {
	inB := map[string]*formats.Tensor{}
	for _, t := range b.Tensors {
		inB[t.Name] = t
	}
	var out []tensorPair
	inA := map[string]*formats.Tensor{}
	for i, t := range a.Tensors {
		inA[t.Name] = t
		switch {
		case inB[t.Name] != nil:
			out = append(out, tensorPair{t, inB[t.Name], a.Origins[i]})
		case t.Name == outputName && b.Params.Tied && inB[embedName] != nil:
			out = append(out, tensorPair{t, inB[embedName], a.Origins[i]})
		default:
			d.OnlyA = append(d.OnlyA, t.Name)
		}
	}
	for i, t := range b.Tensors {
		switch {
		case inA[t.Name] != nil:
		case t.Name == outputName && a.Params.Tied && inA[embedName] != nil:
			out = append(out, tensorPair{inA[embedName], t, b.Origins[i]})
		default:
			d.OnlyB = append(d.OnlyB, t.Name)
		}
	}
	return out
}

const (
	embedName  = "token_embd.weight"
	outputName = "output.weight"
)

// blockWeights is about how many weights are read at once.
const blockWeights = 1 << 20

// compare reads both tensors in blocks of rows.
func (p tensorPair) compare(ctx context.Context, most int) (TensorDiff, error) {
	d := TensorDiff{Name: p.a.Name, Layer: p.origin.Layer, Shape: p.a.Shape, TypeA: p.a.Type.Name, TypeB: p.b.Type.Name, Equal: true,
		Worst: 1, shapeB: p.b.Shape}
	rows, cols := p.a.NumRows(), p.a.Cols()
	if rows != p.b.NumRows() || cols != p.b.Cols() {
		d.Equal, d.RelRMS, d.Cosine = false, Number(math.NaN()), Number(math.NaN())
		return d, nil
	}
	for _, t := range []*formats.Tensor{p.a, p.b} {
		if t.Rows == nil {
			return d, &formats.Error{Tensor: t.Name, Err: formats.Unsupported("weights of type %v cannot be decoded", t.Type)}
		}
	}
	step, n := 1, max(1, min(rows, blockWeights/max(1, cols)))
	if most > 0 && rows > most {
		step, n = rows/most, 1
	}
	a, b := make([]float32, n*cols), make([]float32, n*cols)
	var s sums
	for row := 0; row < rows; row += n * step {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		k := min(n, rows-row)
		if err := p.a.Rows.ReadRows(a[:k*cols], row); err != nil {
			return d, err
		}
		if err := p.b.Rows.ReadRows(b[:k*cols], row); err != nil {
			return d, err
		}
		for i := range k {
			d.row(a[i*cols:][:cols], b[i*cols:][:cols], row+i, &s)
		}
	}
	d.sum(&s)
	return d, nil
}

// sums are those of squares, products and squared differences.
type sums struct{ aa, bb, ab, dd float64 }

func (s *sums) pair(a, b float64) {
	d := a - b
	s.aa, s.bb, s.ab, s.dd = s.aa+a*a, s.bb+b*b, s.ab+a*b, s.dd+d*d
}

func (s *sums) add(t sums) { s.aa += t.aa; s.bb += t.bb; s.ab += t.ab; s.dd += t.dd }

func (s *sums) cosine() float64 {
	if s.aa == 0 && s.bb == 0 {
		return 1
	}
	if s.aa == 0 || s.bb == 0 {
		return 0
	}
	return s.ab / math.Sqrt(s.aa*s.bb)
}

// row adds a row. Values that are not finite are counted and left out.
func (d *TensorDiff) row(a, b []float32, row int, total *sums) {
	var s sums
	for i, x := range a {
		fx, fy := float64(x), float64(b[i])
		badA, badB := fx-fx != 0, fy-fy != 0
		if badA || badB {
			d.nonFinite(badA, badB)
			continue
		}
		s.pair(fx, fy)
		e := math.Abs(fx - fy)
		if e > float64(d.MaxAbs) {
			d.MaxAbs, d.MaxRow = Number(e), row
		}
		d.Equal = d.Equal && e == 0
	}
	if c := s.cosine(); c < float64(d.Worst) {
		d.Worst, d.Row = Number(c), row
	}
	d.Rows++
	total.add(s)
}

func (d *TensorDiff) nonFinite(a, b bool) {
	if a {
		d.NaNA++
	}
	if b {
		d.NaNB++
	}
	d.Equal = false
}

func (d *TensorDiff) sum(s *sums) {
	d.Cosine, d.Scale = Number(s.cosine()), 1
	if s.aa > 0 {
		d.RelRMS, d.Scale = Number(math.Sqrt(s.dd/s.aa)), Number(s.ab/s.aa)
	} else if s.bb > 0 {
		d.RelRMS = Number(math.Inf(1))
	}
	d.normA, d.normB = math.Sqrt(s.aa), math.Sqrt(s.bb)
}
