package config

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// rootURL returns the root of an API without a slash at its end.
func rootURL(variable, text string, f *faults) string {
	checkURL(variable, text, f)
	return strings.TrimRight(text, "/")
}

// checkURL wants an absolute http(s) URL. It does not quote what it refuses, which may hold a
// password.
func checkURL(variable, text string, f *faults) {
	if wrong := wrongURL(text); wrong != "" {
		f.add(variable, "%s", wrong)
	}
}

func wrongURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "not an absolute http(s) URL: write it like https://host.example/path"
	case u.User != nil:
		return "has a user name in it: credentials have their own variables"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "has a query or fragment: write the URL up to its path only"
	}
	return ""
}

// checkHeader refuses a token that can't be sent in a header, such as one pasted with a line break,
// before every call fails with it.
func checkHeader(variable string, token provisioner.Secret, f *faults) {
	if f.has(variable) {
		return
	}
	if strings.ContainsFunc(token.Reveal(), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII }) {
		f.add(variable, "not a token: it has blanks, line breaks or characters beyond ASCII in it")
	}
}
