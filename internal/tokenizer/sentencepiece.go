package tokenizer

import "math"

// spFile is tokenizer.model, SentencePiece's ModelProto, as far as it matters here. Numbers of fields, from
// sentencepiece_model.proto: pieces 1 {piece 1, score 2, type 3}; trainer_spec 2 {model_type 3,
// treat_whitespace_as_suffix 24, byte_fallback 35, unk_id 40, bos_id 41, eos_id 42, pad_id 43}; normalizer_spec 3
// {precompiled_charsmap 2, add_dummy_prefix 3, remove_extra_whitespaces 4, escape_whitespaces 5}.
type spFile struct {
	Pieces []spPiece

	ModelType          int
	Suffix, Fallback   bool
	Unk, BOS, EOS, Pad int

	Charsmap    []byte
	table       *charsmap // the same
	DummyPrefix bool
	RemoveExtra bool
	Escape      bool
}

// An spPiece's type is numbered as a GGUF token's is: normal 1, unknown 2, control 3, user-defined 4, unused 5, byte 6.
type spPiece struct {
	Text  string
	Score float32
	Type  int32
}

const ( // model_type
	spUnigram = 1
	spBPE     = 2
)

func readSentencePiece(data []byte) (*spFile, error) {
	f := &spFile{ModelType: 1, BOS: 1, EOS: 2, Pad: -1, DummyPrefix: true, RemoveExtra: true, Escape: true}
	err := fields(data, func(num int, _ uint64, msg []byte) error {
		switch num {
		case 1:
			p := spPiece{Type: Normal}
			err := fields(msg, func(num int, v uint64, text []byte) error {
				switch num {
				case 1:
					p.Text = string(text)
				case 2:
					p.Score = math.Float32frombits(uint32(v))
				case 3:
					p.Type = int32(v)
				}
				return nil
			})
			if err == nil && (p.Type < Normal || p.Type > Byte) {
				err = corrupt("piece %d is of the unknown type %d", len(f.Pieces), p.Type)
			}
			f.Pieces = append(f.Pieces, p)
			return err
		case 2:
			return fields(msg, f.trainer)
		case 3:
			return fields(msg, f.normalizer)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.Pieces) == 0 {
		return nil, corrupt("holds no pieces")
	}
	if f.ModelType != spBPE && f.ModelType != spUnigram {
		names := map[int]string{3: "word", 4: "char"}
		return nil, unsupported("SentencePiece models of the type %s cannot be read, only BPE and unigram", names[f.ModelType])
	}
	if f.table, err = readCharsmap(f.Charsmap); err != nil {
		return nil, err
	}
	if f.Suffix {
		return nil, unsupported("a SentencePiece model that treats white space as a suffix cannot be read")
	}
	return f, nil
}

func (f *spFile) trainer(num int, v uint64, _ []byte) error {
	switch num {
	case 3:
		f.ModelType = int(int32(v))
	case 24:
		f.Suffix = v != 0
	case 35:
		f.Fallback = v != 0
	case 40:
		f.Unk = int(int32(v))
	case 41:
		f.BOS = int(int32(v))
	case 42:
		f.EOS = int(int32(v))
	case 43:
		f.Pad = int(int32(v))
	}
	return nil
}

func (f *spFile) normalizer(num int, v uint64, data []byte) error {
	switch num {
	case 2:
		f.Charsmap = data
	case 3:
		f.DummyPrefix = v != 0
	case 4:
		f.RemoveExtra = v != 0
	case 5:
		f.Escape = v != 0
	}
	return nil
}
