package provisioner

import (
	"html"
	"strconv"
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
		if n, ok := hexAt(text, 1, 2); ok {
			return []byte{byte(n)}, 3
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
			if n, ok := hexAt(text, 2, 8); ok {
				return utf8.AppendRune(nil, rune(n)), 10
			}
		case 'x':
			if n, ok := hexAt(text, 2, 2); ok {
				return []byte{byte(n)}, 4
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
	n, ok := hexAt(text, 2, 4)
	if !ok {
		return nil, 0
	}
	r, size := rune(n), 6
	if utf16.IsSurrogate(r) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low, ok := hexAt(text, 8, 4); ok {
			r, size = utf16.DecodeRune(r, rune(low)), 12
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

func hexAt(text []byte, from, digits int) (int, bool) {
	if len(text) < from+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[from:from+digits]), 16, 31)
	return int(n), err == nil
}
