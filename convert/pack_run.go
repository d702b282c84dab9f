package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
	"quern/quantize"
)

// A CodeMaker makes the codes of all matrices of a plan and puts them: by name, the rows of a matrix in order, in multiples of 32 except at
// its end. It may put several matrices at the same time.
type CodeMaker func(ctx context.Context, put func(name string, c *quantize.Codes, row int) error) error

// Run writes the folder: with codes rounded to nearest, or with the source's.
func (p *Pack) Run(ctx context.Context, opt RunOptions) error { return p.RunWith(ctx, opt, nil) }

// RunWith writes the folder with the codes of a method.
func (p *Pack) RunWith(ctx context.Context, opt RunOptions, maker CodeMaker) error {
	block, threads, err := p.budget(opt)
	if err != nil {
		return err
	}
	opt.Threads = threads
	if opt.SplitBytes == 0 {
		opt.SplitBytes = shardBytes
	}
	sink, err := formats.CreateFolder(p.Out, p.store, formats.CreateOptions{SplitBytes: opt.SplitBytes, SplitTensors: opt.SplitTensors, Force: opt.Force})
	if err != nil {
		return err
	}
	defer sink.Abort()
	r := &packer{Pack: p, sink: sink, opt: opt, block: block, index: map[string]int{}}
	if err := sink.Begin(r.planned()); err != nil {
		return err
	}
	if maker != nil {
		if err := maker(ctx, r.put); err != nil {
			return err
		}
	}
	if err := r.tensors(ctx, maker == nil); err != nil {
		return err
	}
	if r.changed > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("codes are as in the source; of %d scales and offsets %d were rounded to %s", r.scales, r.changed, p.scale))
	}
	if err := r.texts(ctx); err != nil {
		return err
	}
	return sink.Commit()
}

const (
	packBlock  = 1 << 20       // weights that a worker holds at once: columns of codes are then written in runs that are long enough
	shardBytes = 5_000_000_000 // of tensors in a file, as the Hugging Face library divides them
)

// budget is the size of blocks and the number of workers that stay within a limit on memory: as float32, as codes, and packed twice.
func (p *Pack) budget(opt RunOptions) (block, threads int, err error) {
	fixed, widest := int64(runtimeRAM), 1
	if p.src.Quantized != nil {
		fixed += formats.BandMemory
	}
	for i := range p.Tensors {
		widest = max(widest, p.Tensors[i].tensor.Cols())
	}
	block, threads = packBlock, opt.Threads
	if threads < 1 {
		threads = runtime.NumCPU()
	}
	need := func() int64 { return fixed + 12*int64(threads)*int64(max(block, 32*widest)) }
	for ; opt.MaxRAM > 0 && need() > opt.MaxRAM && block > smallBlock; block /= 2 {
	}
	for ; opt.MaxRAM > 0 && need() > opt.MaxRAM && threads > 1; threads-- {
	}
	if opt.MaxRAM > 0 && need() > opt.MaxRAM {
		return 0, 0, fmt.Errorf("%w: %s are needed with one worker, %s are allowed", ErrMemory, bytesText(need()), bytesText(opt.MaxRAM))
	}
	return block, threads, nil
}

// A packer is one run.
type packer struct {
	*Pack
	sink  *formats.FolderSink
	opt   RunOptions
	index map[string]int // of a tensor, by name
	block int            // weights that a worker holds at once

	mu                    sync.Mutex
	done, changed, scales int64
}

func (r *packer) planned() (out []formats.Planned) {
	for i := range r.Tensors {
		s := &r.Tensors[i]
		r.index[s.Name] = i
		pl := formats.Planned{Tensor: &formats.Tensor{Name: s.Name, Shape: s.Shape, Type: s.to}}
		if s.Codes {
			pl.Codes, pl.Scale = &r.Grid, r.scale
		}
		out = append(out, pl)
	}
	return out
}

func (r *packer) put(name string, c *quantize.Codes, row int) error {
	i, ok := r.index[name]
	if !ok || !r.Tensors[i].Codes {
		return fmt.Errorf("codes of %q, which the plan does not store as codes", name)
	}
	return r.sink.WriteCodes(c, i, row)
}

// tensors writes everything, or only what is no codes. A worker takes whole tensors: the rows of one come in order.
func (r *packer) tensors(ctx context.Context, codes bool) error {
	var mu sync.Mutex
	next := 0
	g, ctx := errgroup.WithContext(ctx)
	for range max(1, r.opt.Threads) {
		g.Go(func() error {
			w := &packWorker{packer: r}
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(r.Tensors) {
					return nil
				}
				s := &r.Tensors[i]
				if s.Codes && !codes {
					continue
				}
				if err := w.tensor(ctx, i, s); err != nil {
					return inTensorOnce(r.Source, s.Name, err)
				}
			}
		})
	}
	return g.Wait()
}

// inTensorOnce names file and tensor where an error does not.
func inTensorOnce(file, name string, err error) error {
	if e, ok := err.(*formats.Error); ok && e.Tensor != "" || errors.Is(err, context.Canceled) {
		return err
	}
	return inTensor(file, name, err)
}

// A packWorker has buffers that are reused.
type packWorker struct {
	*packer
	floats []float32
	bytes  []byte
	codes  quantize.Codes
}

