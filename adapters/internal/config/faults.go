package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// faults collects what is wrong with the settings.
type faults struct {
	order []string // of the variables
	list  []fault
}

type fault struct{ variable, text string }

func (f *faults) add(variable, format string, args ...any) {
	f.list = append(f.list, fault{variable, oneLine(fmt.Sprintf(format, args...))})
}

// has reports whether the variable is known to be faulty, so that a fault is not followed by its
// consequences.
func (f *faults) has(variable string) bool {
	return slices.ContainsFunc(f.list, func(x fault) bool { return x.variable == variable })
}

// err returns all faults as one error, a line each, in the order of the variables; nil if there are
// none.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	sorted := slices.Clone(f.list)
	slices.SortStableFunc(sorted, func(a, b fault) int {
		return cmp.Compare(slices.Index(f.order, a.variable), slices.Index(f.order, b.variable))
	})
	return settingsError(sorted)
}

type settingsError []fault

func (e settingsError) Error() string {
	var b strings.Builder
	if len(e) == 1 {
		b.WriteString("1 fault in the settings:")
	} else {
		fmt.Fprintf(&b, "%d faults in the settings:", len(e))
	}
	for _, f := range e {
		fmt.Fprintf(&b, "\n  %s: %s", f.variable, f.text)
	}
	return b.String()
}

// oneLine keeps a fault on its line, whatever error text it quotes.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// quote shows a value that is no secret, cut to a readable length.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%q...", string(r[:most]))
	}
	return fmt.Sprintf("%q", s)
}
