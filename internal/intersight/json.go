package intersight

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"iam_session_exporter/internal/charset"
	"iam_session_exporter/internal/httpclient"
)

// raw is one JSON value, without blanks around it, cut from a document that
// valid has accepted: so walking it needs no error handling. Walking
// instead of unmarshalling keeps optional fields of a wrong type harmless, and
// allocates nothing for what is only hashed.
type raw []byte

var (
	errHTML    = errors.New("the answer is not JSON but HTML or XML (a login page or a proxy's?)")
	errNotJSON = errors.New("the answer is not JSON")
)

// document decodes and checks a whole body. Control characters that JSON forbids
// are replaced.
func document(contentType string, body []byte) (raw, error) {
	body, err := charset.UTF8(charset.Declared(contentType), body, httpclient.MaxBody)
	if err != nil {
		return nil, err
	}
	doc := bytes.TrimSpace(body)
	if valid(doc) {
		return raw(doc), nil
	}
	if len(doc) > 0 && doc[0] == '<' {
		return nil, errHTML
	}
	if doc = bytes.TrimSpace(charset.CleanJSON(doc, httpclient.MaxBody)); valid(doc) {
		return raw(doc), nil
	}
	return nil, errNotJSON
}

// is reports whether v exists and begins as values of a kind do: '{', '[', '"'.
func (v raw) is(first byte) bool { return len(v) > 0 && v[0] == first }

// told reports whether v is there and not null.
func (v raw) told() bool { return len(v) > 0 && v[0] != 'n' }

// fields yields the fields of an object in order, and nothing for other values.
// Names are as written: see name.
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

// maxName is the longest field name that we look for, in bytes.
const maxName = 32

// name returns a field's name in lower case, without escapes, in buf; nil if it is
// longer than any we look for.
func name(written []byte, buf *[maxName]byte) []byte {
	if len(written) > maxName {
		return unescaped(written, buf)
	}
	for i, c := range written {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		} else if c == '\\' {
			return unescaped(written, buf)
		}
		buf[i] = c
	}
	return buf[:len(written)]
}

// unescaped is name for what holds escapes or is long.
func unescaped(written []byte, buf *[maxName]byte) []byte {
	if bytes.IndexByte(written, '\\') < 0 {
		return nil
	}
	n := bytes.ToLower(charset.AppendUnquoted(nil, slices.Concat([]byte{'"'}, written, []byte{'"'})))
	if len(n) > maxName {
		return nil
	}
	return buf[:copy(buf[:], n)]
}

// field returns the last field of that name, given in lower case; nil if there is
// none.
func (v raw) field(want string) raw {
	var found raw
	var buf [maxName]byte
	for n, f := range v.fields {
		if string(name(n, &buf)) == want {
			found = f
		}
	}
	return found
}

// text returns a string's content, nil if v is no string. It is valid only as long
// as the document is.
func (v raw) text() []byte {
	if !v.is('"') {
		return nil
	}
	s := []byte(v[1 : len(v)-1])
	if bytes.IndexByte(s, '\\') >= 0 {
		s = charset.AppendUnquoted(make([]byte, 0, len(s)), v)
	}
	return s
}

// maxText is the most that is kept of one text, in bytes.
const maxText = 1024

// cut returns a text without what is over the limit.
func cut(s []byte) []byte {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
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

// maxTime is the longest text that is read as a time, in bytes.
const maxTime = 64

// moment returns an RFC 3339 time, in UTC; zero where there is none, where it
// can't be read, and for Go's own zero time, which is how Intersight's services
// write "unset".
func (v raw) moment() time.Time {
	var t time.Time
	s := v.text()
	if len(s) == 0 || len(s) > maxTime || t.UnmarshalText(s) != nil || t.Year() <= 1 {
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
