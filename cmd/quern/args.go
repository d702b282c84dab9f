package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/formats"
)

// permute moves flags in front of the positional arguments of a command, since the cli library takes a flag that follows
// one for another positional argument, silently. What follows "--" stays as it is.
func permute(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	name, rest := args[1], args[2:]
	cmd := app.Command(name)
	if cmd == nil {
		return args, nil
	}
	path := []string{args[0], name}
	if len(rest) > 0 {
		if sub := subcommand(cmd, rest[0]); sub != nil {
			cmd, path, name, rest = sub, append(path, rest[0]), name+" "+rest[0], rest[1:]
		}
	}
	takes := valueFlags(cmd)
	var flags, words []string
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		switch {
		case a == "--":
			words = append(words, rest[i+1:]...)
			i = len(rest)
		case len(a) < 2 || a[0] != '-':
			words = append(words, a)
		default:
			flags = append(flags, a)
			flag, _, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
			needs, known := takes[flag]
			if !known {
				return nil, noFlag(name, flag, a, takes)
			}
			if has || !needs {
				continue
			}
			if i++; i == len(rest) {
				return nil, usagef("flag %s needs a value", a)
			}
			flags = append(flags, rest[i])
		}
	}
	out := append(path, flags...)
	return append(append(out, "--"), words...), nil
}

// noFlag is the error of a flag that a command does not have.
func noFlag(command, flag, typed string, have map[string]bool) error {
	var names []string
	for n := range have {
		if len(n) > 1 {
			names = append(names, "--"+n)
		}
	}
	sort.Strings(names)
	return &formats.Error{Err: usagef("quern %s has no flag %s", command, typed), Hint: meant("--"+flag, names, "quern "+command+" --help shows them")}
}

// noCommand is the error of a command that there is not.
func noCommand(within, typed string, have []*cli.Command) error {
	var names []string
	for _, c := range have {
		names = append(names, c.Name)
	}
	return &formats.Error{Err: usagef("there is no command %s %s", within, quote(typed)), Hint: meant(typed, names, within+" --help shows them")}
}

// subcommand finds one by its name, or returns nil.
func subcommand(cmd *cli.Command, name string) *cli.Command {
	for _, s := range cmd.Subcommands {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// valueFlags maps the names of a command's flags to whether a value follows.
func valueFlags(cmd *cli.Command) map[string]bool {
	takes := map[string]bool{"help": false, "h": false}
	for _, f := range cmd.Flags {
		d, ok := f.(cli.DocGenerationFlag)
		for _, n := range f.Names() {
			takes[n] = ok && d.TakesValue()
		}
	}
	return takes
}

// usagef is an error about the command line: exit code 2.
func usagef(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, a...))
}

// misused is the error of a command that was called the wrong way.
func misused(c *cli.Context, format string, a ...any) error {
	return &formats.Error{Err: usagef("quern %s %s", c.Command.Name, fmt.Sprintf(format, a...)), Hint: "quern " + c.Command.Name + " --help shows examples"}
}

// needs checks that a flag was given. The library's own check cannot be told apart from other errors.
func needs(c *cli.Context, flag string) error {
	if !c.IsSet(flag) {
		return misused(c, "needs --%s", flag)
	}
	return nil
}

// exactArgs checks the number of positional arguments.
func exactArgs(c *cli.Context, want ...string) error {
	if c.NArg() != len(want) {
		return misused(c, "takes %s, %d given", strings.Join(want, " "), c.NArg())
	}
	return nil
}
