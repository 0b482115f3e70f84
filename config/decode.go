package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

// decoder walks a YAML tree and collects every mistake in it. Its functions
// return something usable after a mistake, so that the walk can go on; the
// result is thrown away then.
type decoder struct {
	apis      APIs
	file, dir string
	env       func(string) (string, bool)
	now       func() time.Time

	errs     Errors
	warnings Errors
	files    []fileRef
	paths    map[*yaml.Node]bool // values that name files

	ownAlerting []ownAlerting // of sources, to be read later
}

// value is a YAML value, where it is written and what it is called.
type value struct {
	node *yaml.Node
	line int
	path string
}

func (d *decoder) fail(line int, path, format string, args ...any) {
	// One more than is shown, so that the list can say that it was cut.
	if len(d.errs) <= maxErrors {
		d.errs = append(d.errs, Error{d.file, line, path, fmt.Sprintf(format, args...)})
	}
}

func (d *decoder) warn(line int, path, format string, args ...any) {
	d.warnings = append(d.warnings, Error{d.file, line, path, fmt.Sprintf(format, args...)})
}

func (d *decoder) failAt(v value, format string, args ...any) {
	d.fail(v.line, v.path, format, args...)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// child is a value below another. Its line is that of its use, also where it
// is an alias.
func child(n *yaml.Node, path string) value {
	v := value{node: n, line: n.Line, path: path}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	v.node = n
	return v
}

// object is a YAML mapping whose keys are read by a table; close reports those
// that are in none.
type object struct {
	d      *decoder
	line   int
	path   string
	fields map[string]value
	order  []string // keys as written, merged ones last
	known  []string // keys of tables

	refusedKeys map[string]string // keys that hold secrets, and what to use instead
}

// object reads a mapping; null is an empty one. What is no mapping is reported
// once: nothing said about the object it returns then is heard.
func (d *decoder) object(v value) *object {
	o := &object{d: d, line: v.line, path: v.path, fields: make(map[string]value)}
	switch {
	case isNull(v.node):
	case d.tagged(v):
		o.d = &decoder{}
	case v.node.Kind != yaml.MappingNode:
		d.failAt(v, "must be a mapping (key: value), not %s", kind(v.node))
		o.d = &decoder{}
	default:
		o.add(v.node)
	}
	return o
}

// optional reads a mapping below a key, if it is given.
func (o *object) optional(key string) (*object, bool) {
	v, ok := o.get(key)
	if !ok {
		return nil, false
	}
	return o.d.object(v), true
}

// object reads a mapping below a key; a missing one is empty.
func (o *object) object(key string) *object {
	if below, ok := o.optional(key); ok {
		return below
	}
	line, path := o.at(key)
	return &object{d: o.d, line: line, path: path}
}

func (o *object) add(n *yaml.Node) {
	own := make(map[string]int)
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := child(n.Content[i], ""), n.Content[i+1]
		if k.node.Tag == "!!merge" {
			merges = append(merges, val)
			continue
		}
		if k.node.Kind != yaml.ScalarNode || isNull(k.node) {
			o.d.fail(k.line, o.path, "a key must be a text, not %s", kind(k.node))
			continue
		}
		key := k.node.Value
		if first, ok := own[key]; ok {
			o.d.fail(k.line, join(o.path, shownKey(key)), "is set twice, first in line %d; remove one", first)
			continue
		}
		own[key] = k.line
		if _, ok := o.fields[key]; ok { // this is a merged mapping, and what it was merged into has precedence
			continue
		}
		o.fields[key] = child(val, join(o.path, shownKey(key)))
		o.order = append(o.order, key)
	}
	for _, m := range merges {
		o.merge(child(m, o.path))
	}
}

