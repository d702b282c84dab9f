package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"quern/internal/store"
	"quern/verify"
)

func modelMemoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-ram", Usage: "use at most `SIZE` of memory beyond the page cache, such as 8GiB; layers are read from disk as they are needed (default: half of what is free)"}
}

// modelMemory is what --max-ram allows a run of models. The garbage collector knows the limit, too.
func modelMemory(c *cli.Context) (int64, error) {
	limit, err := sizeFlag(c, "max-ram")
	if err != nil || limit > 0 {
		if limit > 0 {
			debug.SetMemoryLimit(limit)
		}
		return limit, err
	}
	return store.FreeMemory() / 2, nil
}

// verifying reports where a verification is: at which chunks, and in which layer of which model.
func (p *progress) verifying(v verify.Progress) {
	at := fmt.Sprintf("chunks %d to %d", v.First, v.Last)
	if v.Model != "" {
		at += fmt.Sprintf(", %s, layer %d of %d", v.Model, v.Layer, v.Layers)
	}
	p.setAt(v.Done, v.Total, at)
}
