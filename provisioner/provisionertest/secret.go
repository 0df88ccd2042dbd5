package provisionertest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"unicode"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// shown is how many characters of a secret make a text show it.
const shown = 16

// Shows reports whether a text has 16 characters in a row of a secret, or all of a shorter one: as
// they are, in base64, in hexadecimal digits, or escaped as in JSON and URLs. Blanks and line
// breaks hide nothing.
func Shows(text string, secret provisioner.Secret) bool {
	text, s := dense(text), dense(secret.Reveal())
	length := min(shown, len(s))
	if length == 0 || len(text) < length {
		return false
	}
	has := partsOf(text)
	for _, spelling := range spellings() {
		whole, at := make([]byte, 0, len(s)), make([]int, 0, len(s)+1) // where the characters begin
		for i := range len(s) {
			at = append(at, len(whole))
			whole = append(whole, spelling[s[i]]...)
		}
		at = append(at, len(whole))
		if anyOf(len(s), length, func(from, to int) bool { return has(whole[at[from]:at[to]]) }) {
			return true
		}
	}
	for shift := range min(3, len(s)) { // where it begins within base64's groups of three bytes is not known
		whole := s[shift : shift+(len(s)-shift)/3*3]
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.AppendEncode(nil, []byte(whole))
			window := min(length/3*4, len(encoded))
			if window >= 8 && anyOf(len(encoded), window, func(from, to int) bool { return has(encoded[from:to]) }) {
				return true
			}
		}
	}
	return false
}

// anyOf reports whether it has any part of a length. Each such part holds a half that begins at a
// multiple of half the length, so it looks for these first.
func anyOf(size, length int, has func(from, to int) bool) bool {
	half := max(length/2, 1)
	for i := 0; i+half <= size; i += half {
		if !has(i, i+half) {
			continue
		}
		for from := max(i+half-length, 0); from <= i && from+length <= size; from++ {
			if has(from, from+length) {
				return true
			}
		}
	}
	return false
}

// partsOf returns what tells whether a text has a part.
func partsOf(text string) func(part []byte) bool {
	parts := map[int]map[string]struct{}{} // by their length
	return func(part []byte) bool {
		n := len(part)
		if n > len(text) {
			return false
		}
		if parts[n] == nil {
			parts[n] = make(map[string]struct{}, len(text))
			for i := range len(text) - n + 1 {
				parts[n][text[i:i+n]] = struct{}{}
			}
		}
		_, ok := parts[n][string(part)]
		return ok
	}
}

// spellings are what each byte may be written as.
var spellings = sync.OnceValue(func() (all [][256]string) {
	for _, spell := range spell {
		var s [256]string
		for c := range s {
			s[c] = spell(string([]byte{byte(c)}))
		}
		all = append(all, s)
	}
	return all
})

// spell writes a byte.
var spell = []func(string) string{
	func(c string) string { return c },
	url.QueryEscape,
	url.PathEscape,
	func(c string) string { return hex.EncodeToString([]byte(c)) },
	func(c string) string { return fmt.Sprintf("%02X", c) },
	func(c string) string { return fmt.Sprintf("%%%02X", c) },
	func(c string) string { return fmt.Sprintf("%%%02x", c) },
	func(c string) string { return fmt.Sprintf(`\u%04x`, c[0]) },
	func(c string) string { return fmt.Sprintf(`\x%02x`, c) },
	quoted,
	func(c string) string { return strings.ReplaceAll(quoted(c), "/", `\/`) },
	func(c string) string { return quoted(quoted(c)) },
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func dense(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}
