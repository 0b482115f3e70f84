package oam

// attribute returns the first value, other than an empty one, of the entry that
// has this name among a session's userAttributes. Oracle documents an object of
// any keys with "collections" of {attrName, attrValue}, and shows no example, so
// that each of these may be it:
//
//	{"role": "x"}   {"role": ["x", ..]}   {"role": {"attrName": "role", "attrValue": "x"}}
//	[{"attrName": "role", "attrValue": "x"}, ..]
//	{"anything": [{"attrName": "role", "attrValue": ["x", ..]}, ..]}
//	{"entry": [{"key": "role", "value": "x"}, ..]}   {"attribute": [{"name": "role", "value": "x"}, ..]}
func attribute(n *node, name string) string {
	for _, pair := range [...][2]string{{"attrName", "attrValue"}, {"key", "value"}, {"name", "value"}} {
		if k := n.last(pair[0]); k != nil && k.scalar() == name && n.last(pair[1]) != nil {
			if v := firstOf(n, pair[1]); v != "" {
				return v
			}
		}
	}
	if v := firstOf(n, name); v != "" {
		return v
	}
	for i := range n.kids {
		if v := attribute(&n.kids[i], name); v != "" {
			return v
		}
	}
	return ""
}

// firstOf returns the first value, other than an empty one, among the kids of a
// name.
func firstOf(n *node, name string) string {
	for i := range n.kids {
		if n.kids[i].name != name {
			continue
		}
		k := &n.kids[i]
		v := k.scalar()
		for _, inner := range [...]string{"attrValue", "value"} {
			if v == "" && k.last(inner) != nil {
				v = firstOf(k, inner)
			}
		}
		if v != "" {
			return v
		}
	}
	return ""
}
