package simulator

import (
	"strconv"
	"unicode/utf8"
)

// appendText appends s as a JSON string. Bytes that are not UTF-8 are sent as
// they are, as a server that never looked at them would.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendXML appends s as XML character data. What XML can't carry becomes U+FFFD.
func appendXML(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == utf8.RuneError && size == 1, r < 0x20 && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff:
			b = append(b, "\uFFFD"...)
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return b
}

// object appends the members of a JSON object.
type object struct {
	b     []byte
	begun bool
}

func (o *object) open() { o.b, o.begun = append(o.b, '{'), false }

// shut ends the object; another member of the one around it may follow.
func (o *object) shut() { o.b, o.begun = append(o.b, '}'), true }

func (o *object) key(name string) {
	if o.begun {
		o.b = append(o.b, ',')
	}
	o.begun = true
	o.b = append(appendText(o.b, name), ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	o.b = appendText(o.b, value)
}

func (o *object) number(name string, value int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, value, 10)
}

// raw appends a member whose value is JSON already.
func (o *object) raw(name, value string) {
	o.key(name)
	o.b = append(o.b, value...)
}
