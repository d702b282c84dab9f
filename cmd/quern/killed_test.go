package main

import (
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// killed quern ARG…: the command is killed after a moment, and begun again, with a little more time each time, until it comes to its end.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	var kills int
	for patience := 100 * time.Millisecond; ; patience += patience / 2 {
		var said strings.Builder
		cmd := exec.Command(path, args[1:]...)
		cmd.Dir, cmd.Stderr, cmd.Env = ts.MkAbs("."), &said, append(os.Environ(), "PATH="+ts.Getenv("PATH"))
		ts.Check(cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				ts.Fatalf("%v after %d interruptions: %s", err, kills, said.String())
			}
			if kills < 4 {
				ts.Fatalf("it was too fast: killed %d times only", kills)
			}
			ts.Logf("killed %d times", kills)
			return
		case <-time.After(patience):
			_ = cmd.Process.Kill() // it may have ended just now; then the next one says how
			<-ended
			kills++
		}
	}
}
