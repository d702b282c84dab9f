package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quern/calib"
	"quern/formats"
)

func calibrateCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:  "calibrate",
		Usage: "find out which inputs of a model are large, for quantize --imatrix",
		UsageText: "quern calibrate MODEL --text FILE [-o imatrix.gguf]\nquern calibrate --in FILE [--in FILE …] [-o OUT]\n" +
			"quern calibrate --in FILE --statistics",
		Description: "MODEL is a Hugging Face folder, a safetensors file or a GGUF. The text is run through it in chunks, as\n" +
			"llama-imatrix does it, and the squares of all inputs of its matrices are added up. FILE may be plain text,\n" +
			"or hold documents: " + strings.Join(calib.TextFormatNames(), ", ") + ". Importance matrices are read in llama.cpp's GGUF\n" +
			"format and in its older one. With --resume a run that was cut off goes on, to the same bytes.\n\n" +
			fmt.Sprintf("Experts of a mixture that fewer than %d tokens reach are reported; quantize weighs them by the mean of all\n", formats.RareTokens) +
			"experts of their layer. --min-expert-tokens makes them a failure with exit code 5.\n\n" +
			"Examples:\n" +
			"  quern calibrate model-F16.gguf --text calibration.txt -o imatrix.gguf\n" +
			"  quern calibrate ./model --text chats.jsonl --chunks 100 --resume\n" +
			"  quern calibrate --in one.gguf --in two.dat -o both.gguf     # add up\n" +
			"  quern calibrate --in imatrix.dat -o imatrix.gguf            # change the format",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", Usage: "text to run: `FILE`, or - for standard input"},
			&cli.StringFlag{Name: "text-format", Usage: "`NAME`: " + strings.Join(calib.TextFormatNames(), ", ") + " (default: by the ending of the file's name)"},
			&cli.StringFlag{Name: "field", Usage: "`NAME` of the field or column that holds the text or the messages"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write (default: imatrix.gguf)"},
			&cli.StringFlag{Name: "output-format", Usage: "gguf or dat (default: dat where the file's name ends in .dat)"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace the file if it is there"},
			&cli.StringSliceFlag{Name: "in", Usage: "add the importance matrix `FILE`; may be repeated"},
			&cli.BoolFlag{Name: "statistics", Usage: "print what is known of every tensor"},
			&cli.IntFlag{Name: "ctx", Value: calib.DefaultCtx, Usage: "tokens in a chunk"},
			&cli.IntFlag{Name: "chunks", Usage: "chunks at most (default: the whole text)"},
			&cli.IntFlag{Name: "from-chunk", Usage: "chunks to leave out at the beginning"},
			&cli.BoolFlag{Name: "process-output", Usage: "record the output head too, if it is not the embedding"},
			&cli.BoolFlag{Name: "parse-special", Usage: "text that spells a control token becomes that token"},
			&cli.Int64Flag{Name: "min-expert-tokens", Usage: "gate: every expert must be reached by `N` tokens"},
			&cli.BoolFlag{Name: "resume", Usage: "go on where a run for the same file was cut off"},
			&cli.IntFlag{Name: "save-every", Value: 10, Usage: "chunks between savings of what --resume needs; 0 for none"},
			modeFlag("exact"),
			modelMemoryFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
			preFlag(),
			threadsFlag(),
		},
		Action: func(c *cli.Context) error { return calibrateAction(c, ui) },
	}
}

// stateSuffix ends the name of the file that --resume reads.
const stateSuffix = ".quern-state"

// calibrated is the JSON form of the result.
type calibrated struct {
	Path       string                 `json:"path,omitempty"`
	Tensors    int                    `json:"tensors"`
	Chunks     int                    `json:"chunks"`
	ChunkSize  int                    `json:"chunk_size"`
	Datasets   []string               `json:"datasets"`
	Experts    []calib.Coverage       `json:"experts,omitempty"`
	Statistics []calib.Statistic      `json:"statistics,omitempty"`
	Layers     []calib.LayerStatistic `json:"layers,omitempty"`
	Failures   []string               `json:"failures,omitempty"`
}

