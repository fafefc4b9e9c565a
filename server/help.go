package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// help prints everything that there is to know at a shell.
func (p program) help(context.Context, []string) int {
	fmt.Fprintln(p.out, "Muster alerts trained first responders nearby when something happens.")
	fmt.Fprintln(p.out, "\nCommands:")
	for _, c := range commands() {
		fmt.Fprintf(p.out, "\n  %s\n", strings.Join(strings.Fields("server "+c.name()+" "+c.args), " "))
		paragraph(p.out, "      ", c.about)
	}
	fmt.Fprintln(p.out, "\nExit codes: 0 done, 1 failed, 2 wrong arguments or configuration.")
	fmt.Fprintln(p.out, "\nConfiguration, from the environment; an empty variable counts as unset:")
	for _, v := range variables() {
		fmt.Fprintf(p.out, "\n  %s%s\n", v.name, defaultNote(v))
		paragraph(p.out, "      ", v.about)
	}
	return exitClean
}

func defaultNote(v variable) string {
	if v.fallback == "" {
		return ""
	}
	return " (default " + v.fallback + ")"
}

// helpWidth is how many columns the help takes.
const helpWidth = 80

// paragraph writes the text in lines that begin with the indent.
func paragraph(w io.Writer, indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}
