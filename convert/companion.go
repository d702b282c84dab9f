package convert

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strings"

	"quern/quantize"
)

// companioned are the weights beside which llama.cpp looks for a tensor of that name that ends in .scale, in any family.
var companioned = regexp.MustCompile(`^blk\.\d+\.(attn_(q|k|v|qkv|gate|output)|ffn_(gate|up|down)(_exps|_shexp)?)\.weight$`)

// accompany decides what stands beside a tensor: what stands beside it in the source, if its bytes are copied; the factor that its
// type wants, if runtimes look for one.
func (p *Plan) accompany(s *Step) {
	if s.Copy {
		s.scale = s.tensor.Scale
	} else if s.to.Factor != 0 && p.effort != quantize.EffortGgml && companioned.MatchString(s.Name) && !p.named[companionOf(s.Name)] {
		s.factor = s.to.Factor
		matrices := 1
		for _, d := range s.Shape[:len(s.Shape)-2] {
			matrices *= d
		}
		for range matrices {
			s.scale = append(s.scale, s.factor)
		}
	}
	if s.scale == nil {
		return
	}
	s.Companion = companionOf(s.Name)
	f32 := quantize.ByName("F32")
	p.companions = append(p.companions, Step{Name: s.Companion, Shape: []int{len(s.scale)}, Type: f32.Name, Bytes: int64(4 * len(s.scale)), to: f32, scale: s.scale})
}

// companionOf is the name of what stands beside a weight. Some families have a tensor of that name of their own.
func companionOf(weight string) string { return strings.TrimSuffix(weight, ".weight") + ".scale" }

// entries are all tensors of the file.
func (p *Plan) entries() []Step { return append(p.Steps[:len(p.Steps):len(p.Steps)], p.companions...) }

// divided copies weights, divided by a power of two.
func divided(dst, w []float32, by float32) []float32 {
	dst = grow(dst, len(w))
	for i, v := range w {
		dst[i] = v / by
	}
	return dst
}

func floatBytes(x []float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// times says what stands beside a tensor.
func (s *Step) times() string {
	if len(s.scale) == 1 {
		return fmt.Sprintf("times %g in %s", s.scale[0], s.Companion)
	}
	return "times the numbers in " + s.Companion
}
