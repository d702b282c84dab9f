// Package bench measures what the machine can do and how near the kernels, the encoders and the forward pass come to that.
// Rates are the best of many short calls: what other programs take away does not count.
package bench

import (
	"context"
	"runtime"
	"sync"
	"time"

	"quern/internal/cpu"
	"quern/internal/model"
)

// Options of a run; the zero value is good.
type Options struct {
	Threads int           // 0: all processors
	Prompt  int           // tokens of a prompt, 0: 512
	Each    time.Duration // how long each figure is measured, 0: a tenth of a second
	Memory  int64         // the most that buffers take, 0: as much as caches call for
	Model   *model.Model  // measured too, if there is one
	MaxRAM  int64         // memory that it may take, 0: as model.Options has it
	Only    string        // a section: machine, products, encoders, decoders, layers; all when it is empty
	Say     func(section string)
}

// A Report is what was measured. Rates are of all threads together.
type Report struct {
	CPU     []string `json:"cpu"`
	Threads int      `json:"threads"`
	Prompt  int      `json:"prompt"`

	CopyGBs  float64 `json:"copy_gb_per_second,omitempty"`       // bytes read plus bytes written, from memory to memory
	Float32  float64 `json:"float32_peak_gflops,omitempty"`      // fused multiply-adds in registers, two operations each
	Int8     float64 `json:"int8_peak_gops,omitempty"`           // likewise
	Products []Rate  `json:"products,omitempty"`                 // in billions of operations a second
	Encoders []Coder `json:"encoders,omitempty"`                 //
	Decoders []Coder `json:"decoders,omitempty"`                 //
	Layers   []Layer `json:"layers,omitempty"`                   //
	Tokens   float64 `json:"prompt_tokens_per_second,omitempty"` // of the model
	Seconds  float64 `json:"prompt_seconds,omitempty"`           // for one prompt
	Mode     string  `json:"mode,omitempty"`                     // of the model's forward pass
}

// A Rate is a figure and what part of the machine's limit it is.
type Rate struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"`
	Part float64 `json:"part_of_peak"`
}

// A Coder is the speed of a storage type from memory to memory: of its default encoder and of llama-quantize's choices, from float32, of the default
// from bfloat16, or of decoding to float32. Parts are bytes read plus bytes written, of those that copying reads and writes in that time.
type Coder struct {
	Type     string  `json:"type"`
	Mweights float64 `json:"million_weights_per_second"`
	PartCopy float64 `json:"part_of_copy"`
	Ggml     float64 `json:"ggml_million_weights_per_second,omitempty"`
	GgmlPart float64 `json:"ggml_part_of_copy,omitempty"`
	BF16     float64 `json:"from_bf16_million_weights_per_second,omitempty"`
	BF16Part float64 `json:"from_bf16_part_of_copy,omitempty"`
}

// A Layer is the speed of one layer of a 1-billion-weights Llama over a prompt, in deploy mode.
type Layer struct {
	Type string  `json:"type"`
	Gops float64 `json:"gops"` // two for each weight and token
	Part float64 `json:"part_of_peak"`
}

// Run measures.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if opt.Threads <= 0 {
		opt.Threads = runtime.GOMAXPROCS(0)
	}
	if opt.Prompt <= 0 {
		opt.Prompt = 512
	}
	if opt.Each <= 0 {
		opt.Each = time.Second / 10
	}
	r := &Report{CPU: cpu.Features(), Threads: opt.Threads, Prompt: opt.Prompt}
	for _, s := range sections {
		if opt.Only != "" && opt.Only != s.name && s.name != "machine" || s.name == "model" && opt.Model == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if opt.Say != nil {
			opt.Say(s.name)
		}
		if err := s.run(ctx, r, opt); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// sections is the table of what is measured.
var sections = []struct {
	name string
	run  func(ctx context.Context, r *Report, opt Options) error
}{
	{"machine", machine},
	{"products", products},
	{"encoders", encoders},
	{"decoders", decoders},
	{"layers", layers},
	{"model", prompt},
}

// Sections are the names that Options.Only takes.
func Sections() (names []string) {
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

// rate is how often in a second all threads together call f: the best of rounds of equal length. make prepares one thread.
func rate(opt Options, make func() func()) float64 {
	fs := []func(){}
	for range opt.Threads {
		fs = append(fs, make())
	}
	fs[0]()
	calls := 1
	for { // a round takes about a tenth of the time
		if took := round(fs, calls); took > opt.Each/20 || calls > 1<<24 {
			calls = max(1, int(float64(calls)*float64(opt.Each/10)/float64(took)))
			break
		}
		calls *= 2
	}
	var best float64
	for end := time.Now().Add(opt.Each); best == 0 || time.Now().Before(end); {
		best = max(best, float64(calls*len(fs))/round(fs, calls).Seconds())
	}
	return best
}

// round calls every function so often, side by side, and returns how long that took.
func round(fs []func(), calls int) time.Duration {
	var done sync.WaitGroup
	began := time.Now()
	for _, f := range fs {
		done.Go(func() {
			for range calls {
				f()
			}
		})
	}
	done.Wait()
	return max(time.Since(began), 1)
}
