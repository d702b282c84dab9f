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
	if c.String("method") == "nearest" {
		if c.IsSet("order") {
			return usagef("--order goes with --method gptq")
		}
		return nil
	}
	if _, ok := orders[c.String("order")]; !ok {
		return usagef("--order %s: want groups, natural, static or desc-act", c.String("order"))
	}
	if c.Bool("no-search") {
		return usagef("--no-search goes with --method nearest: gptq chooses scales by a search")
	}
	return nil
}

// codeMethodTitle is the method as the model card tells it; "" is rounding to nearest.
func codeMethodTitle(c *cli.Context) string {
	if c.String("method") == "nearest" {
		return ""
	}
	title := fmt.Sprintf("GPTQ, %s, damping %v", orders[c.String("order")].title, c.Float64("damp"))
	if c.Bool("static") {
		title += ", for the inputs that unrounded layers make"
	}
	return title
}

// packByMethod makes the codes of a folder for the inputs that a text makes, and writes it.
func packByMethod(c *cli.Context, ui *ui, src *formats.Source, p *convert.Pack, run convert.RunOptions) error {
	if _, err := os.Stat(p.Out); err == nil && !c.Bool("force") {
		return &formats.Error{Err: &fs.PathError{Op: "create", Path: p.Out, Err: fs.ErrExist}, Hint: "--force replaces it"}
	}
	order := orders[c.String("order")].order
	if err := p.Order(order == quantize.OrderColumns); err != nil {
		return err
	}
	docs, err := documents(c, ui)
	if err != nil {
		return err
	}
	s, err := calib.Of(src, c.String("pre"))
	if err != nil {
		return err
	}
	defer s.Model.Close()
	chunks, err := chunksOf(c, s, docs)
	if err != nil {
		return err
	}
	r := &calib.CodeRun{Matrices: p.Matrices(), Grid: p.Grid, Offsets: p.Offsets(), Round: p.Round, Order: order,
		Damp: c.Float64("damp"), Static: c.Bool("static")}
	if r.Threads, err = threads(c); err != nil {
		return err
	}
	if r.Mode, err = mode(c); err != nil {
		return err
	}
	key, err := s.Key(chunks, fmt.Sprintf("gptq codes 1, %s, mode %v, damp %v, static %v, order %d, matrices %v", p.TypeName()+fmt.Sprint(p.Grid), r.Mode, r.Damp, r.Static, order, r.Matrices))
	if err != nil {
		return err
	}
	if r.Journal, err = calib.OpenJournal(p.Out+journalSuffix, key, c.Bool("resume")); err != nil {
		return err
	}
	defer r.Journal.Close()
	made, err := makeCodes(c, ui, s, chunks, r)
	if err != nil {
		return err
	}
	p.Notes = append(p.Notes, calibrationNotes(c, chunks, made)...)
	if err := runPack(c, ui, p, run, made.Put); err != nil {
		return err
	}
	return r.Journal.Remove()
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
		if r.Journal.Layers() > 0 {
			ui.note("%d layers are kept in %s: --resume goes on from there", r.Journal.Layers(), r.Journal.Dir)
		}
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
	ui.note("%d matrices rounded with feedback, from %d chunks of %d tokens, in %.1f s", made.Fed, len(chunks), c.Int("ctx"), time.Since(began).Seconds())
	return made, nil
}

// calibrationNotes are lines of the model card.
func calibrationNotes(c *cli.Context, chunks [][]int32, made *calib.CodeResult) []string {
	h := sha256.New()
	for _, chunk := range chunks {
		_ = binary.Write(h, binary.LittleEndian, chunk) // a hash takes everything
	}
	notes := []string{fmt.Sprintf("Calibrated with %d chunks of %d tokens of %s; SHA-256 of the tokens, as 32-bit integers: %s.",
		len(chunks), c.Int("ctx"), filepath.Base(c.String("text")), hex.EncodeToString(h.Sum(nil)))}
	if n := len(made.Filled); n > 0 {
		notes = append(notes, fmt.Sprintf("%d matrices of experts saw fewer than two tokens for each of their columns; what was missing was filled up with the inputs of all experts, "+
			"or, for those that only they have, with their own as if columns were independent.", n))
	}
	if n := len(made.Nearest); n > 0 {
		notes = append(notes, fmt.Sprintf("%d matrices saw no inputs and were rounded to nearest.", n))
	}
	return notes
}
