// Command quern converts LLM checkpoints between formats, quantizes them, and proves what the quantization cost.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/internal/cpu"
	"quern/internal/model"
	"quern/internal/store"
	"quern/internal/tokenizer"
)

// Exit codes, as README and the man page list them.
const (
	exitOK          = 0
	exitOther       = 1
	exitUsage       = 2
	exitCorrupt     = 3
	exitUnsupported = 4
	exitGate        = 5
	exitSpace       = 6
	exitInterrupted = 130
)

func main() {
	restGC()
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: testscript calls it too.
func run(args []string, stdin *os.File, stdout, stderr *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ui := newUI(stdin, stdout, stderr)
	app := newApp(ui)
	args, err := permute(app, args)
	if e := cpu.Check(); e != nil {
		err = usagef("%v", e)
	}
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		ui.fail(errors.New("interrupted; nothing was left under the output's name"))
		return exitInterrupted
	}
	if err != nil {
		ui.fail(err)
	}
	return exitCode(err)
}

// commands is the table of subcommands: one file each.
func commands(ui *ui) []*cli.Command {
	return []*cli.Command{
		convertCommand(ui), exportCommand(ui), loraCommand(ui), quantizeCommand(ui), calibrateCommand(ui), verifyCommand(ui), inspectCommand(ui), tokenizeCommand(ui), logitsCommand(ui),
		checkCommand(ui), reportCommand(ui), diffCommand(ui), scoreCommand(ui), benchCommand(ui), demoCommand(ui),
	}
}

func newApp(ui *ui) *cli.App {
	app := &cli.App{
		Name:    "quern",
		Usage:   "convert LLM checkpoints, quantize them, and prove what it cost",
		Version: version(),
		Description: "Exit codes: 0 ok, 1 other, 2 usage, 3 corrupt input, 4 unsupported, 5 quality gate failed,\n" +
			"6 out of space or memory budget, 130 interrupted.",
		Commands:                  commands(ui),
		Reader:                    ui.in,
		Writer:                    ui.out,
		ErrWriter:                 ui.err,
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return noCommand("quern", c.Args().First(), c.App.Commands)
			}
			return cli.ShowAppHelp(c)
		},
	}
	setUp(app.Commands)
	return app
}

// setUp gives commands what all have in common.
func setUp(all []*cli.Command) {
	for _, c := range all {
		c.OnUsageError, c.HideHelpCommand = onUsageError, true
		setUp(c.Subcommands)
	}
}

// A default of nothing is not worth showing in help.
func init() {
	full := cli.FlagStringer
	nothing := strings.NewReplacer(" (default: false)", "", " (default: 0)", "")
	cli.FlagStringer = func(f cli.Flag) string { return nothing.Replace(full(f)) }
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usagef("%v", err) }

// errUsage is inside every error about the command line itself.
var errUsage = errors.New("usage")

// errGate is inside the error of a quality gate that failed.
var errGate = errors.New("quality gate failed")

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage), errors.Is(err, convert.ErrOption):
		return exitUsage
	case errors.Is(err, errGate):
		return exitGate
	case errors.Is(err, convert.ErrMemory), errors.Is(err, model.ErrMemory), errors.Is(err, store.ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return exitSpace
	case errors.Is(err, formats.ErrCorrupt), errors.Is(err, tokenizer.ErrCorrupt):
		return exitCorrupt
	case errors.Is(err, formats.ErrUnsupported), errors.Is(err, tokenizer.ErrUnsupported):
		return exitUnsupported
	}
	return exitOther
}

// threadsFlag is shared by every command that computes.
func threadsFlag() cli.Flag {
	return &cli.IntFlag{Name: "threads", Aliases: []string{"t"}, Value: runtime.NumCPU(), Usage: "number of workers; the result does not depend on it"}
}

func threads(c *cli.Context) (int, error) {
	n := c.Int("threads")
	if n < 1 || n > 1024 {
		return 0, usagef("--threads %d: want 1 to 1024", n)
	}
	return n, nil
}
