package calib

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"quern/formats"
	"quern/quantize"
)

// A State is what a run keeps on disk so that another can go on where it was cut off: the sums as float64, so that nothing
// is lost, and the key of the run, so that nothing else is continued. It lies in a GGUF file of two tensors for each matrix.
type State struct {
	Path string
	Key  string // of the model, the tokens and the options: RunKey
}

const (
	stateType = "quern-calibration" // under general.type
	stateKey  = "quern.calibration.key"
	stateDone = "quern.calibration.chunks"
	stateSum  = ".sum2"
	stateSeen = ".seen"
)

// RunKey identifies a run: tensors that begin with the same bytes, the same tokens, the same options.
func RunKey(tensors []*formats.Tensor, chunks [][]int32, options string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d\n", options, len(chunks))
	for _, c := range chunks {
		if err := binary.Write(h, binary.LittleEndian, append([]int32{int32(len(c))}, c...)); err != nil {
			return "", err
		}
	}
	for _, t := range tensors {
		fmt.Fprintf(h, "%q %v %s\n", t.Name, t.Shape, t.Type)
		if t.Rows == nil || t.NumRows() == 0 {
			continue
		}
		row := make([]float32, t.Cols())
		if err := t.Rows.ReadRows(row, 0); err != nil {
			return "", err
		}
		if err := binary.Write(h, binary.LittleEndian, row); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Save writes the sums after done chunks. The file before it stays until the new one is whole.
func (s State) Save(c *Collector, done int) error {
	var meta formats.Meta
	meta.Set("general.type", stateType)
	meta.Set(stateKey, s.Key)
	meta.Set(stateDone, uint64(done))
	var tensors []*formats.Tensor
	for _, e := range c.entries {
		n := len(e.stats)
		tensors = append(tensors, &formats.Tensor{Name: e.name + stateSum, Shape: []int{n, len(e.stats[0].Diag)}, Type: quantize.F64},
			&formats.Tensor{Name: e.name + stateSeen, Shape: []int{n}, Type: quantize.I64})
	}
	sink, err := formats.Create("gguf", s.Path, formats.CreateOptions{Force: true})
	if err != nil {
		return err
	}
	defer sink.Abort()
	if err := sink.Begin(&meta, tensors); err != nil {
		return err
	}
	for i, e := range c.entries {
		var sums, seen []byte
		for _, st := range e.stats {
			for _, d := range st.Diag {
				sums = binary.LittleEndian.AppendUint64(sums, math.Float64bits(d))
			}
			seen = binary.LittleEndian.AppendUint64(seen, uint64(st.Count))
		}
		if err := sink.WriteAt(sums, 2*i, 0); err != nil {
			return err
		}
		if err := sink.WriteAt(seen, 2*i+1, 0); err != nil {
			return err
		}
	}
	return sink.Commit()
}

// Load fills a fresh collector with what was saved and returns the chunks that are done. A state of another run is refused.
func (s State) Load(c *Collector) (done int, err error) {
	src, err := formats.Open(s.Path)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	fail := func(err error) (int, error) {
		return 0, &formats.Error{File: s.Path, Err: err, Hint: "without --resume the run starts anew and replaces it"}
	}
	if src.Meta.String("general.type") != stateType {
		return fail(formats.Corrupt("it does not hold the state of a calibration"))
	}
	if src.Meta.String(stateKey) != s.Key {
		return fail(formats.Unsupported("it is the state of another run: the model, the text or the options differ"))
	}
	done, ok := src.Meta.Int(stateDone)
	if !ok || done < 0 || len(src.Tensors) != 2*len(c.entries) {
		return fail(formats.Corrupt("it has %d tensors, want %d", len(src.Tensors), 2*len(c.entries)))
	}
	for i, e := range c.entries {
		if err := e.load(src.Tensors[2*i], src.Tensors[2*i+1]); err != nil {
			return fail(&formats.Error{Tensor: e.name, Err: err})
		}
	}
	return done, nil
}

// load reads the sums and counts of an entry.
func (e *entry) load(sums, seen *formats.Tensor) error {
	n, k := len(e.stats), len(e.stats[0].Diag)
	if sums.Name != e.name+stateSum || seen.Name != e.name+stateSeen || sums.Elems() != n*k || seen.Elems() != n ||
		sums.Type != quantize.F64 || seen.Type != quantize.I64 {
		return formats.Corrupt("its sums have another place, size or type")
	}
	a, b := make([]byte, 8*n*k), make([]byte, 8*n)
	if _, err := sums.Raw.ReadAt(a, 0); err != nil {
		return err
	}
	if _, err := seen.Raw.ReadAt(b, 0); err != nil {
		return err
	}
	for i, st := range e.stats {
		st.Count = int64(binary.LittleEndian.Uint64(b[8*i:]))
		for j := range st.Diag {
			st.Diag[j] = math.Float64frombits(binary.LittleEndian.Uint64(a[8*(i*k+j):]))
		}
	}
	return nil
}
