package main

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/verify"
)

// attributions is the table of ways to cut a model into parts: a flag for each.
var attributions = []struct{ flag, by, usage string }{
	{"per-tensor", verify.ByTensor, "show what each tensor loses: one at a time is taken from the quantized model"},
	{"per-role", verify.ByRole, "the same for each role, in all layers together"},
	{"per-layer", verify.ByLayer, "the same for each layer"},
}

func attributionFlags() []cli.Flag {
	var flags []cli.Flag
	for _, a := range attributions {
		flags = append(flags, &cli.BoolFlag{Name: a.flag, Usage: a.usage})
	}
	return flags
}

func (v *verifying) attributed() bool {
	return slices.ContainsFunc(attributions, func(a struct{ flag, by, usage string }) bool { return v.c.Bool(a.flag) })
}

// attribute measures the parts that were asked for, of every quantized model.
func (v *verifying) attribute(r *verify.Report) error {
	opt := v.opt
	opt.Protocol.Chunks = r.Protocol.Chunks
	for _, a := range attributions {
		if !v.c.Bool(a.flag) {
			continue
		}
		for i := 1; i < len(v.opened); i++ {
			bar := v.ui.progress("attributing "+v.sides[i].Name, "parts")
			swaps, err := verify.Attribute(v.c.Context, v.opened[0].src, v.opened[i].src, a.by, v.tokens, opt, bar.setInt)
			bar.done()
			if err != nil {
				return err
			}
			for j := range swaps {
				swaps[j].Model = v.sides[i].Name
			}
			r.Swaps = append(r.Swaps, swaps...)
		}
	}
	return nil
}

// mostParts is how many parts are listed.
const mostParts = 12

// printSwaps lists the parts that lose most, and draws a map of layers and roles for each model.
func printSwaps(ui *ui, swaps []verify.Swap) {
	if len(swaps) == 0 {
		return
	}
	order := slices.Clone(swaps)
	sort.SliceStable(order, func(i, j int) bool { return order[i].KLD.Value > order[j].KLD.Value })
	var rows [][]string
	for _, s := range order[:min(mostParts, len(order))] {
		rows = append(rows, []string{s.Model, s.Part, bytes(s.Bytes), fmt.Sprintf("%.6f", s.KLD.Value), fmt.Sprintf("[%.6f, %.6f]", s.KLD.Low, s.KLD.High),
			fmt.Sprintf("%.4g", s.KLD.Value/(float64(s.Bytes)/1e6))})
	}
	ui.table([]string{"model", "part", "size", "KL divergence", "95 % of draws", "per MB"}, rows, 2, 3, 4, 5)
	ui.say("")
	var models []string
	for _, s := range swaps {
		if !slices.Contains(models, s.Model) {
			models = append(models, s.Model)
		}
	}
	for _, m := range models {
		printMap(ui, m, swaps)
	}
}

// printMap draws layers to the right and roles downwards; shades follow the root of the loss, as in the page.
func printMap(ui *ui, model string, swaps []verify.Swap) {
	var roles []string
	layers, most := 0, 0.0
	at := map[[2]int]float64{}
	for _, s := range swaps {
		if s.Model != model || s.Layer < 0 || s.Role == "" {
			continue
		}
		i := slices.Index(roles, s.Role)
		if i < 0 {
			i, roles = len(roles), append(roles, s.Role)
		}
		layers, most = max(layers, s.Layer+1), max(most, s.KLD.Value)
		at[[2]int{i, s.Layer}] = s.KLD.Value
	}
	if layers == 0 || most == 0 {
		return
	}
	shades := []rune(" ·░▒▓█")
	ui.say("%s: layers 0 to %d; █ is %.3g nats", model, layers-1, most)
	for i, role := range roles {
		var line strings.Builder
		for l := range layers {
			line.WriteRune(shades[int(math.Round(math.Sqrt(max(0, at[[2]int{i, l}])/most)*float64(len(shades)-1)))])
		}
		ui.say("%14s |%s|", role, line.String())
	}
	ui.say("")
}
