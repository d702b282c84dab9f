package formats

import (
	"fmt"
	"math"
	"strings"
)

// An Imatrix is an importance matrix: how large the inputs of a model's matrices are on some text, in llama.cpp's two file
// formats. It knows tensors by their GGUF names and nothing of models.
type Imatrix struct {
	Path      string         // the file it was read from
	Entries   []ImatrixEntry // by name
	Datasets  []string       // the texts, as the files name them
	Chunks    int            // pieces of text that were run
	ChunkSize int            // tokens of a piece; 0 where the file does not say
	Legacy    bool           // read from the old format: counts are pieces, not tokens, and matrices share one
}

// An ImatrixEntry is what was seen of one tensor. A tensor of several matrices (the experts of a layer) has one run of
// columns for each; one count may stand for all of them.
type ImatrixEntry struct {
	Name   string
	Sums   []float32 // sums of squared inputs, the columns of all matrices in turn
	Counts []int64   // inputs seen, for each matrix or for all together
}

const (
	imatrixType   = "imatrix" // under general.type
	imatrixSums   = ".in_sum2"
	imatrixCounts = ".counts"

	imatrixDatasets  = "imatrix.datasets"
	imatrixChunks    = "imatrix.chunk_count"
	imatrixChunkSize = "imatrix.chunk_size"
)

// RareTokens is how often an expert has to be seen for its own sums to be used. With fewer tokens than this they say more
// about those tokens than about the expert.
const RareTokens = 32

// Borrowed lists the matrices that fewer than RareTokens tokens reached, among several: Importance gives them the mean over
// all tokens of all matrices. It fails when nothing was seen at all.
func (e *ImatrixEntry) Borrowed() (rare []int, err error) {
	total := int64(0)
	for i, n := range e.Counts {
		total += n
		if n < RareTokens && len(e.Counts) > 1 {
			rare = append(rare, i)
		}
	}
	if total == 0 {
		return nil, &Error{Tensor: e.Name, Err: Corrupt("the importance matrix has an entry for this tensor, but no token reached it")}
	}
	return rare, nil
}

// Importance writes the mean square of every input of a matrix, by its number; len(dst) is its columns.
func (e *ImatrixEntry) Importance(dst []float32, matrix int) {
	n := e.Counts[0]
	if len(e.Counts) > 1 {
		if n = e.Counts[matrix]; n < RareTokens {
			e.mean(dst)
			return
		}
	}
	for i, s := range e.Sums[matrix*len(dst):][:len(dst)] {
		dst[i] = s / float32(n)
	}
}

// mean is the mean square over all tokens of all matrices.
func (e *ImatrixEntry) mean(dst []float32) {
	total, sums := int64(0), make([]float64, len(dst))
	for _, n := range e.Counts {
		total += n
	}
	for i, s := range e.Sums {
		sums[i%len(dst)] += float64(s)
	}
	for i, s := range sums {
		dst[i] = float32(s / float64(total))
	}
}

// Entry finds a tensor's entry, or returns nil.
func (m *Imatrix) Entry(name string) *ImatrixEntry {
	for i := range m.Entries {
		if m.Entries[i].Name == name {
			return &m.Entries[i]
		}
	}
	return nil
}

// IsImatrix reports whether an open file is an importance matrix.
func IsImatrix(src *Source) bool {
	return src.Format != nil && src.Format.Name == "imatrix" || src.Meta.String("general.type") == imatrixType
}

// ReadImatrix reads an importance matrix of either format.
func ReadImatrix(path string) (*Imatrix, error) {
	src, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return ImatrixOf(src)
}

// ImatrixOf reads the importance matrix that an open file is. Tensors of other kinds beside the sums, which some programs
// write, are passed over.
func ImatrixOf(src *Source) (*Imatrix, error) {
	if !IsImatrix(src) {
		return nil, &Error{File: src.Path, Err: Unsupported("the file is not an importance matrix")}
	}
	m := &Imatrix{Path: src.Path, Datasets: src.Meta.Strings(imatrixDatasets), Legacy: src.Format.Name == "imatrix"}
	m.Chunks, _ = src.Meta.Int(imatrixChunks)
	m.ChunkSize, _ = src.Meta.Int(imatrixChunkSize)
	if m.Chunks < 0 || m.ChunkSize < 0 {
		return nil, &Error{File: src.Path, Err: Corrupt("%d chunks of %d tokens", m.Chunks, m.ChunkSize)}
	}
	counts := map[string]*Tensor{}
	for _, t := range src.Tensors {
		if name, ok := strings.CutSuffix(t.Name, imatrixCounts); ok {
			counts[name] = t
		}
	}
	for _, t := range src.Tensors {
		name, ok := strings.CutSuffix(t.Name, imatrixSums)
		if !ok {
			continue
		}
		c := counts[name]
		delete(counts, name)
		e, err := imatrixEntry(name, t, c)
		if err != nil {
			return nil, &Error{File: src.Path, Tensor: name, Err: err}
		}
		m.Entries = append(m.Entries, e)
	}
	for name := range counts {
		return nil, &Error{File: src.Path, Tensor: name, Err: Corrupt("there are counts, but no sums")}
	}
	if len(m.Entries) == 0 {
		return nil, &Error{File: src.Path, Err: Corrupt("the importance matrix has no entries")}
	}
	m.Sort()
	return m, nil
}

// imatrixEntry reads the two tensors of an entry.
func imatrixEntry(name string, sums, counts *Tensor) (e ImatrixEntry, err error) {
	e.Name = name
	switch {
	case counts == nil:
		return e, Corrupt("there are sums, but no counts")
	case sums.Type.Name != "F32" || counts.Type.Name != "F32":
		return e, Corrupt("sums are %s and counts %s, want F32", sums.Type, counts.Type)
	case counts.Elems() == 0 || sums.Elems()%counts.Elems() != 0:
		return e, Corrupt("%d sums are not shared evenly by %d counts", sums.Elems(), counts.Elems())
	}
	e.Sums = make([]float32, sums.Elems())
	if err := sums.Rows.ReadRows(e.Sums, 0); err != nil {
		return e, err
	}
	n := make([]float32, counts.Elems())
	if err := counts.Rows.ReadRows(n, 0); err != nil {
		return e, err
	}
	for i, v := range e.Sums {
		if !(v >= 0) || v > math.MaxFloat32 {
			return e, Corrupt("sum %d of squares is %v", i, v)
		}
	}
	for i, v := range n {
		if !(v >= 0) || v > 1<<53 {
			return e, Corrupt("count %d is %v", i, v)
		}
		e.Counts = append(e.Counts, int64(math.RoundToEven(float64(v))))
	}
	return e, nil
}

// String says in a line what the matrix was made from.
func (m *Imatrix) String() string {
	s := fmt.Sprintf("importance of %d tensors, %d chunks", len(m.Entries), m.Chunks)
	if m.ChunkSize > 0 {
		s += fmt.Sprintf(" of %d tokens", m.ChunkSize)
	}
	return s
}
