package oam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"iam_session_exporter/internal/charset"
)

var errJSONObject = errors.New("the answer is JSON, but not an object")

// walkJSON passes what is in a JSON object to a builder. encoding/json says whether
// it is JSON, control characters apart, which may stand for themselves in texts;
// the walk then needs to check nothing but depth. It is not a json.Decoder's, whose
// tokens allocate up to 90 MiB for an answer of 2 MiB.
func walkJSON(body []byte, b *builder) error {
	if clean := charset.CleanJSON(body, maxBody); clean != nil {
		body = clean
	}
	if !json.Valid(body) {
		return explainJSON(body)
	}
	w := jsonWalk{rest: body, b: b}
	return w.object()
}

// explainJSON says why something is not JSON, without encoding/json's quotes
// of it.
func explainJSON(body []byte) error {
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage)))
	switch {
	case !ok || strings.Contains(syntax.Error(), "unexpected end"):
		return errors.New("the answer is JSON that ends in the middle")
	case strings.Contains(syntax.Error(), "max depth"):
		return errDeep
	}
	return fmt.Errorf("the answer is not valid JSON near byte %d", syntax.Offset)
}

type jsonWalk struct {
	rest  []byte // valid JSON from here on
	b     *builder
	depth int    // of lists
	buf   []byte // of a text
}

// next returns the next byte that is not blank, without taking it.
func (w *jsonWalk) next() byte {
	w.rest = bytes.TrimLeft(w.rest, " \t\r\n")
	if len(w.rest) == 0 {
		return 0
	}
	return w.rest[0]
}

func (w *jsonWalk) take() { w.rest = w.rest[1:] }

// object walks an object, with its brackets.
func (w *jsonWalk) object() error {
	for w.take(); w.next() != '}'; {
		if w.next() == ',' {
			w.take()
			w.next()
		}
		k, ok := w.b.want(w.text())
		w.next()
		w.take() // the colon
		if !ok {
			w.skip()
		} else if err := w.value(k); err != nil {
			return err
		}
	}
	w.take()
	return nil
}

// value walks a value that somebody needs.
func (w *jsonWalk) value(k key) error {
	if w.next() == '[' {
		return w.list(k)
	}
	if err := w.b.enter(k); err != nil {
		return err
	}
	switch w.next() {
	case '{':
		if err := w.object(); err != nil {
			return err
		}
		return w.b.leave(nil)
	case '"':
		return w.b.leave(w.text())
	}
	if word := w.word(); string(word) != "null" {
		return w.b.leave(word)
	}
	return w.b.leave(nil)
}

func (w *jsonWalk) list(k key) error {
	if w.depth++; w.depth > maxDepth {
		return errDeep
	}
	w.take()
	if w.next() == ']' {
		if err := w.b.enter(k); err != nil {
			return err
		}
		if err := w.b.leave(nil); err != nil {
			return err
		}
	}
	for w.next() != ']' {
		if w.next() == ',' {
			w.take()
		}
		if err := w.value(k); err != nil {
			return err
		}
	}
	w.take()
	w.depth--
	return nil
}

// skip passes over a value.
func (w *jsonWalk) skip() {
	for depth := 0; ; {
		switch w.next() {
		case '{', '[':
			depth++
			w.take()
		case '}', ']':
			depth--
			w.take()
		case ',', ':':
			w.take()
		case '"':
			w.raw()
		default:
			w.word()
		}
		if depth == 0 {
			return
		}
	}
}

// word takes a number, true, false or null.
func (w *jsonWalk) word() []byte {
	end := bytes.IndexAny(w.rest, " \t\r\n,]}")
	if end < 0 {
		end = len(w.rest)
	}
	word := w.rest[:end]
	w.rest = w.rest[end:]
	return word
}

// raw takes a text as it is, with its quotes.
func (w *jsonWalk) raw() []byte {
	end := 1
	for w.rest[end] != '"' {
		if w.rest[end] == '\\' {
			end++
		}
		end++
	}
	s := w.rest[:end+1]
	w.rest = w.rest[end+1:]
	return s
}

// text takes a text. It is valid until the next one.
func (w *jsonWalk) text() []byte {
	s := w.raw()
	if bytes.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	w.buf = charset.AppendUnquoted(w.buf[:0], s)
	return w.buf
}
