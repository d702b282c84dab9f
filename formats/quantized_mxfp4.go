package formats

import (
	"fmt"
	"io"

	"quern/quantize"
)

// GPT-OSS stores the experts of a layer in one tensor of nibbles, [experts][rows][blocks][16 bytes], beside one of their powers of two. A byte
// holds neighbouring weights, the lower nibble first; a block of GGUF's type holds its halves side by side. Nothing but their places
// differs, so the tensor is one of that type.
var (
	_ = mxfp4Experts("gate_up_proj")
	_ = mxfp4Experts("down_proj")
)

func mxfp4Experts(name string) *scheme {
	codes, scales := name+"_blocks", name+"_scales"
	return registerScheme(scheme{
		name:    "mxfp4",
		methods: []string{"mxfp4"},
		parts:   []string{codes, scales},
		weight: func(m *module) (*Tensor, error) {
			b, s := m.parts[codes], m.parts[scales]
			if s == nil {
				return nil, m.fail(codes, Corrupt("has no %s", scales))
			}
			if b.Type.Name != "U8" || s.Type.Name != "U8" || len(b.Shape) != 4 || len(s.Shape) != 3 || b.Shape[3] != 16 ||
				b.Shape[0] != s.Shape[0] || b.Shape[1] != s.Shape[1] || b.Shape[2] != s.Shape[2] || b.Elems() == 0 {
				return nil, m.fail(codes, Corrupt("has shape %v and type %s beside scales of shape %v and type %s", b.Shape, b.Type, s.Shape, s.Type))
			}
			r := &mxfp4Blocks{codes: b.Raw, scales: s.Raw, blocks: int64(s.Elems()), cols: 32 * b.Shape[2]}
			return &Tensor{Name: m.name + "." + name + ".weight", Shape: []int{b.Shape[0], b.Shape[1], r.cols}, Type: quantize.MXFP4, Rows: r, Raw: r}, nil
		},
	})
}

// mxfp4Matrix is the same of one matrix, its codes stored as bytes.
func mxfp4Matrix(m *module, scale string) (*Tensor, error) {
	w, s := m.parts["weight"], m.parts[scale]
	if len(w.Shape) != 2 || len(s.Shape) != 2 || s.Elems() == 0 || w.Shape[0] != s.Shape[0] || w.Shape[1] != 16*s.Shape[1] || w.Raw == nil || s.Raw == nil {
		return nil, m.fail(scale, Corrupt("has shape %v beside codes of shape %v: want one scale for 32", s.Shape, w.Shape))
	}
	r := &mxfp4Blocks{codes: w.Raw, scales: s.Raw, blocks: int64(s.Elems()), cols: 2 * w.Shape[1]}
	return &Tensor{Name: m.name + ".weight", Shape: []int{w.Shape[0], r.cols}, Type: quantize.MXFP4, Rows: r, Raw: r}, nil
}

// mxfp4Blocks are blocks as GGUF has them.
type mxfp4Blocks struct {
	codes, scales io.ReaderAt
	blocks        int64
	cols          int
}

const mxfp4Block = 17 // bytes: the power of two, and 32 nibbles

// ReadAt makes the blocks that the bytes lie in.
func (r *mxfp4Blocks) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= r.blocks*mxfp4Block {
		return 0, io.EOF
	}
	first := off / mxfp4Block
	n := min((off+int64(len(p))+mxfp4Block-1)/mxfp4Block, r.blocks) - first
	codes, scales := make([]byte, 16*n), make([]byte, n)
	if k, err := r.codes.ReadAt(codes, 16*first); k < len(codes) {
		return 0, short(err)
	}
	if k, err := r.scales.ReadAt(scales, first); k < len(scales) {
		return 0, short(err)
	}
	out := make([]byte, mxfp4Block*n)
	for b := range scales {
		q, block := codes[16*b:][:16], out[mxfp4Block*b:][:mxfp4Block]
		block[0] = scales[b]
		for i := range 8 {
			block[1+2*i] = q[i]&15 | q[8+i]&15<<4
			block[2+2*i] = q[i]>>4 | q[8+i]>>4<<4
		}
	}
	k := copy(p, out[off-first*mxfp4Block:])
	if k < len(p) {
		return k, io.EOF
	}
	return k, nil
}

func short(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *mxfp4Blocks) ReadRows(dst []float32, row int) error {
	size := r.cols / 32 * mxfp4Block
	raw := make([]byte, len(dst)/r.cols*size)
	if len(dst)%r.cols != 0 || row < 0 || int64(row)*int64(size)+int64(len(raw)) > r.blocks*mxfp4Block {
		return fmt.Errorf("rows %d… of %d", row, r.blocks*32/int64(r.cols))
	}
	if _, err := r.ReadAt(raw, int64(row)*int64(size)); err != nil {
		return err
	}
	quantize.MXFP4.Decode(dst, raw)
	return nil
}

// Drop and Want pass advice on.
func (r *mxfp4Blocks) Drop(off, n int64) { Drop(r.codes, off/mxfp4Block*16, n/mxfp4Block*16) }
func (r *mxfp4Blocks) Want(off, n int64) { Want(r.codes, off/mxfp4Block*16, n/mxfp4Block*16+16) }
