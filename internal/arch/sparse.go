package arch

import (
	"fmt"

	"quern/formats"
)

// A Sparse is a fixed pattern of positions that queries see in some layers (arXiv:1904.10509): those of their own stretch, and of every stretch blocks that a head shares
// with all behind. Runtimes know no such thing, and let queries see all positions. The zero value is none.
type Sparse struct {
	Every    int // the first of so many layers has it
	Block    int // positions of a block
	Local    int // blocks of a stretch
	Global   int // blocks of a stretch that those behind it see, too …
	Patterns int // … which are the last for the first head, those before for the second; after so many heads again
}

// sparseKeys are how files tell it.
var sparseKeys = []Key{
	sparseKey("layer_interval", func(s *Sparse) *int { return &s.Every }), sparseKey("block_length", func(s *Sparse) *int { return &s.Block }),
	sparseKey("local_blocks", func(s *Sparse) *int { return &s.Local }), sparseKey("global_blocks", func(s *Sparse) *int { return &s.Global }),
	sparseKey("global_patterns", func(s *Sparse) *int { return &s.Patterns }),
}

func sparseKey(name string, of func(*Sparse) *int) Key {
	return Key{GGUF: "{a}.attention.sparse." + name, Field: func(p *Params) any { return of(&p.Sparse) }, Default: nothing, When: func(p *Params) bool { return p.Sparse.Every > 0 }}
}

func (s *Sparse) check() error {
	switch {
	case *s == Sparse{}:
	case s.Every < 1 || s.Block < 1 || s.Local < 1 || s.Global < 1 || s.Patterns < 1 || s.Every > 512 || s.Block > 1<<20 || s.Local > 1<<20 || s.Patterns > s.Local || s.Global > s.Local/s.Patterns:
		return formats.Corrupt("in every %d layers heads see stretches of %d blocks of %d positions, and %d of them in %d ways", s.Every, s.Local, s.Block, s.Global, s.Patterns)
	}
	return nil
}

// Sees says whether a head's queries in block q see block k of so many, which is not behind it.
func (s *Sparse) Sees(head, q, k, blocks int) bool {
	if q/s.Local == k/s.Local {
		return true
	}
	first := s.Local - (1+head%s.Patterns)*s.Global
	global := func(at int) bool { return k >= at && k < at+s.Global && q >= at }
	whole := blocks - blocks%s.Local
	return k < whole && global(k-k%s.Local+first) || whole < blocks && global(min(whole+first, blocks-s.Global))
}

// readSparse reads the pattern of a config.json.
func readSparse(c *Config, p *Params) error {
	mode, err := c.String("sparse_mode")
	if err != nil {
		return err
	}
	s := &p.Sparse
	switch mode {
	case "", "none":
		return nil
	case "alternating":
		s.Every = 2
	case "all":
		s.Every = 1
	default:
		return c.fail("sparse_mode", formats.Unsupported("is %.60q", mode), "alternating, all and none are known")
	}
	for _, f := range []struct {
		key string
		to  *int
	}{{"sparse_block_size", &s.Block}, {"sparse_num_local_blocks", &s.Local}, {"sparse_num_global_blocks", &s.Global}, {"sparse_num_different_global_patterns", &s.Patterns}} {
		v, ok := c.Value(f.key)
		if !ok {
			return c.fail(f.key, formats.Corrupt("missing, and sparse_mode is %q", mode), "")
		}
		if err := c.assign(f.key, v, f.to); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return c.fail("sparse_mode", err, "")
	}
	return nil
}

// noteSparse says what runtimes make of it.
func noteSparse(_ *formats.Source, b *Bound) error {
	if s := b.Params.Sparse; s.Every > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("the model was trained with sparse attention in some layers (sparse_mode): llama.cpp lets every query see all positions before it, and computes another model beyond %d tokens; exact mode here computes the one that was trained", s.Block*s.Local))
	}
	return nil
}

// tellSparse is the way back.
func tellSparse(p *Params) map[string]any {
	s := &p.Sparse
	out := map[string]any{"sparse_mode": "none"}
	if s.Every > 0 {
		out["sparse_mode"] = map[int]string{1: "all", 2: "alternating"}[s.Every]
		out["sparse_block_size"], out["sparse_num_local_blocks"], out["sparse_num_global_blocks"], out["sparse_num_different_global_patterns"] = s.Block, s.Local, s.Global, s.Patterns
	}
	return out
}
