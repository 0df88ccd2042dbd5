package provisioner_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

var alphabets = []string{
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
	"0123456789abcdef",
	"!\"#$%&'()*+,-./0123456789:;<=>?@ABC[\\]^_`abcnrtuxyz{|}~",
	"%25\\u002b&amp;", // made of escapes
}

// quotation is a secret in some encodings. Each of its bytes knows the character of the secret that
// it is for.
type quotation struct {
	text []byte
	at   []int
}

func (q *quotation) add(at int, text string) {
	for i := range len(text) {
		q.text, q.at = append(q.text, text[i]), append(q.at, at)
	}
}

// each writes every byte another way.
func (q quotation) each(write func(c byte) string) (out quotation) {
	for i, c := range q.text {
		out.add(q.at[i], write(c))
	}
	return out
}

// digits writes groups of bits.
func (q quotation) digits(bits int, text string) (out quotation) {
	for i := range len(text) {
		out.add(q.at[min(i*bits/8, len(q.at)-1)], text[i:i+1])
	}
	return out
}

var encodings = []func(quotation, *rand.Rand) quotation{
	func(q quotation, _ *rand.Rand) quotation { return q },
	func(q quotation, _ *rand.Rand) quotation {
		return q.digits(6, base64.StdEncoding.EncodeToString(q.text))
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.digits(6, base64.RawURLEncoding.EncodeToString(q.text))
	},
	func(q quotation, _ *rand.Rand) quotation { return q.digits(4, hex.EncodeToString(q.text)) },
	func(q quotation, _ *rand.Rand) quotation {
		return q.digits(4, strings.ToUpper(hex.EncodeToString(q.text)))
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.each(func(c byte) string { return url.PathEscape(string(rune(c))) })
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.each(func(c byte) string { return fmt.Sprintf("%%%02x", c) })
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.each(func(c byte) string {
			b, _ := json.Marshal(string(rune(c)))
			return strings.ReplaceAll(string(b[1:len(b)-1]), "/", `\/`)
		})
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.each(func(c byte) string { return fmt.Sprintf(`\u%04X`, c) })
	},
	func(q quotation, _ *rand.Rand) quotation {
		return q.each(func(c byte) string {
			if strings.IndexByte("&<>+/=", c) >= 0 {
				return fmt.Sprintf("&#%d;", c)
			}
			return string(rune(c))
		})
	},
	func(q quotation, r *rand.Rand) quotation { // lines
		width, n := 1+r.IntN(80), 0
		return q.each(func(c byte) string {
			if n++; n%width == 0 {
				return string(rune(c)) + []string{"\n", "\r\n", " ", "\n\t"}[r.IntN(4)]
			}
			return string(rune(c))
		})
	},
	func(q quotation, r *rand.Rand) quotation { // cut
		from := r.IntN(len(q.text))
		to := from + 1 + r.IntN(len(q.text)-from)
		return quotation{q.text[from:to], q.at[from:to]}
	},
}

// rest returns what text has of a secret in a quotation, if that is as much as must not be there.
func (q quotation) rest(text string, length int) string {
	solid := quotation{}
	for i, c := range q.text {
		if !unicode.IsSpace(rune(c)) {
			solid.add(q.at[i], string(rune(c)))
		}
	}
	text = strings.Join(strings.Fields(text), "")
	to := 0
	for from := range solid.text {
		for to < len(solid.text) && solid.at[to]-solid.at[from] < length {
			to++
		}
		if to == len(solid.text) {
			return ""
		}
		if x := string(solid.text[from:to]); strings.Contains(text, x) {
			return x
		}
	}
	return ""
}

func FuzzRedactLeavesNothingOfASecret(f *testing.F) {
	f.Add(uint64(1), "it said: ", " (end)")
	f.Add(uint64(2), "AAAA", "====")
	f.Add(uint64(3), "%", "%")
	f.Add(uint64(4), `\`, `\u00`)
	f.Add(uint64(5), "&#", ";")
	f.Fuzz(func(t *testing.T, seed uint64, before, after string) {
		if len(before) <= 80 && len(after) <= 80 {
			leavesNothing(t, seed, before, after)
		}
	})
}

func TestRedactLeavesNothingOfManySecrets(t *testing.T) {
	around := []string{"", "it said: ", "AAAA", "==", "%", "%4", `\`, `\u00`, "&", ";", "0"}
	for seed := range uint64(800) {
		n := uint64(len(around))
		leavesNothing(t, seed, around[seed%n], around[seed/n%n])
	}
}

func leavesNothing(t *testing.T, seed uint64, before, after string) {
	r := rand.New(rand.NewPCG(seed, 0))
	letters := alphabets[r.IntN(len(alphabets))]
	q := quotation{}
	for i := range 16 + r.IntN(150) {
		q.add(i, letters[r.IntN(len(letters)):][:1])
	}
	secret := provisioner.NewSecret(string(q.text))
	layers := 1 + r.IntN(3)
	for range layers {
		padded := quotation{}
		padded.add(q.at[0], "data="[:r.IntN(6)])
		padded.text, padded.at = append(padded.text, q.text...), append(padded.at, q.at...)
		q = encodings[r.IntN(len(encodings))](padded, r)
	}
	got := provisioner.Redact(before+string(q.text)+after, provisioner.NewSecret("another secret: 0123456789"), secret)
	if provisionertest.Shows(got, secret) && !provisionertest.Shows(before+" "+after, secret) {
		t.Errorf("the secret %q shows: %q", secret.Reveal(), got)
	}
	// Each encoding may hide a character at either end of what is left, because it is cut there.
	if x := q.rest(got, 16+2*layers+2); x != "" && !strings.Contains(before+after, x) {
		t.Errorf("%q of %q is left of the secret %q: %q", x, q.text, secret.Reveal(), got)
	}
}
