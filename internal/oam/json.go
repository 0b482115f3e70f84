package oam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var errJSONObject = errors.New("the answer is JSON, but not an object")

// parseJSON reads one JSON object.
func parseJSON(body []byte) (*node, error) {
	p := jsonParser{dec: json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	root := new(node)
	if err := p.value("", root); err != nil {
		return nil, p.explain(err)
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return nil, errors.New("the answer is JSON followed by something else")
	}
	if len(root.kids) != 1 {
		return nil, errJSONObject
	}
	return &root.kids[0], nil
}

type jsonParser struct {
	dec   *json.Decoder
	depth int
	nodes int
}

// explain replaces errors that may quote the answer.
func (p *jsonParser) explain(err error) error {
	if err == errDeep || err == errLarge {
		return err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the answer is JSON that ends in the middle")
	}
	return fmt.Errorf("the answer is not valid JSON near byte %d", p.dec.InputOffset())
}

// value reads a value and adds it to into's kids; a list adds each of its
// elements.
func (p *jsonParser) value(name string, into *node) error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	n := node{name: name}
	switch t := t.(type) {
	case string:
		n.text = t
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = "false"
		if t {
			n.text = "true"
		}
	case json.Delim:
		if p.depth++; p.depth > maxDepth {
			return errDeep
		}
		if t == '[' {
			for p.dec.More() {
				if err := p.value(name, into); err != nil {
					return err
				}
			}
		} else if err := p.object(&n); err != nil {
			return err
		}
		if _, err := p.dec.Token(); err != nil { // the closing bracket
			return err
		}
		p.depth--
		if t == '[' {
			return nil
		}
	}
	if p.nodes++; p.nodes > maxNodes {
		return errLarge
	}
	into.kids = append(into.kids, n)
	return nil
}

func (p *jsonParser) object(n *node) error {
	for p.dec.More() {
		key, err := p.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := p.value(name, n); err != nil {
			return err
		}
	}
	return nil
}
