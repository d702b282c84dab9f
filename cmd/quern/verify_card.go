package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/internal/store"
	"quern/verify"
)

// cardName is the file of a folder that people read first.
const cardName = "README.md"

func cardFlag() cli.Flag {
	return &cli.BoolFlag{Name: "card", Usage: "write what was measured into the model card, " + cardName + ", of every --quant, which is a folder; the next run replaces it"}
}

// checkCards sees before hours of work that there will be a place for what is measured.
func (v *verifying) checkCards() error {
	if !v.c.Bool("card") {
		return nil
	}
	quants := v.quants()
	if len(quants) == 0 {
		return usagef("--card tells what a --quant lost: give --base or --baseline, and --quant")
	}
	for _, path := range quants {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return usagef("--card: %s is a file, and only folders have a model card", path)
		}
	}
	return nil
}

// quants are the paths of the models that are compared with a base.
func (v *verifying) quants() []string {
	if v.c.IsSet("baseline") {
		return v.paths
	}
	return v.paths[1:]
}

// writeCards puts the report into the cards of the models.
func (v *verifying) writeCards(rep *verify.Report) error {
	if !v.c.Bool("card") {
		return nil
	}
	text := "the baseline's text"
	if names := append(v.c.StringSlice("text"), v.c.StringSlice("chat")...); len(names) > 0 {
		for i := range names {
			names[i] = filepath.Base(names[i])
		}
		text = strings.Join(names, ", ")
	}
	quants := v.quants()
	for i, path := range quants {
		name := filepath.Join(path, cardName)
		card, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		section := rep.Card(len(rep.Models)-len(quants)+i, text)
		if err := store.WriteFile(store.Disk, name, []byte(verify.PutCard(string(card), section)), true); err != nil {
			return err
		}
		v.ui.note("%s tells what was measured", name)
	}
	return nil
}
