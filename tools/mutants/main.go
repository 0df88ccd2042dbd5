// Command mutants sabotages the product one line at a time, in a copy, and sees that some test
// notices. What no test notices is not tested.
//
//	go run ./mutants -root .. [-only REGEXP] [-jobs N]
//
// The sabotages are in list.go. One whose place is not in the code any more, or that does not
// compile, is as much a failure as one that survives: it has to follow the code.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// mutant is one sabotage: in a file, something that occurs there once is replaced.
type mutant struct {
	what     string // would happen, in words
	file     string
	from, to string
	tests    string // the packages of which some test must fail, and flags of go test, in the order of go test
}

func main() {
	root := flag.String("root", "..", "the module's folder")
	only := flag.String("only", "", "try only what a regular expression finds in its file or words")
	jobs := flag.Int("jobs", 2, "how many are tried at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *only, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, root, only string, jobs int) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	begun := time.Now()
	todo := make(chan mutant)
	var mu sync.Mutex
	var bad []string
	var all sync.WaitGroup
	for range jobs {
		dir, err := copyOf(ctx, root)
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		all.Go(func() {
			for m := range todo {
				begun := time.Now()
				verdict, ok := try(ctx, dir, m)
				mu.Lock()
				fmt.Printf("%-9s %5.1fs  %s: %s\n", verdict, time.Since(begun).Seconds(), m.file, m.what)
				if !ok {
					bad = append(bad, fmt.Sprintf("%s: %s: %s", verdict, m.file, m.what))
				}
				mu.Unlock()
			}
		})
	}
	tried := 0
	for _, m := range mutants {
		if ctx.Err() == nil && (wanted.MatchString(m.file) || wanted.MatchString(m.what)) {
			todo <- m
			tried++
		}
	}
	close(todo)
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(bad) > 0 {
		return fmt.Errorf("\n%d of %d sabotages were not noticed:\n%s", len(bad), tried, strings.Join(bad, "\n"))
	}
	fmt.Printf("\nall of %d sabotages were noticed, in %s\n", tried, time.Since(begun).Round(time.Second))
	return nil
}

// copyOf copies what git knows of the working tree.
func copyOf(ctx context.Context, root string) (string, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return "", err
	}
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(names), "\x00"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			return "", err
		}
		b, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// try applies a sabotage, runs its tests and takes it back.
func try(ctx context.Context, dir string, m mutant) (verdict string, noticed bool) {
	path := filepath.Join(dir, m.file)
	code, err := os.ReadFile(path)
	if err != nil || strings.Count(string(code), m.from) != 1 {
		return "no place", false
	}
	defer os.WriteFile(path, code, 0o644) //nolint:errcheck // the copy is thrown away
	if err := os.WriteFile(path, []byte(strings.Replace(string(code), m.from, m.to, 1)), 0o644); err != nil {
		return "unwritten", false
	}
	args := append([]string{"test", "-count=1", "-failfast", "-timeout", "5m"}, strings.Fields(m.tests)...)
	out := command(ctx, dir, "go", args...)
	switch {
	case out == nil:
		return "SURVIVED", false
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		return "uncompiled", false
	default:
		return "noticed", true
	}
}

// command returns what a command that fails says, or nil.
func command(ctx context.Context, dir, name string, args ...string) []byte {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	return append(out, '\n')
}
