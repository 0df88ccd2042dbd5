package webhook

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// DefaultMaxBody is the most bytes that a delivery's body may have: GitHub sends no payload over 25
// MB (https://docs.github.com/en/webhooks/webhook-events-and-payloads).
const DefaultMaxBody = 25 << 20

// Request is a delivery as it arrived, free of any transport.
type Request struct {
	Method string
	// Header has canonical keys, as [http.Header.Set] makes them. Several values of one key count
	// as one, joined by commas, which is how AWS Lambda gets them.
	Header http.Header
	Query  url.Values
	// MalformedQuery says that Query lacks what could not be read. Such a delivery is invalid: it
	// may have said dry-run.
	MalformedQuery bool
	// Body is the raw body: the signature is over its bytes. It is not changed and not kept.
	Body []byte
	// RemoteAddr is whose connection it came by, as of [http.Request]; empty if unknown. It is for
	// the log alone.
	RemoteAddr string
}

const (
	contentJSON = "application/json"
	contentForm = "application/x-www-form-urlencoded"
)

// refuse decides what can be decided without the body, of which only the size is known, -1 for
// unknown, and the most that it may be. It refuses, in this order, methods, content types, sizes
// and signatures.
func (q Request) refuse(size, most int64) (refusal Answer, refused bool) {
	if q.Method != http.MethodPost {
		return answer(StatusMethodNotAllowed, "deliveries are POST requests"), true
	}
	if t := q.contentType(); t != contentJSON && t != contentForm {
		return answer(StatusUnsupportedContent, "the content type must be "+contentJSON+" or "+contentForm), true
	}
	if size > most {
		return tooLarge(most), true
	}
	if _, ok := parseSignature(q.header(signatureHeader)); !ok {
		return answer(StatusUnauthorized, signatureHeader+" must be sha256= and 64 hexadecimal digits; SHA-1 is not accepted"), true
	}
	return Answer{}, false
}

func tooLarge(most int64) Answer {
	return answer(StatusTooLarge, "the body is over "+strconv.FormatInt(most, 10)+" bytes")
}

// header returns all values of a header as a proxy may join them, so that no two ways in pick
// different ones.
func (q Request) header(key string) string {
	if v := q.Header[key]; len(v) == 1 {
		return v[0]
	}
	return strings.Join(q.Header[key], ",")
}

// contentType returns the media type in lower case, without parameters.
func (q Request) contentType() string {
	media, _, _ := strings.Cut(q.header("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// payload returns the JSON that the body carries.
func (q Request) payload() ([]byte, error) {
	if q.contentType() == contentJSON {
		return q.Body, nil
	}
	return formPayload(q.Body)
}

// mode says whether a delivery is in earnest.
type mode struct {
	// known is false until the delivery has been found fit to ask.
	known bool
	dry   bool
	// defaulted: nobody said so.
	defaulted bool
}

var errDryRun = errors.New("dry-run must be true or false, and be given once")

// mode applies the dry-run rule: what is asked for, else in earnest for GitHub's own deliveries
// alone, which can't be made to ask.
func (q Request) mode() (mode, error) {
	if q.MalformedQuery {
		return mode{}, errors.New("the query can't be read")
	}
	values, given := q.Query["dry-run"]
	if !given {
		return mode{known: true, dry: !strings.HasPrefix(q.header("User-Agent"), "GitHub-Hookshot/"), defaulted: true}, nil
	}
	if len(values) == 0 || values[0] != "true" && values[0] != "false" {
		return mode{}, errDryRun
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return mode{}, errDryRun
		}
	}
	return mode{known: true, dry: values[0] == "true"}, nil
}