func (w *packWorker) tensor(ctx context.Context, i int, s *PackStep) error {
	t := s.tensor
	n, k := t.NumRows(), t.Cols()
	if t.Elems() == 0 {
		return nil
	}
	step := max(1, w.block/k/32) * 32
	var near *quantize.Nearest
	var round func([]float32)
	if s.Codes {
		round = w.round()
		near = &quantize.Nearest{Grid: w.Grid, Offsets: w.store.Offsets, Round: round, Plain: w.plain}
	}
	for row := 0; row < n; row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows := min(step, n-row)
		var err error
		switch {
		case s.Codes && w.Kept:
			err = w.move(t, i, row, rows, round)
		case s.Codes:
			if err = w.read(t, row, rows); err == nil {
				near.Rows(&w.codes, w.floats, k, nil)
				err = w.sink.WriteCodes(&w.codes, i, row)
			}
		default:
			err = w.float(t, s.to, i, row, rows)
		}
		if err != nil {
			return err
		}
		w.report(int64(rows) * int64(k))
	}
	return nil
}

// read decodes rows and refuses numbers that are none.
func (w *packWorker) read(t *formats.Tensor, row, rows int) error {
	w.floats = grow(w.floats, rows*t.Cols())
	if err := t.Rows.ReadRows(w.floats, row); err != nil {
		return err
	}
	for i, x := range w.floats {
		if x-x != 0 {
			return notFinite(row + i/t.Cols())
		}
	}
	return nil
}

// move brings codes over.
func (w *packWorker) move(t *formats.Tensor, i, row, rows int, round func([]float32)) error {
	if err := formats.CodesOf(t).ReadCodes(&w.codes, row, rows); err != nil {
		return err
	}
	changed, all := w.regrid(&w.codes, round)
	w.mu.Lock()
	w.changed, w.scales = w.changed+int64(changed), w.scales+int64(all)
	w.mu.Unlock()
	return w.sink.WriteCodes(&w.codes, i, row)
}

// float copies or encodes rows.
func (w *packWorker) float(t *formats.Tensor, to *quantize.Type, i, row, rows int) error {
	size, _ := to.Size(t.Cols())
	w.bytes = grow(w.bytes, rows*size)
	if t.Raw != nil && to == t.Type {
		if _, err := t.Raw.ReadAt(w.bytes, int64(row)*int64(size)); err != nil {
			return err
		}
		if at := nonFinite(w.bytes, to); at >= 0 {
			return notFinite(row + at/size)
		}
	} else {
		if err := w.read(t, row, rows); err != nil {
			return err
		}
		for r := range rows {
			to.Encode(w.bytes[r*size:(r+1)*size], w.floats[r*t.Cols():(r+1)*t.Cols()], nil)
		}
		if at := nonFinite(w.bytes, to); at >= 0 {
			return &formats.Error{Err: fmt.Errorf("row %d holds a number that does not fit into %s", row+at/size, to), Hint: "use bf16"}
		}
	}
	return w.sink.WriteAt(w.bytes, i, int64(row)*int64(size))
}

func (r *packer) report(weights int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += weights
	if r.opt.Progress != nil {
		r.opt.Progress(r.done, r.Weights)
	}
}

// companions are the files of a Hugging Face folder that go with the weights.
var companionFiles = []string{"tokenizer.json", "tokenizer_config.json", "tokenizer.model", "tokenizer.jsonl", tokenizer.WorldFile, "special_tokens_map.json", "added_tokens.json", "vocab.json",
	"merges.txt", "vocab.txt", "spiece.model", "tekken.json", "chat_template.jinja", "chat_template.json", "generation_config.json",
	"preprocessor_config.json", "modules.json", arch.PoolingFile, arch.DenseFiles[0], arch.DenseFiles[1], "LICENSE", "LICENSE.txt", "NOTICE"}

// texts writes everything that is no weights.
func (r *packer) texts(ctx context.Context) error {
	for _, name := range companionFiles {
		text, err := r.src.File(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = r.sink.WriteFile(name, text)
		}
		if err != nil {
			return err
		}
	}
	var quantization map[string]any
	if r.store != nil {
		quantization = r.store.Config(r.Grid, r.skip, r.Ordered)
	}
	r.float16()
	if err := r.sink.Describe(r.config, quantization); err != nil {
		return err
	}
	card, err := r.card(ctx)
	if err != nil {
		return err
	}
	return r.sink.WriteFile("README.md", []byte(card))
}

// float16 makes config.json name the type that the matrices which are no codes have.
func (r *packer) float16() {
	name := ""
	for i := range r.Tensors {
		if s := &r.Tensors[i]; !s.Codes && len(s.Shape) == 2 {
			name = map[string]string{"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[s.to.Name]
			break
		}
	}
	if name == "" {
		return
	}
	key := "torch_dtype"
	if _, ok := r.config["dtype"]; ok {
		key = "dtype"
	}
	r.config[key] = name
}

// hashes are the SHA-256 of the files that the weights came from.
func hashes(ctx context.Context, files []string) ([]string, error) {
	var out []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, readerFunc(func(p []byte) (int, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			return f.Read(p)
		}))
		f.Close()
		if err != nil {
			return nil, err
		}
		out = append(out, hex.EncodeToString(h.Sum(nil))+"  "+filepath.Base(name))
	}
	return out, nil
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
