package oam

// node is one named value of userAttributes, whose shape is not documented: an
// object or element with kids, or a text. A list is several of one name in a row.
type node struct {
	name string // empty if it does not matter
	text string
	kids []node
}

// scalar returns a node's text, also where a mapper wrapped it in an object
// beside its type: {"@type": "xs:int", "$": 3}.
func (n *node) scalar() string {
	if len(n.kids) == 0 {
		return n.text
	}
	for i := range n.kids {
		switch k := &n.kids[i]; k.name {
		case "$", "#text":
			return k.text
		}
	}
	return ""
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
