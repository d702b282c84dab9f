package verify

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// A frameWriter collects the rows of chunks and writes each chunk when it is complete. The file appears under its name
// when it is finished, or not at all.
type frameWriter struct {
	BaselineHeader
	path   string
	tokens []int32
	tmp    *os.File // frames, in the order in which they were finished
	zip    *zstd.Encoder
	rows   map[int][][]byte // of unfinished chunks
	left   map[int]int
	at     []frameAt
	end    int64
	encode func(rows [][]byte) []byte
}

type frameAt struct{ off, size int64 }

func newFrameWriter(path string, h BaselineHeader, tokens []int32, encode func([][]byte) []byte) (*frameWriter, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".quern-baseline-")
	if err != nil {
		return nil, err
	}
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
	}
	h.Chunks = len(tokens) / h.Ctx
	return &frameWriter{BaselineHeader: h, path: path, tokens: tokens[:h.Chunks*h.Ctx], tmp: tmp, zip: zip, rows: map[int][][]byte{}, left: map[int]int{},
		at: make([]frameAt, h.Chunks), encode: encode}, nil
}

// add stores a row, and the chunk when it was the last one that was missing.
func (w *frameWriter) add(chunk, row int, data []byte) error {
	if w.at[chunk].size > 0 {
		return nil // the same tokens came before
	}
	if w.rows[chunk] == nil {
		per := w.Ctx - 1 - w.Ctx/2
		w.rows[chunk], w.left[chunk] = make([][]byte, per), per
	}
	if w.rows[chunk][row] == nil {
		w.left[chunk]--
	}
	w.rows[chunk][row] = data
	if w.left[chunk] > 0 {
		return nil
	}
	packed := w.zip.EncodeAll(w.encode(w.rows[chunk]), nil)
	delete(w.rows, chunk)
	if _, err := w.tmp.WriteAt(packed, w.end); err != nil {
		return err
	}
	w.at[chunk] = frameAt{w.end, int64(len(packed))}
	w.end += int64(len(packed))
	return nil
}

// finish writes the file. All chunks must be there.
func (w *frameWriter) finish() error {
	for c, at := range w.at {
		if at.size == 0 {
			return fmt.Errorf("the baseline lacks chunk %d of %d", c, len(w.at))
		}
	}
	head, err := json.Marshal(w.BaselineHeader)
	if err != nil {
		return err
	}
	raw := make([]byte, 0, 4*len(w.tokens))
	for _, t := range w.tokens {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(t))
	}
	packed := w.zip.EncodeAll(raw, nil)
	out, err := os.CreateTemp(filepath.Dir(w.path), ".quern-baseline-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // fails once it has its name
	defer out.Close()
	b := append(binary.LittleEndian.AppendUint32([]byte(baselineMagic), uint32(len(head))), head...)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(packed))), packed...)
	if _, err := out.Write(b); err != nil {
		return err
	}
	for _, at := range w.at {
		if _, err := out.Write(binary.LittleEndian.AppendUint32(nil, uint32(at.size))); err != nil {
			return err
		}
		if _, err := io.Copy(out, io.NewSectionReader(w.tmp, at.off, at.size)); err != nil {
			return err
		}
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Chmod(out.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(out.Name(), w.path)
}

// Close removes what is left of an unfinished file.
func (w *frameWriter) Close() error {
	return errors.Join(w.zip.Close(), w.tmp.Close(), os.Remove(w.tmp.Name()))
}
