package oam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errJSONObject = errors.New("the answer is JSON, but not an object")

// parseJSON reads one JSON object. encoding/json says whether it is JSON; the
// walk over it then needs to check nothing but its size, and makes one
// allocation for each object and text.
func parseJSON(body []byte) (*node, error) {
	if !json.Valid(body) {
		return nil, explainJSON(body)
	}
	p := jsonParser{rest: body, names: map[string]string{}}
	if err := p.value(""); err != nil {
		return nil, err
	}
	if len(p.found) != 1 {
		return nil, errJSONObject
	}
	return &p.found[0], nil
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

type jsonParser struct {
	rest  []byte // valid JSON from here on
	found []node // the finished nodes of all objects that are open
	names map[string]string
	depth int
	nodes int
}

// next returns the next byte that is not blank, without taking it.
func (p *jsonParser) next() byte {
	p.rest = bytes.TrimLeft(p.rest, " \t\r\n")
	if len(p.rest) == 0 {
		return 0
	}
	return p.rest[0]
}

// value reads a value and adds it to the nodes found; a list adds each of its
// elements, an empty one a node without a text.
func (p *jsonParser) value(name string) error {
	n := node{name: name}
	switch c := p.next(); c {
	case '[', '{':
		if p.depth++; p.depth > maxDepth {
			return errDeep
		}
		begin := len(p.found)
		if err := p.members(c, name); err != nil {
			return err
		}
		p.depth--
		if c == '[' && len(p.found) > begin {
			return nil
		}
		n.kids = slices.Clone(p.found[begin:])
		clear(p.found[begin:])
		p.found = p.found[:begin]
	case '"':
		n.text = unquote(p.text())
	default:
		end := bytes.IndexAny(p.rest, " \t\r\n,]}")
		if end < 0 {
			end = len(p.rest)
		}
		if word := p.rest[:end]; c != 'n' { // null
			n.text = string(word)
		}
		p.rest = p.rest[end:]
	}
	if p.nodes++; p.nodes > maxNodes {
		return errLarge
	}
	p.found = append(p.found, n)
	return nil
}

// members reads what is in a list or an object, with its brackets.
func (p *jsonParser) members(open byte, name string) error {
	p.rest = p.rest[1:]
	for {
		switch p.next() {
		case 0:
			return errJSONObject // can't be: it is valid
		case ']', '}':
			p.rest = p.rest[1:]
			return nil
		case ',':
			p.rest = p.rest[1:]
			continue
		}
		if open == '{' {
			name = p.name()
			p.next()
			p.rest = p.rest[1:] // the colon
		}
		if err := p.value(name); err != nil {
			return err
		}
	}
}

// text takes a text with its quotes.
func (p *jsonParser) text() []byte {
	end := 1
	for end < len(p.rest) && p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end+1, len(p.rest))
	s := p.rest[:end]
	p.rest = p.rest[end:]
	return s
}

// name takes a key. Keys repeat with each session: each is kept once.
func (p *jsonParser) name() string {
	raw := p.text()
	if known, ok := p.names[string(raw)]; ok {
		return known
	}
	s := unquote(raw)
	p.names[string(raw)] = s
	return s
}

func unquote(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return strings.ToValidUTF8(string(inner), "\uFFFD")
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
