package intersight

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// raw is one JSON value, without blanks around it, cut from a document that
// json.Valid has accepted: so walking it needs no error handling. Walking
// instead of json.Unmarshal keeps optional fields of a wrong type harmless, and
// allocates nothing for what is only hashed.
type raw []byte

var (
	errHTML    = errors.New("the answer is not JSON but HTML or XML (a login page or a proxy's?)")
	errNotJSON = errors.New("the answer is not JSON")
)

// document checks a whole body.
func document(body []byte) (raw, error) {
	doc := bytes.TrimSpace(body)
	if json.Valid(doc) {
		return raw(doc), nil
	}
	if len(doc) > 0 && doc[0] == '<' {
		return nil, errHTML
	}
	return nil, errNotJSON
}

// is reports whether v exists and begins as values of a kind do: '{', '[', '"'.
func (v raw) is(first byte) bool { return len(v) > 0 && v[0] == first }

// told reports whether v is there and not null.
func (v raw) told() bool { return len(v) > 0 && v[0] != 'n' }

// fields yields the fields of an object in order, and nothing for other values.
// Names are as written: Cisco's need no escapes.
func (v raw) fields(yield func(name []byte, v raw) bool) {
	if !v.is('{') {
		return
	}
	for i := skipBlanks(v, 1); v[i] != '}'; {
		end := valueEnd(v, i)
		name := v[i+1 : end-1]
		i = skipBlanks(v, skipBlanks(v, end)+1) // the colon
		end = valueEnd(v, i)
		if !yield(name, v[i:end]) {
			return
		}
		i = nextElement(v, end)
	}
}

// items yields the elements of an array, and nothing for other values.
func (v raw) items(yield func(raw) bool) {
	if !v.is('[') {
		return
	}
	for i := skipBlanks(v, 1); v[i] != ']'; {
		end := valueEnd(v, i)
		if !yield(v[i:end]) {
			return
		}
		i = nextElement(v, end)
	}
}

// field returns the last field of that name, nil where there is none.
func (v raw) field(name string) raw {
	var found raw
	for n, f := range v.fields {
		if string(n) == name {
			found = f
		}
	}
	return found
}

// maxText is the most that is kept of one string, in bytes.
const maxText = 1024

// text returns a string's content, nil where v is no string. It is valid only
// as long as the document is.
func (v raw) text() []byte {
	if !v.is('"') {
		return nil
	}
	s := []byte(v[1 : len(v)-1])
	if bytes.IndexByte(s, '\\') >= 0 || !utf8.Valid(s) {
		var plain string
		if json.Unmarshal(v, &plain) != nil {
			return nil
		}
		s = []byte(plain)
	}
	if len(s) > maxText {
		end := maxText
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return s
}

// whole returns a whole number, written as a number or as a string.
func (v raw) whole() (int64, bool) {
	s := []byte(v)
	if v.is('"') {
		s = bytes.TrimSpace(v.text())
	}
	if len(s) == 0 || len(s) > 32 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(s), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// moment returns an RFC 3339 time, in UTC; zero where there is none, where it
// can't be read, and for Go's own zero time, which is how Intersight's services
// write "unset".
func (v raw) moment() time.Time {
	var t time.Time
	s := v.text()
	if len(s) == 0 || t.UnmarshalText(s) != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.UTC()
}

func skipBlanks(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t' {
		i++
	}
	return i
}

// nextElement returns where the next element, or the closing bracket, begins.
func nextElement(b []byte, i int) int {
	if i = skipBlanks(b, i); b[i] == ',' {
		i = skipBlanks(b, i+1)
	}
	return i
}

// valueEnd returns where the value that begins at i ends.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch b[i] {
			case '"':
				i = stringEnd(b, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
		i++
	}
	return i
}

// stringEnd returns where the string that begins at i ends: after the first
// quote that an even number of backslashes precedes.
func stringEnd(b []byte, i int) int {
	for at := i + 1; ; at++ {
		at += bytes.IndexByte(b[at:], '"')
		first := at
		for b[first-1] == '\\' {
			first--
		}
		if (at-first)%2 == 0 {
			return at + 1
		}
	}
}
