package fakehttp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

// Quotation is a way in which a server may repeat a request, for [Fault.Quote].
type Quotation struct {
	Name  string
	Quote func(request string) string
}

// Quotes are those that have been met, and some that may be. What refuses them all repeats nothing
// of what it sent.
func Quotes() []Quotation {
	return []Quotation{
		{"as it is", func(s string) string { return s }},
		{"in JSON", inJSON},
		{"in JSON in JSON", func(s string) string { return inJSON(inJSON(s)) }},
		{"in a URL", url.QueryEscape},
		{"in a path in a URL", func(s string) string { return url.QueryEscape(url.PathEscape(s)) }},
		{"in XML", html.EscapeString},
		{"in base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
		{"in base64 for URLs", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
		{"in lines of base64", func(s string) string { return pieces(base64.StdEncoding.EncodeToString([]byte("x"+s)), 35, "\r\n") }},
		{"in hexadecimal digits", func(s string) string { return hex.EncodeToString([]byte(s)) }},
		{"in lines", func(s string) string { return pieces(s, 13, "\n") }},
		{"cut to pieces", func(s string) string { return pieces(s, 37, " [...] ") }},
		{"its end", func(s string) string { return s[len(s)*9/10:] }},
	}
}

// InTurn returns a [Fault.Quote] that goes through all of [Quotes], and then through them from the
// middle of the request on: a cloud's client may keep the beginning of a message alone.
func InTurn() func(request string) string {
	var calls atomic.Int64
	return func(request string) string {
		n := int(calls.Add(1) - 1)
		all := Quotes()
		if n/len(all)%2 == 1 {
			request = request[len(request)/2:]
		}
		return all[n%len(all)].Quote(request)
	}
}

// inJSON escapes slashes and plus signs too, as servers may.
func inJSON(s string) string {
	b, _ := json.Marshal(s) // a string's has no error
	return strings.NewReplacer("/", `\/`, "+", `\u002b`).Replace(string(b))
}

func pieces(s string, size int, between string) string {
	var all []string
	for piece := range slices.Chunk([]byte(s), size) {
		all = append(all, string(piece))
	}
	return strings.Join(all, between)
}
