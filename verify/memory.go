package verify

const (
	someLogits = 8 << 20   // of one model, in floats, where there is no limit of memory
	mostRows   = 512       // rows of logits: more gain nothing, decoding the output head is then a small part of the work
	programRAM = 128 << 20 // what is not counted otherwise: the program, vocabularies, the text and its scores
)

// divide gives each model an equal part of the memory.
func (r *run) divide() {
	r.blockFloats = someLogits
	limit := int(r.opt.MaxRAM)
	if limit <= 0 {
		return
	}
	n := len(r.sides)
	vocab := r.sides[0].Vocab
	r.blockFloats = min(max(limit/(16*4*n), vocab), mostRows*vocab)
	r.opt.MaxRAM = int64(max(1, (limit-programRAM)/n-4*r.blockFloats))
}

// groupEnd is where the group ends that begins with chunk c: all models have to have room for it, and a sequential
// run looks at its numbers where it would look with any memory.
func (r *run) groupEnd(c int, input [][]int32) int {
	end := min(r.number.until(r.nextLook(r.number.finished(c)), len(input)), len(input))
	for _, s := range r.sides {
		end = min(end, c+s.Model.Group(input[c:end], r.opt.Options))
	}
	return max(end, c+1)
}
