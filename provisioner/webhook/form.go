package webhook

import "bytes"

// formPayload returns the parameter payload of a form. It does what [net/url.ParseQuery] would do,
// which for a body of this size costs as much as decoding its JSON: it looks for one parameter
// only, and does without copies.
func formPayload(form []byte) ([]byte, error) {
	for parameter := range bytes.SplitSeq(form, []byte("&")) {
		if escaped, found := bytes.CutPrefix(parameter, []byte("payload=")); found {
			return unescape(escaped)
		}
	}
	return nil, &InvalidError{"the form has no parameter payload"}
}

var errEscape = &InvalidError{"the form's parameter payload is not well escaped"}

func unescape(escaped []byte) ([]byte, error) {
	plain := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		switch c := escaped[i]; c {
		case '+':
			plain = append(plain, ' ')
		case '%':
			if i+2 >= len(escaped) {
				return nil, errEscape
			}
			high, low := hexDigit(escaped[i+1]), hexDigit(escaped[i+2])
			if high|low > 0xf {
				return nil, errEscape
			}
			plain = append(plain, high<<4|low)
			i += 2
		default:
			plain = append(plain, c)
		}
	}
	return plain, nil
}

// hexDigit returns the value of a hexadecimal digit, and more than 15 for anything else.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	default:
		return 0xff
	}
}
