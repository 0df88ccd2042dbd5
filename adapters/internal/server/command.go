package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"go.uber.org/fx"
)

// command is something that the binary does.
type command struct {
	name, arguments, does string
	run                   func(ctx context.Context, args []string, out streams) int
}

// streams are where a command writes: what was asked for, and what went wrong.
type streams struct{ out, err io.Writer }

// commands are all there are; the first is done when none is named. The service has the parts too.
func commands(parts ...fx.Option) []command {
	return []command{
		{"serve", "", "receive webhooks and provide machines; the default", func(ctx context.Context, args []string, out streams) int { return serveCommand(ctx, args, out, parts) }},
		{"check", "[--offline]", "try for real what the settings promise, and change nothing", checkCommand},
		{"explain", "JOB [--json] [--admin-addr HOST:PORT]", "say why a job is where it is; JOB is its id or its address at GitHub", explainCommand},
		{"status", "[--json] [--admin-addr HOST:PORT]", "say what every runner type is doing, and what holds it back", statusCommand},
		{"version", "", "say which version this is", versionCommand},
		{"help", "", "say this", helpCommand},
	}
}

// aliases are other spellings of commands.
var aliases = map[string]string{"--version": "version", "-version": "version", "--help": "help", "-help": "help", "-h": "help"}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main does what the arguments say, "serve" if they say nothing, writes to these two, and returns
// the exit code. The service has further parts, if any are given, beside its own.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, parts ...fx.Option) int {
	out := streams{stdout, stderr}
	name := commands()[0].name
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	for _, c := range commands(parts...) {
		if c.name == name {
			return c.run(ctx, args, out)
		}
	}
	return misuse(out, fmt.Sprintf("%q is not understood", name))
}

// misuse says in one line what was wrong and what there is.
func misuse(out streams, wrong string) int {
	names := make([]string, 0, len(commands()))
	for _, c := range commands() {
		names = append(names, strings.TrimSpace(c.name+" "+c.arguments))
	}
	fmt.Fprintf(out.err, "%s: there are %s; all settings are environment variables\n", wrong, strings.Join(names, ", "))
	return exitUsage
}

func helpCommand(_ context.Context, args []string, out streams) int {
	if len(args) > 0 {
		return misuse(out, fmt.Sprintf("help takes no arguments, and %q is one", args[0]))
	}
	fmt.Fprintln(out.out, "github-runner-provisioner provides one ephemeral machine for each GitHub Actions job that asks for it.")
	fmt.Fprintln(out.out)
	for _, c := range commands() {
		fmt.Fprintf(out.out, "  %-8s %s\n", c.name, c.does)
		if c.arguments != "" {
			fmt.Fprintf(out.out, "           %s %s\n", c.name, c.arguments)
		}
	}
	fmt.Fprintln(out.out)
	fmt.Fprintln(out.out, "All settings are environment variables: https://github.com/datawire/github-runner-provisioner#configuration")
	return exitOK
}

// parse reads the flags among a command's arguments, before and behind the others, of which there
// must be as many as it takes. It says what is wrong.
func parse(flags *flag.FlagSet, args []string, takes int) (rest []string, wrong error) {
	flags.SetOutput(io.Discard)
	for {
		if err := flags.Parse(args); err != nil {
			return nil, fmt.Errorf("%s: %w", flags.Name(), err)
		}
		if flags.NArg() == 0 {
			break
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(rest) > takes:
		return nil, fmt.Errorf("%s: %q is one argument too many", flags.Name(), rest[takes])
	case len(rest) < takes:
		return nil, errors.New(flags.Name() + ": an argument is missing")
	}
	return rest, nil
}
