package oam

import (
	"errors"
	"strings"
)

// node is one named value of an answer, of JSON or XML alike: an object or
// element with kids, or a text (a JSON number or boolean is one, too; null and
// "" are the empty text). A list is several nodes of one name in a row, as it is
// in XML, or an empty one, so that a list of one, one that a mapper unwrapped, and one in an
// object of its own look the same or nearly so.
type node struct {
	name string
	text string
	kids []node
}

const (
	maxDepth = 32      // levels; an answer in any known form has eight at most
	maxNodes = 1 << 18 // values; an answer of 28 sessions has some 400
)

var (
	errDeep  = errors.New("the answer is nested too deeply")
	errLarge = errors.New("the answer holds too many values")
)

// scalar returns a node's text, also where a mapper wrapped it in an object
// beside its type: {"@type": "xs:int", "$": 3}.
func (n *node) scalar() string {
	if len(n.kids) == 0 {
		return strings.TrimSpace(n.text)
	}
	for i := range n.kids {
		switch k := &n.kids[i]; k.name {
		case "$", "#text":
			return strings.TrimSpace(k.text)
		}
	}
	return ""
}

// empty reports whether there is no text anywhere in a node.
func (n *node) empty() bool {
	for i := range n.kids {
		if !n.kids[i].empty() {
			return false
		}
	}
	return n.scalar() == ""
}

// last returns the last kid of a name, as of a JSON key given twice; or nil.
func (n *node) last(name string) *node {
	for i := len(n.kids) - 1; i >= 0; i-- {
		if n.kids[i].name == name {
			return &n.kids[i]
		}
	}
	return nil
}
