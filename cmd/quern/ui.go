package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// ui holds every word that the program says. Results go to out; everything else, progress included, to err. Lines begin
// in lower case and end without a full stop.
type ui struct {
	in       io.Reader
	out, err io.Writer
	tty      bool // err is a terminal: progress may redraw
}

func newUI(in, out, err *os.File) *ui {
	tty := term.IsTerminal(int(err.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
	return &ui{in: in, out: out, err: err, tty: tty}
}

// fail prints an error once, with its hint on a line of its own.
func (u *ui) fail(err error) {
	msg := words(err)
	if errors.Is(err, errUsage) {
		msg = strings.TrimPrefix(msg, errUsage.Error()+": ")
	}
	fmt.Fprintf(u.err, "quern: %s\n", msg)
	if hint := advice(err); hint != "" {
		fmt.Fprintf(u.err, "hint: %s\n", hint)
	}
}

// note says something that is not the result.
func (u *ui) note(format string, a ...any) { fmt.Fprintf(u.err, format+"\n", a...) }

// say prints a line of the result.
func (u *ui) say(format string, a ...any) { fmt.Fprintf(u.out, format+"\n", a...) }

// json prints a result for scripts.
func (u *ui) json(v any) error {
	e := json.NewEncoder(u.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under headings; numbers are aligned right, of the columns given by index.
func (u *ui) table(head []string, rows [][]string, right ...int) {
	t := table.NewWriter()
	t.SetOutputMirror(u.out)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(cells(head))
	for _, r := range rows {
		t.AppendRow(cells(r))
	}
	var cfg []table.ColumnConfig
	for _, i := range right {
		cfg = append(cfg, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(cfg)
	t.Render()
}

func cells(s []string) table.Row {
	r := make(table.Row, len(s))
	for i, v := range s {
		r[i] = v
	}
	return r
}

// bytes prints a size in decimal units, as disks and hubs count.
func bytes(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// quote shows a word that came from a file: control characters cannot reach the terminal.
func quote(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// version is what the build recorded.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