func calibrateAction(c *cli.Context, ui *ui) error {
	if err := calibrateArgs(c); err != nil {
		return err
	}
	out, write, err := imatrixOut(c)
	if err != nil {
		return err
	}
	var list []*formats.Imatrix
	for _, name := range c.StringSlice("in") {
		m, err := formats.ReadImatrix(name)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	finish := func() {}
	if c.IsSet("text") {
		m, done, err := observe(c, ui, out)
		if err != nil {
			return err
		}
		list, finish = append(list, m), done
	}
	m, err := calib.Merge(chunkSize(c, list), list...)
	if err != nil {
		return err
	}
	if names := calib.Partial(list...); len(names) > 0 {
		ui.note("warning: %d tensors are not in all of the files, such as %s; are these of the same model?", len(names), printable(names[0]))
	}
	if write != nil {
		if err := write(out, m, c.Bool("force")); err != nil {
			return err
		}
		finish()
	}
	return showCalibrated(c, ui, out, m)
}

// chunkSize is --ctx, or what the files say where it is not given.
func chunkSize(c *cli.Context, list []*formats.Imatrix) int {
	for _, m := range list {
		if m.ChunkSize > 0 && !c.IsSet("ctx") && !c.IsSet("text") {
			return m.ChunkSize
		}
	}
	return c.Int("ctx")
}

// calibrateArgs checks what can be checked before anything is read.
func calibrateArgs(c *cli.Context) error {
	switch {
	case c.IsSet("text"):
		if err := exactArgs(c, "MODEL"); err != nil {
			return err
		}
	case len(c.StringSlice("in")) == 0:
		return usagef("quern calibrate needs --text FILE, or --in FILE")
	case c.NArg() > 0:
		return usagef("MODEL needs --text FILE; importance matrices go behind --in")
	}
	for _, name := range []string{"chunks", "from-chunk", "save-every"} {
		if c.Int(name) < 0 {
			return usagef("--%s must not be negative", name)
		}
	}
	if c.Int("ctx") < 16 || c.Int64("min-expert-tokens") < 0 {
		return usagef("--ctx must be at least 16, --min-expert-tokens not negative")
	}
	return nil
}

// imatrixOut is the file to write and how; how is nil where there is nothing to write but --statistics. A file that is in
// the way is found before any work.
func imatrixOut(c *cli.Context) (path string, write func(string, *formats.Imatrix, bool) error, err error) {
	path = c.String("output")
	if path == "" {
		if c.Bool("statistics") && !c.IsSet("text") {
			return "", nil, nil
		}
		path = "imatrix.gguf"
	}
	write = formats.WriteImatrix
	switch f := c.String("output-format"); {
	case f == "dat" || f == "" && strings.HasSuffix(path, ".dat"):
		write = formats.WriteImatrixDat
	case f != "" && f != "gguf":
		return "", nil, usagef("--output-format %s: want gguf or dat", f)
	}
	if _, err := os.Stat(path); err == nil && !c.Bool("force") {
		return "", nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return path, write, nil
}

// observe runs the text through the model. done removes what was kept for --resume, once the result is safe.
func observe(c *cli.Context, ui *ui, out string) (m *formats.Imatrix, done func(), err error) {
	opt, err := calibrateOptions(c)
	if err != nil {
		return nil, nil, err
	}
	docs, err := documents(c, ui)
	if err != nil {
		return nil, nil, err
	}
	s, err := calib.Open(c.Args().First(), c.String("pre"))
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	chunks, err := chunksOf(c, s, docs)
	if err != nil {
		return nil, nil, err
	}
	sums := s.Collector(c.Bool("process-output"))
	state := calib.State{Path: out + stateSuffix}
	if state.Key, err = s.Key(chunks, fmt.Sprintf("mode %v, output %v", opt.Mode, c.Bool("process-output"))); err != nil {
		return nil, nil, err
	}
	if opt.Done, err = resumed(c, ui, state, sums); err != nil {
		return nil, nil, err
	}
	saved := opt.Done
	opt.Save = func(done int) error {
		err := state.Save(sums, done)
		if err == nil {
			saved = done
		}
		return err
	}
	if err := runCalibration(c, ui, s, sums, chunks, opt); err != nil {
		if saved > 0 {
			ui.note("%d chunks are kept in %s: --resume goes on from there", saved, state.Path)
		}
		return nil, nil, err
	}
	if m, err = sums.Imatrix(); err != nil {
		return nil, nil, &formats.Error{File: c.Args().First(), Err: err}
	}
	m.Datasets, m.Chunks, m.ChunkSize = []string{filepath.Base(c.String("text"))}, len(chunks), c.Int("ctx")
	return m, func() { _ = os.Remove(state.Path) }, nil // it may not be there
}

func calibrateOptions(c *cli.Context) (opt calib.Options, err error) {
	if opt.Mode, err = mode(c); err != nil {
		return opt, err
	}
	if opt.Threads, err = threads(c); err != nil {
		return opt, err
	}
	opt.Every = c.Int("save-every")
	opt.MaxRAM, err = modelMemory(c)
	return opt, err
}

// chunksOf cuts documents as the command line says.
func chunksOf(c *cli.Context, s *calib.Subject, docs []calib.Document) ([][]int32, error) {
	tokens, err := s.Tokens(docs, c.Bool("parse-special"))
	if err != nil {
		return nil, err
	}
	cut := calib.Cutting{Ctx: c.Int("ctx"), First: c.Int("from-chunk"), Most: c.Int("chunks"), BOS: s.BOS}
	return cut.Chunks(tokens)
}

func runCalibration(c *cli.Context, ui *ui, s *calib.Subject, sums *calib.Collector, chunks [][]int32, opt calib.Options) error {
	began := time.Now()
	bar := ui.progress("calibrating", "chunks")
	opt.Progress = func(done, total int) { bar.setInt(done-opt.Done, total-opt.Done) } // what --resume brought took no time
	err := calib.Run(c.Context, s, sums, chunks, opt)
	bar.done()
	if err == nil {
		spent := time.Since(began).Seconds()
		ui.note("%.1f s, %.0f tokens/s", spent, float64((len(chunks)-opt.Done)*c.Int("ctx"))/max(spent, 1e-9))
	}
	return err
}

// documents reads the text.
func documents(c *cli.Context, ui *ui) ([]calib.Document, error) {
	name := c.String("text")
	var r io.Reader = ui.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	return calib.ReadText(r, name, c.String("text-format"), c.String("field"))
}

// resumed takes up what an earlier run kept, if --resume asks for it and there is something.
func resumed(c *cli.Context, ui *ui, state calib.State, sums *calib.Collector) (done int, err error) {
	if !c.Bool("resume") {
		return 0, nil
	}
	done, err = state.Load(sums)
	if errors.Is(err, fs.ErrNotExist) {
		ui.note("nothing was kept for --resume: the run starts anew")
		return 0, nil
	}
	if err == nil {
		ui.note("%d chunks are done already", done)
	}
	return done, err
}
