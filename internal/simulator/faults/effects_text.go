package faults

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
	"unicode/utf16"
)

// Charset names how the text of an answer is encoded.
type Charset string

const (
	Latin1      Charset = "ISO-8859-1"
	Windows1252 Charset = "windows-1252"
	UTF16       Charset = "UTF-16"   // big endian, with a byte order mark
	UTF16LE     Charset = "UTF-16LE" // without one
	UTF8Mark    Charset = "UTF-8"    // with a byte order mark
)

// windows1252 is what windows-1252 has and ISO-8859-1 lacks.
var windows1252 = map[rune]byte{'€': 0x80, '‚': 0x82, '„': 0x84, '…': 0x85, 'Š': 0x8a, 'Œ': 0x8c, 'Ž': 0x8e,
	'‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '™': 0x99, 'š': 0x9a, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f}

// encode encodes UTF-8; what the charset lacks becomes a question mark.
func (c Charset) encode(text []byte) []byte {
	var out []byte
	switch c {
	case UTF8Mark:
		return append([]byte("\xef\xbb\xbf"), text...)
	case UTF16, UTF16LE:
		units := utf16.Encode([]rune(string(text)))
		if c == UTF16 {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			if c == UTF16 {
				out = append(out, byte(u>>8), byte(u))
			} else {
				out = append(out, byte(u), byte(u>>8))
			}
		}
		return out
	}
	for _, r := range string(text) {
		b, extra := windows1252[r]
		switch {
		case c == Windows1252 && extra:
			out = append(out, b)
		case r < 0x80, r >= 0xa0 && r < 0x100, r < 0x100 && c == Latin1:
			out = append(out, byte(r))
		default:
			out = append(out, '?')
		}
	}
	return out
}

// In encodes the right answer in a charset, and says so in its Content-Type and
// in an XML declaration.
func In(c Charset) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		body := a.body.Bytes()
		if len(body) > 0 {
			body = bytes.Replace(body, []byte(` encoding="UTF-8"`), []byte(` encoding="`+string(c)+`"`), 1)
			body = c.encode(body)
			if kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err == nil {
				a.header.Set("Content-Type", kind+"; charset="+string(c))
			}
		}
		a.send(w, body)
	}
}

// Keys changes the names of all members of JSON, or elements of XML, in the right
// answer; to upper or lower case, say. What they hold stays.
func Keys(change func(string) string) Effect {
	return Rewrite(func(b []byte) []byte {
		out := make([]byte, 0, len(b))
		xml := len(b) > 0 && b[0] == '<'
		for len(b) > 0 {
			n, key := token(b, xml)
			if key {
				out = append(out, change(string(b[:n]))...)
			} else {
				out = append(out, b[:n]...)
			}
			b = b[n:]
		}
		return out
	})
}

// token is the length of a JSON string, of an XML tag, or else of one byte, at
// the beginning of b, and whether it is a key.
func token(b []byte, xml bool) (n int, key bool) {
	switch {
	case b[0] == '"' && !xml:
		for n = 1; n < len(b) && b[n] != '"'; n++ {
			if b[n] == '\\' {
				n++
			}
		}
		n = min(n+1, len(b))
		return n, n < len(b) && b[n] == ':'
	case b[0] == '<' && xml:
		n = bytes.IndexByte(b, '>') + 1
		if n == 0 {
			return len(b), false
		}
		return n, b[1] != '?'
	}
	return 1, false
}

// Capitals changes the first letter of each name of JSON's members or XML's
// elements to the other case: userId becomes UserId, Moid becomes moid.
func Capitals(key string) string {
	i := strings.IndexFunc(key, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' })
	if i < 0 {
		return key
	}
	return key[:i] + string(key[i]^0x20) + key[i+1:]
}

// RawControls puts a control character as it is into every mail address, where
// neither JSON nor XML allows it.
func RawControls(c byte) Effect { return Replace("@example.com", "@exam"+string(rune(c))+"ple.com") }

// Replace replaces a text in the body of the right answer.
func Replace(old, with string) Effect {
	return Rewrite(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(with)) })
}