func (o *object) merge(v value) {
	switch {
	case v.node.Kind == yaml.MappingNode:
		o.add(v.node)
	case v.node.Kind == yaml.SequenceNode:
		for _, n := range v.node.Content {
			if v := child(n, o.path); v.node.Kind == yaml.MappingNode {
				o.add(v.node)
			} else {
				o.d.failAt(v, "<< merges mappings only, not %s", kind(v.node))
			}
		}
	default:
		o.d.failAt(v, "<< merges mappings only, not %s", kind(v.node))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// shownKey is a key as errors may show it: what does not look like a key might
// be a secret in the wrong place.
func shownKey(key string) string {
	switch {
	case key == "":
		return "(an empty key)"
	case len(key) > 40:
		return "(a long key)"
	}
	for _, r := range key {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' && r != '.' {
			return "(an odd key)"
		}
	}
	return key
}

// get returns the value of a key, if it is given.
func (o *object) get(key string) (value, bool) {
	v, ok := o.fields[key]
	return v, ok
}

// has reports whether a key is given, whatever its value.
func (o *object) has(key string) bool {
	_, ok := o.fields[key]
	return ok
}

// at returns the line and path of a key that is given or should be.
func (o *object) at(key string) (int, string) {
	if v, ok := o.fields[key]; ok {
		return v.line, v.path
	}
	return o.line, join(o.path, shownKey(key))
}

func (o *object) fail(key, format string, args ...any) {
	line, path := o.at(key)
	o.d.fail(line, path, format, args...)
}

func (o *object) warn(key, format string, args ...any) {
	line, path := o.at(key)
	o.d.warn(line, path, format, args...)
}

// close reports the keys that are in no table. The values under them are not
// shown, as they may be misspelt secrets.
func (o *object) close() {
	for _, key := range o.order {
		if len(o.d.errs) > maxErrors {
			return
		}
		if _, ok := o.refusedKeys[key]; ok || slices.Contains(o.known, key) {
			continue
		}
		hint := "the keys here are " + list(slices.Compact(slices.Sorted(slices.Values(o.known))))
		if len(o.known) > 12 {
			hint = "the example configuration lists all keys"
		}
		words := slices.AppendSeq(slices.Clone(o.known), maps.Keys(o.refusedKeys))
		slices.Sort(words)
		if near := Nearest(key, words); near != "" {
			hint = "did you mean " + cmp.Or(o.refusedKeys[near], near) + "?"
		}
		o.d.fail(o.fields[key].line, join(o.path, shownKey(key)), "is not a key; %s", hint)
	}
}

// inline refuses a secret in the configuration itself.
func (o *object) inline(key, instead string) {
	o.refuse(key, instead, "inline secrets are refused; put it in a file and name the file with "+instead)
}

// reference refuses a name in a secret manager.
func (o *object) reference(key, instead string) {
	o.refuse(key, instead, "there is no secret manager here; put it in a file and name the file with "+instead)
}

func (o *object) refuse(key, instead, message string) {
	if o.refusedKeys == nil {
		o.refusedKeys = make(map[string]string)
	}
	o.refusedKeys[key] = instead
	if o.has(key) {
		o.fail(key, "%s", message)
	}
}

// refused reports whether a refused key stands for this one, so that this one
// is not reported as missing too.
func (o *object) refused(instead string) bool {
	for key, i := range o.refusedKeys {
		if i == instead && o.has(key) {
			return true
		}
	}
	return false
}

// given reports whether a key, or a refused one in its place, is there.
func (o *object) given(key string) bool { return o.has(key) || o.refused(key) }

// keys lists the keys of a mapping that has no fixed ones, and accepts all.
func (o *object) keys() []string {
	o.known = append(o.known, o.order...)
	return o.order
}

// tagged refuses an explicit tag such as !secret or !!binary.
func (d *decoder) tagged(v value) bool {
	if v.node.Style&yaml.TaggedStyle == 0 {
		return false
	}
	d.failAt(v, "has a YAML tag (a word that begins with !); remove it, or quote the text")
	return true
}

// scalar returns a value's text if it is a scalar with one of the tags.
func (d *decoder) scalar(v value, want string, tags ...string) (string, bool) {
	switch {
	case d.tagged(v):
	case isNull(v.node):
		d.failAt(v, "is empty; it must be %s, or be left out", want)
	case v.node.Kind != yaml.ScalarNode || !slices.Contains(tags, v.node.Tag):
		d.failAt(v, "must be %s, not %s", want, kind(v.node))
	default:
		return v.node.Value, true
	}
	return "", false
}

// text reads a string. A number counts as its digits, so that a user name may
// be one; true and null don't, as they are hardly meant.
func (d *decoder) text(v value, want string) (string, bool) {
	s, ok := d.scalar(v, want, "!!str", "!!int", "!!float", "!!timestamp")
	if ok && hasControl(s) {
		d.failAt(v, "holds a line break or another control character; it must be %s", want)
		return "", false
	}
	return s, ok
}

func (o *object) text(key, want string) (string, bool) {
	v, ok := o.get(key)
	if !ok {
		return "", false
	}
	return o.d.text(v, want)
}

func (o *object) boolean(key string, otherwise bool) bool {
	if v, ok := o.get(key); ok {
		if b, ok := o.d.boolean(v); ok {
			return b
		}
	}
	return otherwise
}

func (d *decoder) boolean(v value) (b, ok bool) {
	s, ok := d.scalar(v, "true or false", "!!bool")
	return ok && (s[0] == 't' || s[0] == 'T'), ok
}

func (o *object) integer(key string, otherwise, low, high int) int {
	v, ok := o.get(key)
	if !ok {
		return otherwise
	}
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	s, ok := o.d.scalar(v, want, "!!int")
	if !ok {
		return otherwise
	}
	// Other notations than the plain one (0x10, 0o7, 1_000) are mistakes here.
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s || n < low || n > high {
		o.fail(key, "%s is invalid; it must be %s", shorten(s), want)
		return otherwise
	}
	return n
}

func (o *object) duration(key string, otherwise time.Duration, zero bool) time.Duration {
	v, ok := o.get(key)
	if !ok {
		return otherwise
	}
	s, ok := o.d.scalar(v, "a duration such as 10s", "!!str", "!!int", "!!float")
	if !ok {
		return otherwise
	}
	dur, problem := parseDuration(s)
	if problem == "" && dur == 0 && !zero {
		problem = "must be more than 0; write a duration such as 10s"
	}
	if problem != "" {
		o.fail(key, "%s", problem)
		return otherwise
	}
	return dur
}

// values reads a list; null and a missing one are empty. It reports false only
// after a mistake.
func (o *object) values(key, want string) ([]value, bool) {
	v, ok := o.get(key)
	switch {
	case !ok || isNull(v.node):
		return nil, true
	case o.d.tagged(v):
		return nil, false
	case v.node.Kind != yaml.SequenceNode:
		o.fail(key, "must be a list, as in %s, not %s", want, kind(v.node))
		return nil, false
	}
	return v.elements(), true
}

// elements are those of a list.
func (v value) elements() []value {
	vs := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		vs[i] = child(n, fmt.Sprintf("%s[%d]", v.path, i))
	}
	return vs
}

// texts reads a list of strings, none of them empty.
func (o *object) texts(key, want string) []string {
	var out []string
	vs, _ := o.values(key, want)
	for _, v := range vs {
		s, ok := o.d.text(v, "a text")
		switch {
		case !ok:
		case s == "":
			o.d.failAt(v, "is empty; remove it")
		default:
			out = append(out, s)
		}
	}
	return out
}

// kind names a value's type without showing the value.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false (quote it if it is a text)"
	case "!!int":
		return "a number"
	case "!!float":
		if strings.ContainsAny(n.Value, ".eE") {
			return "a number with a fraction"
		}
		return "so large a number"
	case "!!str":
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			return "a text in quotes"
		}
		return "a text"
	case "!!merge":
		return "a merge (<<)"
	}
	return "another kind of value"
}

func hasControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return !utf8.ValidString(s)
}

// quote shows a value that is not under a secret's key.
func quote(s string) string {
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "..."
	}
	return strconv.Quote(s)
}
