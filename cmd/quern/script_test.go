package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"quern/testdata"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"quern": main}) }

// TestScripts runs the program as its users do. $TINY is the embedded model as a Hugging Face folder, $HELDOUT its text, $SEEING a
// model that sees around it.
// The command exits CODE CMD … demands an exit code.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	tiny, text := filepath.Join(dir, "tiny"), filepath.Join(dir, "heldout.txt")
	if err := testdata.Tiny(tiny); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, testdata.HeldOut(), 0o644); err != nil {
		t.Fatal(err)
	}
	sees := filepath.Join(dir, "sees")
	seeing(t, tiny, sees)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TINY", tiny)
			e.Setenv("HELDOUT", text)
			e.Setenv("SEEING", sees)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "damage": damage, "spoil": spoil, "killed": killed,
			"adapter": adapter},
	})
}

// exits CODE CMD ARG…: the command must end with this code; what it printed goes to the files out and err.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	out, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	defer errs.Close()
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), out, errs
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	_ = cmd.Run() // the code is what counts
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		said, _ := os.ReadFile(ts.MkAbs("err"))
		ts.Fatalf("exit code %s, want %s: %s", got, args[0], said)
	}
}

// damage FILE cut N | flip N: the file loses its last N bytes, or byte N is inverted.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	var n int
	_, err = fmt.Sscan(args[2], &n)
	ts.Check(err)
	switch args[1] {
	case "cut":
		b = b[:len(b)-n]
	case "flip":
		b[n] ^= 0xff
	}
	ts.Check(os.WriteFile(name, b, 0o644))
}
