package wire

import "strconv"

// AppendText appends s as a JSON string. Bytes that are not UTF-8 are sent as
// they are, as a server that never looked at them would.
func AppendText(b []byte, s string) []byte {
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

// Object appends the members of a JSON object to B.
type Object struct {
	B     []byte
	begun bool
}

// Open begins an object.
func (o *Object) Open() { o.B, o.begun = append(o.B, '{'), false }

// Close ends the object; another member of the one around it may follow.
func (o *Object) Close() { o.B, o.begun = append(o.B, '}'), true }

// Key begins a member, whose value must follow.
func (o *Object) Key(name string) {
	if o.begun {
		o.B = append(o.B, ',')
	}
	o.begun = true
	o.B = append(AppendText(o.B, name), ':')
}

// List appends an array of n values, which item appends.
func (o *Object) List(n int, item func(i int)) {
	o.B = append(o.B, '[')
	for i := range n {
		if i > 0 {
			o.B = append(o.B, ',')
		}
		item(i)
	}
	o.B, o.begun = append(o.B, ']'), true
}

// Text appends a member with a text.
func (o *Object) Text(name, value string) {
	o.Key(name)
	o.B = AppendText(o.B, value)
}

// Number appends a member with a number.
func (o *Object) Number(name string, value int64) {
	o.Key(name)
	o.B = strconv.AppendInt(o.B, value, 10)
}

// Raw appends a member whose value is JSON already.
func (o *Object) Raw(name, value string) {
	o.Key(name)
	o.B = append(o.B, value...)
}
