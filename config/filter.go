package config

import (
	"slices"
	"strconv"

	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/session"
)

// Bounds of a filter: every request carries it whole.
const (
	maxFilterValues = 100  // of one key
	maxFilterBytes  = 1024 // of one value
)

// FilterKeys are the properties of a session by which an API can filter.
type FilterKeys struct {
	Names    []string
	Booleans []string // those of them that are true or false
	Lists    bool     // a key may have several values, of which a session has one
}

// Filter is an Option that maps properties of sessions to the values wanted. Its
// values may be users: no error shows them.
func Filter(v *session.Filter, key string, keys FilterKeys, doc string) Option {
	return Option{Key: key, Example: "{}", Doc: doc, values: keys.values, read: func(o *object) { *v = o.filter(key, keys) }, show: func() any { return keys.yaml(*v) }}
}

// values are the filters that may be written.
func (keys FilterKeys) values() schema {
	properties := schema{}
	for _, k := range keys.Names {
		one, doc := notEmpty().with(schema{"maxLength": maxFilterBytes}), "the value that sessions have"
		switch {
		case slices.Contains(keys.Booleans, k):
			one = trueOrFalse()
		case keys.Lists:
			many := fullList(one).with(schema{"maxItems": maxFilterValues, "uniqueItems": true})
			one, doc = schema{"anyOf": []schema{one, many}}, "a value, or a list of which sessions have one"
		}
		properties[k] = one.with(schema{"description": doc})
	}
	return schema{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// yaml is the filter as it may be written.
func (keys FilterKeys) yaml(f session.Filter) map[string]any {
	m := make(map[string]any, len(f))
	for _, c := range f {
		switch {
		case len(c.Values) > 1:
			m[c.Key] = c.Values
		case slices.Contains(keys.Booleans, c.Key):
			m[c.Key] = c.Values[0] == "true"
		default:
			m[c.Key] = c.Values[0]
		}
	}
	return m
}

// filter reads a filter. Its conditions are in the order of the keys' names, as
// that of the file means nothing.
func (o *object) filter(key string, keys FilterKeys) session.Filter {
	below, ok := o.optional(key)
	if !ok {
		return nil
	}
	for _, k := range below.keys() {
		if slices.Contains(keys.Names, k) {
			continue
		}
		hint := ""
		if near := Nearest(k, keys.Names); near != "" {
			hint = "; did you mean " + near + "?"
		}
		below.fail(k, "is not a key to filter by; the keys here are %s%s", list(keys.Names), hint)
	}
	var f session.Filter
	for _, k := range keys.Names {
		v, ok := below.get(k)
		if !ok {
			continue
		}
		if values := below.d.filterValues(v, k, keys); len(values) > 0 {
			f = append(f, session.Condition{Key: k, Values: values})
		}
	}
	return f
}

// filterValues reads the value or values of a key; none after a mistake.
func (d *decoder) filterValues(v value, key string, keys FilterKeys) []string {
	if slices.Contains(keys.Booleans, key) {
		b, ok := d.boolean(v)
		if !ok {
			return nil
		}
		return []string{strconv.FormatBool(b)}
	}
	var values []string
	for _, v := range d.oneOrMore(v, keys.Lists) {
		s, ok := d.text(v, "a value to compare with")
		switch {
		case !ok:
		case s == "":
			d.failAt(v, "is empty; write a value to compare with, or remove it")
		case len(s) > maxFilterBytes:
			d.failAt(v, "is longer than %d bytes; shorten it", maxFilterBytes)
		case slices.Contains(values, s):
			d.failAt(v, "is the same as a value before it; remove one")
		default:
			values = append(values, s)
		}
	}
	return values
}

// oneOrMore are the elements of a list, if one is allowed here, or the one value
// there is.
func (d *decoder) oneOrMore(v value, lists bool) []value {
	switch n := len(v.node.Content); {
	case v.node.Kind != yaml.SequenceNode:
		return []value{v}
	case d.tagged(v):
	case !lists:
		d.failAt(v, "must be one value, not a list: this API compares with one only")
	case n == 0:
		d.failAt(v, "is an empty list, which no session can match; write a value, or remove the key")
	case n > maxFilterValues:
		d.failAt(v, "has more than %d values; shorten it", maxFilterValues)
	default:
		return v.elements()
	}
	return nil
}
