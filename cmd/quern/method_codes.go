package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quern/calib"
	"quern/convert"
	"quern/formats"
	"quern/quantize"
)

// orders are the values of --order, and what the model card says of them.
var orders = map[string]struct {
	order quantize.Order
	title string
}{
	"groups":   {quantize.OrderGroups, "columns of groups with large inputs first"},
	"natural":  {quantize.OrderNatural, "columns in their order"},
	"static":   {quantize.OrderStatic, "columns with large inputs first, scales chosen before"},
	"desc-act": {quantize.OrderColumns, "columns with large inputs first, groups in that order"},
}

// codeMethodArgs checks the flags of methods that make codes for a folder.
func codeMethodArgs(c *cli.Context) error {
	if err := methodArgs(c); err != nil {
		return err
	}
	m := methods[c.String("method")]
	if !m.feeds && c.IsSet("order") {
		return usagef("--order goes with --method gptq")
	}
	if _, ok := orders[c.String("order")]; !ok {
		return usagef("--order %s: want groups, natural, static or desc-act", c.String("order"))
	}
	if m.title != "" && c.Bool("no-search") {
		return usagef("--no-search goes with --method nearest: the others choose scales by a search")
	}
	return nil
}

// codeMethodTitle is the method as the model card tells it; "" is rounding to nearest.
func codeMethodTitle(c *cli.Context) string {
	m := methods[c.String("method")]
	title := m.title
	switch {
	case title == "":
		return ""
	case m.feeds:
		title += fmt.Sprintf(", %s, damping %v", orders[c.String("order")].title, c.Float64("damp"))
	default:
		title += ": factors before weights with large inputs, ranges cut off where outputs change least"
	}
	if c.Bool("static") {
		title += ", for the inputs that unrounded layers make"
	}
	return title
}

// packByMethod makes the codes of a folder for the inputs that a text makes, and writes it.
func packByMethod(c *cli.Context, ui *ui, src *formats.Source, p *convert.Pack, opt convert.PackOptions, run convert.RunOptions) error {
	if _, err := os.Stat(p.Out); err == nil && !c.Bool("force") {
		return &formats.Error{Err: &fs.PathError{Op: "create", Path: p.Out, Err: fs.ErrExist}, Hint: "--force replaces it"}
	}
	how, ordered := methods[c.String("method")], orders[c.String("order")].order == quantize.OrderColumns
	if err := p.Order(ordered); err != nil {
		return err
	}
	s, chunks, err := subject(c, ui, src)
	if err != nil {
		return err
	}
	defer s.Model.Close()
	var factors *calib.Journal
	notes := []string{calibrationNote(c, chunks)}
	if how.folds {
		near := func() *quantize.Nearest {
			return &quantize.Nearest{Grid: p.Grid, Offsets: p.Offsets(), Round: p.Round(), Plain: true}
		}
		var folded *calib.Folded
		if folded, factors, err = fold(c, ui, s, chunks, p.Out, near, p.Matrices()); err != nil {
			return err
		}
		defer factors.Close()
		notes = append(notes, fmt.Sprintf("Factors at %d of %d places went into norms and matrices before; they leave %.0f %% of the loss of rounding to nearest.",
			folded.Gained, folded.Tried, 100*folded.Loss))
		out := p.Out
		if p, err = convert.NewPack(folded.Source, opt); err != nil {
			return err
		}
		if err := p.Order(ordered); err != nil {
			return err
		}
		p.Out = out
		if s, err = calib.Of(folded.Source, c.String("pre")); err != nil {
			return err
		}
		defer s.Model.Close()
	}
	r, err := codeRun(c, s, chunks, p, how)
	if err != nil {
		return err
	}
	defer r.Journal.Close()
	made, err := makeCodes(c, ui, s, chunks, r)
	if err != nil {
		return err
	}
	p.Notes = append(notes, codeNotes(made)...)
	if err := runPack(c, ui, p, run, made.Put); err != nil {
		return err
	}
	return removeJournals(r.Journal, factors)
}

