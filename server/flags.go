package main

import (
	"errors"
	"flag"
	"fmt"
)

// parse reads the arguments of a command, which takes as many as are named
// besides its flags. Unless ok, the command ends with the code.
func (p program) parse(flags *flag.FlagSet, args []string, names ...string) (code int, ok bool) {
	flags.SetOutput(p.errOut)
	flags.Usage = func() { p.usage(flags.Name()) }
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitClean, false
	case err != nil:
		return exitUsage, false // flags has said why
	case flags.NArg() < len(names):
		return p.misused("%s: %s is missing", flags.Name(), names[flags.NArg()]), false
	case flags.NArg() > len(names):
		return p.misused("%s: unexpected argument %q", flags.Name(), flags.Arg(len(names))), false
	}
	return exitClean, true
}

// usage prints how the command is called.
func (p program) usage(name string) {
	for _, c := range commands() {
		if c.name() == name {
			fmt.Fprintf(p.errOut, "Usage: server %s %s\n", name, c.args)
			paragraph(p.errOut, "  ", c.about)
		}
	}
}

// newFlags returns a command's flags; it is named as it is called.
func newFlags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }
