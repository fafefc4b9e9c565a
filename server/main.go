// Command server is Muster in one program: the GraphQL server, a demonstration
// of it, and the few things that an operator does from a shell.
//
//	server            serves, on what the MUSTER_ variables configure
//	server demo       plays one incident, on made-up data
//	server help       explains all commands and variables
//
// Wiring, configuration and HTTP belong here. Whatever decides anything about
// responders, incidents or messages belongs to a domain package.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // districts have time zones, whatever the machine knows of them

	"github.com/musterhq/muster/store/sqlite"
)

// The exit codes.
const (
	exitClean   = 0
	exitFailure = 1
	// exitUsage is for wrong arguments and wrong configuration: starting again
	// without changing anything does not help.
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// From the first signal on, signals do what they always do: the second
	// one kills a process that does not end.
	context.AfterFunc(ctx, stop)
	p := program{environ: os.Environ(), out: os.Stdout, errOut: os.Stderr}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// program is what a command may use of the process that it runs in.
type program struct {
	environ     []string // as os.Environ returns it
	out, errOut io.Writer
}

// command is what the program can be asked to do.
type command struct {
	words []string // how it is called
	args  string   // what comes after that, for the help
	about string
	run   func(p program, ctx context.Context, args []string) int
}

// name is how the command is called, in one word or two; "" for serving.
func (c command) name() string { return strings.Join(c.words, " ") }

func commands() []command {
	return []command{
		{nil, "", "Serves the API until it gets SIGINT or SIGTERM.", program.serve},
		{[]string{"demo"}, "[--once] [--responders N] [--addr HOST:PORT]", "Plays one incident on made-up data, in a directory of its own, and keeps serving; with --once it ends, with 0 only if every step happened.", program.demo},
		{
			[]string{"admin", "create"}, "--phone PHONE --name NAME --unit CODE",
			"Makes the first administrator: the account, if there is none, and ADMIN on the unit. Can be repeated.", program.createAdmin,
		},
		{
			[]string{"units", "import"}, "FILE.csv",
			"Adds, renames and moves org units, from lines of code,name,level,parent or a list of the National Bureau of Statistics (code and name, UTF-8 or GB18030). Can be repeated.", program.importUnits,
		},
		{
			[]string{"keys", "rotate"}, "",
			"Signs tokens with a new key from now on. Servers that run notice by themselves; nobody is signed out.", program.rotateKeys,
		},
		{
			[]string{"export"}, "DIR",
			"Writes the embedded store into DIR, for mongorestore.", program.export,
		},
		{[]string{"help"}, "", "Prints this.", program.help},
	}
}

// run does what the arguments ask for and returns the exit code.
func (p program) run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		return p.serve(ctx, nil)
	}
	if asksForHelp(args[0]) {
		return p.help(ctx, nil)
	}
	for _, c := range commands() {
		if n := len(c.words); n > 0 && len(args) >= n && strings.Join(args[:n], " ") == c.name() {
			return c.run(p, ctx, args[n:])
		}
	}
	return p.misused("there is no command %q", strings.Join(args[:min(len(args), 2)], " "))
}

func asksForHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// demo is the demonstration, which reads its own arguments.
func (p program) demo(ctx context.Context, args []string) int {
	return runDemo(ctx, args, p.out, p.errOut)
}

// misused says what is wrong with the arguments.
func (p program) misused(format string, args ...any) int {
	p.complain(format, args...)
	fmt.Fprintln(p.errOut, "Run \"server help\" for all commands and variables.")
	return exitUsage
}

// failed says why a command could not do its work.
func (p program) failed(err error) int {
	p.complain("%v", err)
	if errors.Is(err, sqlite.ErrLocked) {
		p.complain("only one process can use a data directory: stop the other one first")
	}
	return exitFailure
}

func (p program) complain(format string, args ...any) {
	fmt.Fprintf(p.errOut, "server: "+format+"\n", args...)
}

// say is what a command did.
func (p program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }
