package config

import (
	"maps"
	"slices"
	"strings"
)

// beside are the variables of ours that a binary reads by itself.
var beside = []string{"DEAD_LETTER_URL"}

// sdkPrefix begins the AWS SDK's own variables, of which there are too many to know them all.
const sdkPrefix = "AWS_"

// misspelt is a variable that is set, that nothing reads, and that is nearly one of ours.
type misspelt struct{ name, meant string }

func (m misspelt) String() string {
	return m.name + " is set, and nothing reads it: was " + m.meant + " meant?"
}

// findMisspelt returns those of the environment, sorted. It is strict, for an environment is full
// of variables of others.
func findMisspelt(environ map[string]string, ours []string) (list []misspelt) {
	ours = append(slices.Clone(ours), beside...)
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		if strings.TrimSpace(environ[name]) == "" || slices.Contains(ours, name) {
			continue
		}
		if meant := nearVariable(name, ours); meant != "" {
			list = append(list, misspelt{name, meant})
		}
	}
	return list
}

// lettersPerError is how many letters of a name there are for each that may be wrong: one wrong
// letter in LISTEN_ADDR, two in RECONCILE_INTERVAL, and WEBHOOK_HOST is not WEBHOOK_HOOK.
const lettersPerError = 6

// nearVariable returns the variable of ours that was meant by name, or "".
func nearVariable(name string, ours []string) string {
	best, found := "", 3
	for _, o := range ours {
		if strings.HasPrefix(name, sdkPrefix) != strings.HasPrefix(o, sdkPrefix) {
			continue
		}
		if d := distance(stem(name), stem(o)); d < found && d*lettersPerError <= len(stem(o)) {
			best, found = o, d
		}
	}
	return best
}

// stem is a name without what is easily taken for another: case, separators, plurals and a long
// form.
func stem(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	for i, w := range words {
		switch {
		case w == "address":
			words[i] = "addr"
		case strings.HasSuffix(w, "ies"):
			words[i] = strings.TrimSuffix(w, "ies") + "y"
		case len(w) > 3:
			words[i] = strings.TrimSuffix(w, "s")
		}
	}
	return strings.Join(words, "")
}
