package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// faults collects what is wrong with the settings.
type faults struct {
	order    []string // of the variables
	list     []fault
	misspelt []misspelt
}

type fault struct{ variable, text string }

func (f *faults) add(variable, format string, args ...any) {
	f.list = append(f.list, fault{variable, oneLine(fmt.Sprintf(format, args...))})
}

// missing adds the fault of a variable that is needed, and names the one that may have been meant
// to be it.
func (f *faults) missing(variable, format string, args ...any) {
	text := "missing: " + fmt.Sprintf(format, args...)
	if i := slices.IndexFunc(f.misspelt, func(m misspelt) bool { return m.meant == variable }); i >= 0 {
		text += "; " + f.misspelt[i].name + " is set: was this meant?"
	}
	f.add(variable, "%s", text)
}

// warnings are what is no fault and yet probably not what was meant.
func (f *faults) warnings() (list []string) {
	for _, m := range f.misspelt {
		list = append(list, m.String())
	}
	return list
}

// has reports whether the variable is known to be faulty, so that a fault is not followed by its
// consequences.
func (f *faults) has(variable string) bool {
	return slices.ContainsFunc(f.list, func(x fault) bool { return x.variable == variable })
}

// err returns all faults as one error, a line each, in the order of the variables, and after them
// the misspelt variables that none of them tells of; nil if there are no faults.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	sorted := slices.Clone(f.list)
	slices.SortStableFunc(sorted, func(a, b fault) int {
		return cmp.Compare(slices.Index(f.order, a.variable), slices.Index(f.order, b.variable))
	})
	told := func(m misspelt) bool {
		return slices.ContainsFunc(sorted, func(x fault) bool { return x.variable == m.meant && strings.Contains(x.text, m.name+" is set") })
	}
	return settingsError{sorted, slices.DeleteFunc(slices.Clone(f.misspelt), told)}
}

type settingsError struct {
	faults   []fault
	misspelt []misspelt
}

func (e settingsError) Error() string {
	var b strings.Builder
	if len(e.faults) == 1 {
		b.WriteString("1 fault in the settings:")
	} else {
		fmt.Fprintf(&b, "%d faults in the settings:", len(e.faults))
	}
	for _, f := range e.faults {
		fmt.Fprintf(&b, "\n  %s: %s", f.variable, f.text)
	}
	for _, m := range e.misspelt {
		fmt.Fprintf(&b, "\n  perhaps also: %s", m)
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
