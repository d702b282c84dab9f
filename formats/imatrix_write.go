package formats

import (
	"encoding/binary"
	"math"
	"sort"

	"quern/internal/store"
	"quern/quantize"
)

// Sort brings the entries into the order of the files, which is that of their names.
func (m *Imatrix) Sort() {
	sort.Slice(m.Entries, func(i, j int) bool { return m.Entries[i].Name < m.Entries[j].Name })
}

// WriteImatrix writes an importance matrix as a GGUF, byte for byte as llama-imatrix lays it out. It appears under its name
// whole or not at all.
func WriteImatrix(path string, m *Imatrix, force bool) (err error) {
	m.Sort()
	var meta Meta
	meta.Set("general.type", imatrixType)
	meta.Set(imatrixDatasets, append([]string{}, m.Datasets...))
	meta.Set(imatrixChunks, uint32(m.Chunks))
	meta.Set(imatrixChunkSize, uint32(m.ChunkSize))
	var tensors []*Tensor
	var bodies [][]float32
	for i := range m.Entries {
		e := &m.Entries[i]
		n := len(e.Counts)
		counts := make([]float32, n)
		for j, c := range e.Counts {
			counts[j] = float32(c)
		}
		sums, one := []int{n, len(e.Sums) / n}, []int{n, 1}
		if n == 1 { // ggml leaves out outer dimensions of one
			sums, one = sums[1:], one[1:]
		}
		tensors = append(tensors, &Tensor{Name: e.Name + imatrixSums, Shape: sums, Type: quantize.F32},
			&Tensor{Name: e.Name + imatrixCounts, Shape: one, Type: quantize.F32})
		bodies = append(bodies, e.Sums, counts)
	}
	sink, err := Create("gguf", path, CreateOptions{Force: force})
	if err != nil {
		return err
	}
	defer sink.Abort()
	if err := sink.Begin(&meta, tensors); err != nil {
		return err
	}
	for i, b := range bodies {
		if err := sink.WriteAt(floatBytes(nil, b), i, 0); err != nil {
			return err
		}
	}
	return sink.Commit()
}

// WriteImatrixDat writes the old format, for programs that read no other. It has one count for all experts of a tensor, so
// what experts lack is filled in as Importance does; a later merge cannot tell that from what was seen.
func WriteImatrixDat(path string, m *Imatrix, force bool) error {
	m.Sort()
	p := i32Bytes(nil, len(m.Entries))
	for i := range m.Entries {
		e := &m.Entries[i]
		if _, err := e.Borrowed(); err != nil {
			return &Error{File: path, Err: err, Hint: "the GGUF format can hold it"}
		}
		values, cols := make([]float32, len(e.Sums)), len(e.Sums)/len(e.Counts)
		for m := range e.Counts {
			e.Importance(values[m*cols:(m+1)*cols], m)
		}
		most := int64(0)
		for _, n := range e.Counts {
			most = max(most, n)
		}
		size := int64(max(1, m.ChunkSize))
		if m.Legacy {
			size = 1 // counts are chunks already
		}
		calls := (most + size - 1) / size
		for j := range values {
			values[j] *= float32(calls)
		}
		p = i32Bytes(append(i32Bytes(p, len(e.Name)), e.Name...), int(calls), len(values))
		p = floatBytes(p, values)
	}
	text := ""
	if n := len(m.Datasets); n > 0 {
		text = m.Datasets[n-1]
	}
	p = append(i32Bytes(p, m.Chunks, len(text)), text...)
	return store.WriteFile(store.Disk, path, p, force)
}

func i32Bytes(p []byte, v ...int) []byte {
	for _, n := range v {
		p = binary.LittleEndian.AppendUint32(p, uint32(n))
	}
	return p
}

func floatBytes(p []byte, x []float32) []byte {
	for _, v := range x {
		p = binary.LittleEndian.AppendUint32(p, math.Float32bits(v))
	}
	return p
}
