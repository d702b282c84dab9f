package verify

import "fmt"

// A Sequence is tokens that stand by themselves, such as a conversation, and which of them count: Answer says of a token that it
// is to be predicted from those before it. The two are equally long, and the first token never counts.
type Sequence struct {
	Tokens []int32
	Answer []bool
}

// numbering gives every prediction that counts its number, in the order of the text. Sequences have as many as they like;
// the statistics want chunks of equally many, so what counts in one sequence after the other is cut into chunks (batches of
// neighbours, as in the method of batch means), and what does not fill the last one is left out.
type numbering struct {
	perChunk int
	total    int             // chunks
	begin    []int           // numbers of sequences, and of their end; nil: chunks of the protocol
	number   []map[int]int   // of the prediction made at a position of a sequence
	at       []sequencePlace // of a number
	protocol Protocol
}

type sequencePlace struct{ seq, pos int }

// number cuts the text: into chunks of tokens, or into the sequences that there are.
func (o *Options) number(tokens []int32) (n *numbering, input, text [][]int32, err error) {
	n = &numbering{perChunk: o.PerChunk(), protocol: o.Protocol}
	if o.Sequences == nil {
		input, text, err = o.Cut(tokens)
		n.total = len(text)
		return n, input, text, err
	}
	n.begin = []int{0}
	most := len(o.Sequences) * o.Ctx
	if o.Chunks > 0 {
		most = o.Chunks * n.perChunk
	}
	for i, s := range o.Sequences {
		if len(s.Tokens) > o.Ctx || len(s.Answer) != len(s.Tokens) {
			return nil, nil, nil, fmt.Errorf("sequence %d: %d tokens, %d marks, a context of %d", i+1, len(s.Tokens), len(s.Answer), o.Ctx)
		}
		if len(n.at) >= most {
			break
		}
		of := map[int]int{}
		for pos := 0; pos+1 < len(s.Tokens); pos++ {
			if s.Answer[pos+1] {
				of[pos] = len(n.at)
				n.at = append(n.at, sequencePlace{i, pos})
			}
		}
		n.begin, n.number = append(n.begin, len(n.at)), append(n.number, of)
		text = append(text, s.Tokens)
	}
	if len(n.at) < 2*n.perChunk {
		return nil, nil, nil, fmt.Errorf("%w: %d tokens of answers, at least %d are needed", ErrShort, len(n.at), 2*n.perChunk)
	}
	n.total = len(n.at) / n.perChunk
	if o.Chunks > 0 {
		n.total = min(n.total, o.Chunks)
	}
	return n, text, text, nil
}

// finished is how many chunks are complete when the first seqs sequences are.
func (n *numbering) finished(seqs int) int {
	if n.begin == nil {
		return seqs
	}
	return min(n.begin[seqs]/n.perChunk, n.total)
}

// until is how many sequences it takes to complete chunks, of seqs.
func (n *numbering) until(chunks, seqs int) int {
	if n.begin == nil {
		return chunks
	}
	for i, b := range n.begin {
		if b >= chunks*n.perChunk {
			return i
		}
	}
	return seqs
}

// of is the number of the prediction made at a position of a sequence, -1 where it does not count.
func (n *numbering) of(seq, pos int) int {
	if n.begin == nil {
		if !n.protocol.Scored(pos) {
			return -1
		}
		return seq*n.perChunk + pos - n.protocol.ctx()/2
	}
	if i, ok := n.number[seq][pos]; ok {
		return i
	}
	return -1
}

// place is where prediction number i was made.
func (n *numbering) place(i int) (seq, pos int) {
	if n.begin == nil {
		return i / n.perChunk, i%n.perChunk + n.protocol.ctx()/2
	}
	return n.at[i].seq, n.at[i].pos
}
