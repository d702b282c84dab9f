package formats

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"

	"quern/internal/store"
	"quern/quantize"
)

// ImatrixDat is the importance matrix of llama.cpp from before it was a GGUF, little endian:
//
//	i32 entries
//	per entry   i32 length, name   i32 calls   i32 n   n × f32 mean square times calls
//	i32 chunks  i32 length, name of the text     (older files end before this)
//
// It opens as the same two tensors for each entry that the GGUF has.
var ImatrixDat = register(Format{Name: "imatrix", Sniff: sniffDat, Open: openDat})

// sniffDat looks at the first entry: a name of printable characters, as long as names of tensors are.
func sniffDat(_ string, head []byte, dir bool) bool {
	if dir || len(head) < 16 {
		return false
	}
	n, length := binary.LittleEndian.Uint32(head), int(binary.LittleEndian.Uint32(head[4:]))
	if n == 0 || n > 1<<20 || length == 0 || length > 1<<10 {
		return false
	}
	for _, c := range head[8:min(len(head), 8+length)] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func openDat(path string) (*Source, error) {
	f, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	src := &Source{Path: path, Format: byName("imatrix"), Close: f.Close, File: noFile}
	r := newGGUFReader(f, f.Size())
	if err := readDat(r, src); err != nil {
		f.Close()
		return nil, &Error{File: path, Off: r.pos, HasOff: true, Err: err}
	}
	return src, nil
}

func readDat(r *ggufReader, src *Source) error {
	n, err := r.i32("entries", 1)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for range n {
		name, err := r.datText()
		if err != nil {
			return err
		}
		if name == "" || seen[name] {
			return Corrupt("entry name %.100q is empty or comes twice", name)
		}
		seen[name] = true
		if err := datEntry(r, src, name); err != nil {
			return &Error{Tensor: name, Err: err}
		}
	}
	src.Meta.Set("general.type", imatrixType)
	if r.left() == 0 {
		return nil
	}
	chunks, err := r.i32("chunks", 0)
	if err != nil {
		return err
	}
	text, err := r.datText()
	if err != nil {
		return err
	}
	if text != "" {
		src.Meta.Set(imatrixDatasets, []string{text})
	}
	src.Meta.Set(imatrixChunks, uint32(chunks))
	if r.left() > 0 {
		return Corrupt("%d bytes follow the end", r.left())
	}
	return nil
}

// datEntry makes the two tensors of an entry.
func datEntry(r *ggufReader, src *Source, name string) error {
	calls, err := r.i32("calls", 0)
	if err != nil {
		return err
	}
	n, err := r.i32("values", 1)
	if err != nil {
		return err
	}
	at := r.pos
	if _, err := r.bytes(4 * int64(n)); err != nil {
		return err
	}
	sums := &Tensor{Name: name + imatrixSums, Shape: []int{n}, Type: quantize.F32}
	readable(sums, io.NewSectionReader(r.src, at, 4*int64(n)), src.Path, at)
	// An entry without calls holds the mean squares themselves, as one call would.
	count := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(max(1, calls))))
	counts := &Tensor{Name: name + imatrixCounts, Shape: []int{1}, Type: quantize.F32}
	readable(counts, bytes.NewReader(count), src.Path, at)
	src.Tensors = append(src.Tensors, sums, counts)
	return nil
}

// i32 reads a number that must not be less than least.
func (r *ggufReader) i32(what string, least int32) (int, error) {
	v, err := r.u32()
	if err != nil {
		return 0, err
	}
	if int32(v) < least {
		return 0, Corrupt("%d %s are announced", int32(v), what)
	}
	return int(v), nil
}

func (r *ggufReader) datText() (string, error) {
	n, err := r.i32("bytes of a name", 0)
	if err != nil {
		return "", err
	}
	p, err := r.bytes(int64(n))
	return string(p), err
}
