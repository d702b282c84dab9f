package arch

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// A Place is where a matrix of a Hugging Face checkpoint is in GGUF: which tensor, or of which tensor the rows of one expert, and what
// happens to its rows.
type Place struct {
	GGUF    string
	Expert  int   // of Experts, -1 where the tensor is one matrix
	Experts int   //
	Rows    []int // of the tensor's rows, which of the source they are; nil: all as they are
	Columns []int // likewise of its columns
	Turned  bool  // the source is stored with inputs first: its columns are the tensor's rows (Rows are columns of the source, then)
	Source  []int // shape of the source
	Embed   bool  // the token embedding
	Deaf    bool  // runtimes apply no adapter to it, or another one
	Layout  int   // of several names of a matrix, the one with the lowest number is the first of the table
}

// deaf are matrices of models with latent attention that llama.cpp multiplies with directly, past what adapters change (its
// models/deepseek2.cpp).
var deaf = []Role{RoleQ, RoleQA, RoleKVA, RoleKB, RoleVB, RoleKVB, RoleOutput, RoleIndexQ, RoleIndexK, RoleIndexHeads, RoleAttnGate, RoleMixR, RoleMixK, RoleMixV, RoleStateOut}

// direct are matrices that llama.cpp reads or multiplies with past what adapters change in every family (its models/gemma4.cpp, models/nemotron-h.cpp, models/rwkv7-base.cpp).
var direct = []Role{RoleSideEmbed, RoleSideProj, RoleGramTable, RoleAltRouter, RoleAltProj, RoleAltUnembed, RoleOA, RoleLatentDown, RoleLatentUp,
	RoleMixDecayLow, RoleMixDecay, RoleMixRateLow, RoleMixRate, RoleMixFirstLow, RoleMixFirst, RoleMixGateLow, RoleMixGate, RoleMixLow, RoleMixHigh}

// mixing are those that mix streams by one matrix of all, and of no low rank (its models/deepseek4.cpp; models/qwen4exp.cpp).
var mixing = []Role{RoleHyperAttn, RoleHyperFFN, RoleHyperHead}

// Places tells of every matrix that a checkpoint of this model may have, in each of its layouts, where it is in GGUF. Several places are
// parts of one matrix. Matrices whose numbers change on the way have no place.
func (b *Bound) Places() map[string][]Place {
	there := map[string]bool{}
	for _, t := range b.Tensors {
		there[t.Name] = true
	}
	out := map[string][]Place{}
	for i := range b.Arch.Tensors {
		r := &b.Arch.Tensors[i]
		if r.HF == "" || strings.Contains(r.HF, ",") || strings.Contains(r.HF, inParts) || r.asKey() || r.Do.Lent || len(r.sourceDims(&b.Params)) != 2 || r.Do.Make != nil {
			continue
		}
		var rows, columns []int
		turned, ok, traced := false, false, false
		for l, name := range r.names(r.HF, &b.Params) {
			gguf := r.At(r.GGUF, l, &b.Params)
			if !there[gguf] {
				continue
			}
			if !traced || b.Params.layerwise() {
				rows, columns, turned, ok = r.trace(b.Params.At(l))
				traced = true
			}
			if !ok {
				break
			}
			p := Place{GGUF: gguf, Expert: -1, Rows: rows, Columns: columns, Turned: turned, Source: r.sourceDims(b.Params.At(l)), Embed: r.Role == RoleEmbed, Layout: i,
				Deaf: b.deafTo(r)}
			parts := r.parts(name, &b.Params)
			for e, part := range parts {
				if len(r.Dims(&b.Params)) == 3 {
					p.Expert, p.Experts = e, len(parts)
				}
				out[part] = append(out[part], p)
			}
		}
	}
	return out
}

// trace runs a rule's operation on a matrix whose numbers say where they were, and reads off what it does to rows, or is told what it does to columns. ok is false where
// it does anything else.
func (r *Rule) trace(p *Params) (rows, columns []int, turned, ok bool) {
	if r.Do.Forward == nil {
		return nil, nil, false, r.Do.Join == nil && r.Do.Inverse == nil
	}
	if from := r.Do.Columns; from != nil {
		dims, of := r.sourceDims(p), from(p)
		for i := range dims[len(dims)-1] {
			columns = append(columns, of(i))
		}
		return nil, columns, false, true
	}
	dims := r.sourceDims(p)
	byRow, byCol := r.Do.Forward(located(dims, true), p), r.Do.Forward(located(dims, false), p)
	if byRow == nil || byRow.Rows == nil || len(byRow.Shape) != 2 {
		return nil, nil, false, false
	}
	n, k := byRow.NumRows(), byRow.Cols()
	from, to := make([]float32, k), make([]float32, k)
	for i := range n {
		if byRow.Rows.ReadRows(from, i) != nil || byCol.Rows.ReadRows(to, i) != nil {
			return nil, nil, false, false
		}
		if i == 0 {
			turned = k > 1 && from[0] != from[k-1]
		}
		if turned {
			from, to = to, from
		}
		for j := range k { // one of the two stays, the other counts
			if from[j] != from[0] || to[j] != float32(j) {
				return nil, nil, false, false
			}
		}
		rows = append(rows, int(from[0]))
		if turned {
			from, to = to, from
		}
	}
	return rows, nil, turned, true
}

// located is a matrix whose numbers are those of their rows, or of their columns. They are exact up to 2^24.
func located(dims []int, byRow bool) *formats.Tensor {
	t := &formats.Tensor{Name: "located", Shape: dims, Type: quantize.ByName("F32")}
	t.Rows = locatedRows{dims[len(dims)-1], byRow}
	return t
}

type locatedRows struct {
	cols  int
	byRow bool
}

func (r locatedRows) ReadRows(dst []float32, row int) error {
	for i := range dst {
		n := i % r.cols
		if r.byRow {
			n = row + i/r.cols
		}
		if n >= 1<<24 {
			return fmt.Errorf("row or column %d cannot be traced", n)
		}
		dst[i] = float32(n)
	}
	return nil
}

// deafTo says that llama.cpp multiplies with a matrix past what an adapter would add to it.
func (b *Bound) deafTo(r *Rule) bool {
	p, of := &b.Params, func(list []Role) bool { return slices.Contains(list, r.Role) }
	return r.Idle || of(b.Arch.Deaf) || of(direct) || p.MLA.KV > 0 && of(deaf) || p.Hyper.Low == 0 && of(mixing) || p.Pooled.Groups > 0 && r.Role == RoleOutput ||
		r.Role == RoleO && b.has(RoleAttnGain) // what the adapter adds is not multiplied by that there
}
