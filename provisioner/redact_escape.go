package provisioner

import (
	"encoding/binary"
	"encoding/hex"
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unescaped takes one round of escapes off: those of URLs, of JSON and of XML.
func (l layer) unescaped() (bare layer, changed bool) {
	if !strings.ContainsAny(string(l.text), `%\&`) {
		return l, false
	}
	bare = emptyLayer(len(l.text))
	for i := 0; i < len(l.text); {
		means, size := escape(l.text[i:])
		if size > 0 {
			bare.add(l, i, i+size, means...)
			i += size
			changed = true
			continue
		}
		bare.add(l, i, i+1, l.text[i])
		i++
	}
	return bare, changed
}

// escape reads the escape that a text begins with: what it means, and its size; 0 if there is none.
func escape(text []byte) (means []byte, size int) {
	switch text[0] {
	case '%':
		if b := hexAt(text, 1, 2); b != nil {
			return b, 3
		}
	case '&':
		return reference(text)
	case '\\':
		if len(text) == 1 {
			return nil, 0
		}
		switch c := text[1]; c {
		case 'u':
			return unicodeEscape(text)
		case 'U': // Go's
			if b := hexAt(text, 2, 8); b != nil {
				return utf8.AppendRune(nil, rune(binary.BigEndian.Uint32(b))), 10 //nolint:gosec // what is no rune becomes U+FFFD
			}
		case 'x':
			if b := hexAt(text, 2, 2); b != nil {
				return b, 4
			}
		case 'n', 'r', 't', 'b', 'f':
			return []byte{'\n'}, 2 // any of them is left out
		case '/', '"', '\'', '\\':
			return []byte{c}, 2
		}
	}
	return nil, 0
}

func unicodeEscape(text []byte) (means []byte, size int) {
	b := hexAt(text, 2, 4)
	if b == nil {
		return nil, 0
	}
	r, size := rune(binary.BigEndian.Uint16(b)), 6
	if utf16.IsSurrogate(r) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low := hexAt(text, 8, 4); low != nil {
			r, size = utf16.DecodeRune(r, rune(binary.BigEndian.Uint16(low))), 12
		}
	}
	return utf8.AppendRune(nil, r), size
}

// reference reads a character reference of XML or HTML, such as &amp; or &#43;.
func reference(text []byte) (means []byte, size int) {
	const longest = 10
	end := strings.IndexByte(string(text[:min(len(text), longest)]), ';')
	if end < 0 {
		return nil, 0
	}
	name := string(text[:end+1])
	if s := html.UnescapeString(name); s != name {
		return []byte(s), len(name)
	}
	return nil, 0
}

// hexAt decodes that many hexadecimal digits; nil if there are other characters.
func hexAt(text []byte, from, digits int) []byte {
	if len(text) < from+digits {
		return nil
	}
	b := make([]byte, digits/2)
	if _, err := hex.Decode(b, text[from:from+digits]); err != nil {
		return nil
	}
	return b
}
