package calib

import (
	"slices"

	"quern/formats"
)

// A sum is an entry that is being added up.
type sum struct {
	values []float64
	counts []int64
}

// Merge adds importance matrices up, as if their texts had been run one after the other. The old format counts chunks
// instead of tokens: each stands for ctx of them. There were as many chunks as the files say together, or as reached the tensor that saw
// the most tokens, whichever is more: an encoder and a decoder see a part of each. Entries of different sizes are an error that names both files.
func Merge(ctx int, list ...*formats.Imatrix) (*formats.Imatrix, error) {
	sums, first := map[string]*sum{}, map[string]string{}
	out := &formats.Imatrix{ChunkSize: ctx}
	var names []string
	most := int64(0)
	for _, m := range list {
		if !m.Legacy {
			most += int64(m.Chunks) * int64(m.ChunkSize)
		}
		tokens := int64(1)
		if m.Legacy {
			tokens = int64(ctx)
		}
		for i := range m.Entries {
			e := &m.Entries[i]
			s := sums[e.Name]
			if s == nil {
				s = &sum{values: make([]float64, len(e.Sums)), counts: make([]int64, len(e.Counts))}
				sums[e.Name], first[e.Name] = s, m.Path
				names = append(names, e.Name)
			}
			if err := s.add(e, tokens); err != nil {
				return nil, &formats.Error{File: m.Path, Tensor: e.Name, Err: err, Hint: "is it of the same model as " + first[e.Name] + "?"}
			}
		}
		out.Datasets = append(out.Datasets, m.Datasets...)
	}
	for _, name := range names {
		s := sums[name]
		e := formats.ImatrixEntry{Name: name, Counts: s.counts, Sums: make([]float32, len(s.values))}
		for i, v := range s.values {
			e.Sums[i] = float32(v)
		}
		for _, n := range s.counts {
			most = max(most, n)
		}
		out.Entries = append(out.Entries, e)
	}
	if ctx > 0 {
		out.Chunks = int(most / int64(ctx))
	}
	out.Sort()
	return out, nil
}

// Partial names the entries that some of the importance matrices lack: a sum of them counts one text for some tensors, another for the rest.
func Partial(list ...*formats.Imatrix) (names []string) {
	in := map[string]int{}
	for _, m := range list {
		for _, e := range m.Entries {
			in[e.Name]++
		}
	}
	for name, n := range in {
		if n < len(list) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// add adds an entry whose counts are in units of the given tokens. Where one side has a count for each matrix and the other
// one for all, that one holds for each.
func (s *sum) add(e *formats.ImatrixEntry, tokens int64) error {
	a, b := len(s.counts), len(e.Counts)
	if len(s.values) != len(e.Sums) || a != b && a != 1 && b != 1 {
		return formats.Corrupt("it has %d values and %d counts, another file has %d and %d", len(e.Sums), b, len(s.values), a)
	}
	for len(s.counts) < b {
		s.counts = append(s.counts, s.counts[0])
	}
	for i := range s.counts {
		s.counts[i] += tokens * e.Counts[min(i, b-1)]
	}
	for i, v := range e.Sums {
		s.values[i] += float64(tokens) * float64(v)
	}
	return nil
}
