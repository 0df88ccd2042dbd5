package provisioner

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxTold is the most of a server's words that an error repeats, in bytes.
const maxTold = 500

// Redact makes a server's words fit for errors and logs: it takes out what may be secret in them,
// puts the rest on one line, and cuts it at 500 bytes. A server, or a proxy before it, may quote
// the request that it refuses.
//
// The secrets that were sent are taken out whether they are there as they are, in base64, in
// hexadecimal digits, or escaped as in JSON, URLs or XML, several of these on top of each other,
// and across line breaks; and so is every part of 16 characters or more. What else looks like a
// credential, 40 characters or more that nobody could read out, is taken out too.
func Redact(text string, secrets ...Secret) string {
	var b strings.Builder
	end := 0
	for _, s := range newSearch(text, secrets).find() {
		b.WriteString(text[end:s.from])
		b.WriteString(redacted)
		end = s.to
	}
	b.WriteString(text[end:])
	return cut(oneLine(b.String()))
}

// RedactError hides what [Redact] takes out of the text of an error. [errors.Is] and [errors.As]
// find in it what they find in err, but nothing unwraps it. It returns nil for nil.
func RedactError(err error, secrets ...Secret) error {
	if err == nil {
		return nil
	}
	return &redactedError{text: Redact(err.Error(), secrets...), err: func() error { return err }}
}

type redactedError struct {
	text string
	err  func() error // a function, because fmt prints what is in an error
}

// Error implements error.
func (e *redactedError) Error() string { return e.text }

// Is implements what [errors.Is] asks for.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err(), target) }

// As implements what [errors.As] asks for.
func (e *redactedError) As(target any) bool { return errors.As(e.err(), target) }

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}

func cut(s string) string {
	if len(s) <= maxTold {
		return s
	}
	return strings.ToValidUTF8(s[:maxTold], "") + "..."
}

// longWord is the length from which a word may be a credential: GitHub's shortest have 40
// characters.
const longWord = 40

// words finds what looks like a credential, known or not.
func words(l layer) (found []span) {
	for from := 0; from < len(l.text); {
		to := from
		for to < len(l.text) && inWord(l.text[to]) {
			to++
		}
		if to-from >= longWord && !readable(string(l.text[from:to])) {
			found = append(found, span{l.at[from].from, l.at[to-1].to})
		}
		from = to + 1
	}
	return found
}

// inWord takes both alphabets of base64 and the dots in GitHub's newer tokens for parts of a word.
func inWord(c byte) bool { return isAlphanumeric(rune(c)) || strings.IndexByte("-_+/=.", c) >= 0 }

func isAlphanumeric(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// readable reports whether a long word is made of what people and clouds name things by: the paths
// of documentation, of images and of roles, host names, and the ids in them.
func readable(word string) bool {
	parts := strings.FieldsFunc(word, func(r rune) bool { return !isAlphanumeric(r) })
	return !slices.ContainsFunc(parts, func(part string) bool { return !readablePart(part) })
}

// The lengths up to which a part of a name is no credential. The longest ids of EC2 have 17 digits.
const (
	readsAnyway  = 6
	readsAsID    = 17
	readsAsWord  = 20
	readsAsWords = 36
)

// joinedWords are words without a blank, such as AWSReservedSSO or GitHubRunnerRole2.
var joinedWords = regexp.MustCompile(`^[A-Z]{0,4}[a-z]*(?:[A-Z][a-z]{2,})*[A-Z]{0,4}[0-9]{0,4}$`)

func readablePart(s string) bool {
	letters := strings.Trim(s, "0123456789")
	oneCase := s == strings.ToLower(s) || s == strings.ToUpper(s)
	switch {
	case len(s) <= readsAnyway:
		return true
	case letters == "" || oneCase && len(letters) == len(s):
		return len(s) <= readsAsWord
	case oneCase:
		return len(s) <= readsAsID
	default:
		return len(s) <= readsAsWords && joinedWords.MatchString(s)
	}
}
