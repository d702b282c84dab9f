package formats

import (
	"slices"
	"strconv"
	"strings"
)

// Some checkpoints (Grok 2's) are stored as they lie on the ranks that serve them: files named …-TP-000.safetensors and so on hold a part of each matrix that is cut,
// under its name, …-TP-common.safetensors what every rank holds. Matrices that take what a cut one made are cut by their inputs, the others by their outputs.

const rankMark, commonRank, rankSeparator = "-TP-", "common", "\x00"

// byInputs are the ends of names of matrices that are cut by their inputs.
var byInputs = []string{".w2.weight", ".down_proj.weight", ".o_proj.weight"}

// rankOf is which rank's a file is.
func rankOf(file string) string {
	_, rank, _ := strings.Cut(strings.TrimSuffix(file, ".safetensors"), rankMark)
	return rank
}

// joinRanks makes whole tensors of those that have a rank behind their name.
func joinRanks(src *Source) error {
	parts := map[string]map[string]*Tensor{}
	var names []string
	for _, t := range src.Tensors {
		name, rank, _ := strings.Cut(t.Name, rankSeparator)
		if parts[name] == nil {
			parts[name] = map[string]*Tensor{}
			names = append(names, name)
		}
		t.Name = name
		parts[name][rank] = t
	}
	ranks := 0
	for _, of := range parts {
		if of[commonRank] == nil {
			ranks = max(ranks, len(of))
		}
	}
	src.Tensors = nil
	for _, name := range names {
		t := parts[name][commonRank]
		switch {
		case t != nil && len(parts[name]) > 1:
			return &Error{File: src.Path, Tensor: name, Err: Corrupt("the files of all ranks and of one rank have it")}
		case t == nil:
			var list []*Tensor
			for i := range ranks {
				rank := strconv.Itoa(i)
				part := parts[name][strings.Repeat("0", max(0, 3-len(rank)))+rank]
				if part == nil {
					return &Error{File: src.Path, Tensor: name, Err: Corrupt("the part of rank %d of %d is missing", i, ranks), Hint: "the folder is not complete: fetch it again"}
				}
				list = append(list, part)
			}
			var err error
			if t, err = joinRank(list); err != nil {
				return &Error{File: src.Path, Tensor: name, Err: err}
			}
		}
		src.Tensors = append(src.Tensors, t)
	}
	return nil
}

// joinRank is a matrix of its parts.
func joinRank(parts []*Tensor) (*Tensor, error) {
	for _, p := range parts {
		if len(p.Shape) != 2 || !slices.Equal(p.Shape, parts[0].Shape) || p.Type != parts[0].Type || p.Rows == nil {
			return nil, Corrupt("the parts of ranks are not matrices of one shape and type")
		}
	}
	t := *parts[0]
	t.Raw = nil
	if slices.ContainsFunc(byInputs, func(end string) bool { return strings.HasSuffix(t.Name, end) }) {
		t.Shape = []int{t.Shape[0], t.Shape[1] * len(parts)}
		t.Rows = besideRows(parts)
	} else {
		t.Shape = []int{t.Shape[0] * len(parts), t.Shape[1]}
		t.Rows = belowRows(parts)
	}
	return &t, nil
}

// belowRows are matrices one below the other.
type belowRows []*Tensor

func (r belowRows) ReadRows(dst []float32, row int) error {
	n, cols := r[0].Shape[0], r[0].Shape[1]
	for len(dst) >= cols && cols > 0 {
		part, in := r[row/n], row%n
		take := min(len(dst)/cols, n-in)
		if err := part.Rows.ReadRows(dst[:take*cols], in); err != nil {
			return err
		}
		dst, row = dst[take*cols:], row+take
	}
	return nil
}

// besideRows are matrices one beside the other.
type besideRows []*Tensor

func (r besideRows) ReadRows(dst []float32, row int) error {
	cols := r[0].Shape[1]
	all := cols * len(r)
	if cols == 0 {
		return nil
	}
	rows := len(dst) / all
	part := make([]float32, rows*cols)
	for i, p := range r {
		if err := p.Rows.ReadRows(part, row); err != nil {
			return err
		}
		for j := range rows {
			copy(dst[j*all+i*cols:][:cols], part[j*cols:])
		}
	}
	return nil
}