// codeRun is the run that makes the codes of a plan.
func codeRun(c *cli.Context, s *calib.Subject, chunks [][]int32, p *convert.Pack, how method) (*calib.CodeRun, error) {
	r := &calib.CodeRun{Matrices: p.Matrices(), Grid: p.Grid, Offsets: p.Offsets(), Round: p.Round, Clip: !how.feeds, Order: orders[c.String("order")].order,
		Damp: c.Float64("damp"), Static: c.Bool("static")}
	var err error
	if r.Threads, err = threads(c); err != nil {
		return nil, err
	}
	if r.Mode, err = mode(c); err != nil {
		return nil, err
	}
	key, err := s.Key(chunks, fmt.Sprintf("codes 4, %s, %s %v, mode %v, damp %v, static %v, order %d, matrices %v", c.String("method"), p.TypeName(), p.Grid, r.Mode,
		r.Damp, r.Static, r.Order, r.Matrices))
	if err != nil {
		return nil, err
	}
	r.Journal, err = calib.OpenJournal(p.Out+journalSuffix, key, c.Bool("resume"))
	return r, err
}

// makeCodes runs the text through the model.
func makeCodes(c *cli.Context, ui *ui, s *calib.Subject, chunks [][]int32, r *calib.CodeRun) (*calib.CodeResult, error) {
	if n := r.Journal.Layers(); n > 0 {
		ui.note("%d layers are done already", n)
	}
	began := time.Now()
	bar := ui.progress("rounding", "layers")
	r.Layer = bar.setInt
	made, err := s.Codes(c.Context, chunks, r)
	bar.done()
	if err != nil {
		tellKept(ui, r.Journal)
		return nil, err
	}
	for _, m := range []struct {
		list []string
		what string
	}{{made.Damped, "needed more damping than --damp"}, {made.Filled, "of experts saw too few tokens, and were filled up"},
		{made.Nearest, "saw no inputs, and were rounded to nearest"}} {
		if len(m.list) > 0 {
			ui.note("%d matrices %s: %s", len(m.list), m.what, strings.Join(m.list[:min(4, len(m.list))], ", "))
		}
	}
	ui.note("%d matrices rounded by their inputs, from %d chunks of %d tokens, in %.1f s", made.Fed, len(chunks), c.Int("ctx"), time.Since(began).Seconds())
	return made, nil
}

// calibrationNote is the line of the model card that says what was calibrated with.
func calibrationNote(c *cli.Context, chunks [][]int32) string {
	return fmt.Sprintf("Calibrated with %d chunks of %d tokens of %s; SHA-256 of the tokens, as 32-bit integers: %s.",
		len(chunks), c.Int("ctx"), filepath.Base(c.String("text")), tokensSum(chunks))
}

// tokensSum is the SHA-256 of tokens.
func tokensSum(chunks [][]int32) string {
	h := sha256.New()
	for _, chunk := range chunks {
		_ = binary.Write(h, binary.LittleEndian, chunk) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// codeNotes are the lines that tell what inputs were too few.
func codeNotes(made *calib.CodeResult) (notes []string) {
	if n := len(made.Filled); n > 0 {
		notes = append(notes, fmt.Sprintf("%d matrices of experts saw fewer than two tokens for each of their columns; what was missing was filled up with the inputs of all experts, "+
			"or, for those that only they have, with their own as if columns were independent.", n))
	}
	if n := len(made.Nearest); n > 0 {
		notes = append(notes, fmt.Sprintf("%d matrices saw no inputs and were rounded to nearest.", n))
	}
	if n := len(made.Losses); n > 0 {
		mean, most := 0.0, made.Losses[0]
		for _, l := range made.Losses {
			if mean += l.Part / float64(n); l.Part > most.Part {
				most = l
			}
		}
		notes = append(notes, fmt.Sprintf("Rounding changes the products of %d matrices with the calibration's inputs by %.3g %% in the mean (squares of differences against squares), "+
			"most those of %s: %.3g %%.", n, 100*mean, most.Name, 100*most.Part))
	}
	return notes
}
