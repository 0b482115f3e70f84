package oam

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

const (
	maxDepth      = 32      // levels of what is needed; an answer in any known form has eight at most
	maxNesting    = 10_000  // levels of anything
	maxAttributes = 1 << 15 // values kept of one userAttributes while its role is looked for
	maxRows       = 1000    // sessions kept of one answer; documented is a maximum of 28
	maxText       = 1 << 10 // bytes
)

var (
	errDeep  = errors.New("the answer is nested too deeply")
	errLarge = errors.New("the answer's userAttributes hold too many values")
)

// A builder makes results of what a walk through an answer, JSON or XML, finds. A
// list is several values of one name in a row, as it is in XML, or one without a
// text: so a list of one, one that a mapper unwrapped, and one in an object of its
// own look the same or nearly so. What nobody needs is neither kept nor read.
type builder struct {
	roleAttribute string
	open          []frame
	kept          []node // finished ones, in the userAttributes that are open
	held          int    // nodes, with those in others

	wrapped  bool // in SessionResults: what is beside that does not count
	total    value
	saw      [fields]bool // of the answer's own names
	more     bool         // the answer has something else than empty sessions, links and a total
	linked   bool         // a link leads somewhere
	xml      bool         // the answer is XML
	rows     []row
	unlisted int               // sessions beyond maxRows
	timeText string            // a createTime as it is written
	seen     map[string]string // stores, addresses and roles repeat: each is kept once
}

// value is a text.
type value struct {
	text  string
	given bool
	exact bool
	list  bool // of several
}

// set takes the last text in, unless there is one whose name was in the documented case,
// and this one's was not.
func (v *value) set(k key, text string) {
	if k.exact || !v.exact {
		*v = value{text: text, given: true, exact: k.exact}
	}
}

// add takes one of several texts in: they are a list, as far as its second. U+FFFD
// says that it is not a text of the server's.
func (v *value) add(k key, text string) {
	switch {
	case text == "" || text == v.text || v.exact && !k.exact || v.exact == k.exact && v.list:
	case v.text == "" || v.exact != k.exact:
		*v = value{text: text, given: true, exact: k.exact}
	default:
		v.text, v.list = limited([]byte(v.text+", \uFFFD"+text)), true
	}
}

// frame is a value that is open.
type frame struct {
	key
	kids   bool  // holds other values, wanted or not
	scalar value // in an object of its own
	values [fields]value

	kept, held int // of the builder, when it began
}

func newBuilder(roleAttribute string) *builder {
	return &builder{roleAttribute: roleAttribute, seen: map[string]string{}, open: []frame{{key: key{field: fieldResults}}}}
}

// want reports whether somebody needs a value of this name in the one that is
// open. One that nobody needs must be passed over.
func (b *builder) want(name []byte) (key, bool) {
	top := &b.open[len(b.open)-1]
	top.kids = true
	k := keyOf(name)
	switch top.field {
	case fieldResults:
		return k, b.wantInResults(k)
	case fieldSessions:
		ok := k.field == fieldSessions || k.field >= fieldSessionID && (k.field != fieldAttributes || b.roleAttribute != "")
		b.more = b.more || !ok
		return k, ok
	case fieldAttributes:
		return key{field: fieldAttributes, name: b.attributeName(name)}, len(b.open) < maxDepth
	}
	return k, k.field == fieldScalar
}

// wantInResults is want in an answer's outermost value, or in SessionResults.
func (b *builder) wantInResults(k key) bool {
	root := len(b.open) == 1
	if root && b.wrapped && k.field != fieldResults {
		return false
	}
	ok := k.field == fieldTotal || k.field == fieldLink || k.field == fieldSessions || k.field == fieldResults && root
	b.more = b.more || !ok
	return ok
}

// enter begins a value that somebody needs.
func (b *builder) enter(k key) error {
	if len(b.open) > maxDepth {
		return errDeep
	}
	if k.field == fieldResults {
		*b = builder{roleAttribute: b.roleAttribute, open: b.open, seen: b.seen, wrapped: true}
	}
	b.saw[k.field] = true
	b.open = append(b.open, frame{key: k, kept: len(b.kept), held: b.held})
	return nil
}

// leave ends the value that is open, with its text.
func (b *builder) leave(text []byte) error {
	last := len(b.open) - 1
	f, top := &b.open[last], &b.open[last-1]
	b.open = b.open[:last]
	text = bytes.TrimSpace(text)
	if f.field == fieldAttributes {
		return b.attribute(top, f, text)
	}
	if f.kids {
		text = nil
		if f.scalar.given {
			text = []byte(f.scalar.text)
		}
	}
	switch f.field {
	case fieldResults:
		b.more = b.more || len(text) > 0
	case fieldTotal:
		b.total.set(f.key, limited(text))
	case fieldSessions:
		return b.session(f, text)
	case fieldScalar:
		top.scalar.set(f.key, limited(text))
	case fieldLink:
		b.linked = b.linked || len(text) > 0
	case fieldClientIP, fieldStore, fieldImpersonating:
		top.values[f.field].add(f.key, b.intern(text))
	default:
		top.values[f.field].add(f.key, limited(text))
	}
	return nil
}

// reads reports whether the text of the value that is open matters.
func (b *builder) reads() bool {
	top := &b.open[len(b.open)-1]
	return top.field != fieldAttributes || top.name != ""
}

// end ends the answer, with the text that is around its values.
func (b *builder) end(text []byte) { b.more = b.more || len(bytes.TrimSpace(text)) > 0 }

// session takes in what "sessions" or "sessionData" holds: a session, or an object
// around some that were taken in already, or an empty text where there are none.
func (b *builder) session(f *frame, text []byte) error {
	if len(text) > 0 {
		return errBadListed
	}
	r := newRow(&f.values)
	if r.identity() == (identity{}) {
		return nil
	}
	b.more = true
	if b.timeText == "" && !r.created.IsZero() {
		b.timeText = f.values[fieldCreated].text
	}
	if len(b.rows) == maxRows {
		b.unlisted++
		return nil
	}
	b.rows = append(b.rows, r)
	return nil
}

// attributeName returns a name in userAttributes if it matters there: that of the
// role, or one of those around names and values, which are read in any case.
func (b *builder) attributeName(name []byte) string {
	if string(name) == b.roleAttribute {
		return b.roleAttribute
	}
	for _, known := range [...]string{"attrName", "attrValue", "key", "name", "value", "$", "#text"} {
		if len(name) == len(known) && strings.EqualFold(string(name), known) {
			return known
		}
	}
	return ""
}

// attribute ends a value in userAttributes, or userAttributes itself. What holds
// no role is dropped.
func (b *builder) attribute(top, f *frame, text []byte) error {
	n := node{name: f.name, kids: slices.Clone(b.kept[f.kept:])}
	clear(b.kept[f.kept:])
	b.kept = b.kept[:f.kept]
	if top.field != fieldAttributes {
		b.held = f.held
		if v := &top.values[fieldAttributes]; v.text == "" {
			v.text = attribute(&n, b.roleAttribute)
		}
		return nil
	}
	if n.name == "" && attribute(&n, b.roleAttribute) == "" {
		b.held = f.held
		return nil
	}
	if b.held++; b.held > maxAttributes {
		return errLarge
	}
	n.text = b.intern(text)
	b.kept = append(b.kept, n)
	return nil
}

func (b *builder) intern(text []byte) string {
	if known, ok := b.seen[string(text)]; ok {
		return known
	}
	s := limited(text)
	b.seen[s] = s
	return s
}

// limited makes a string of a text. One that is too long is cut, and ends in a
// hash of all of it, so that two such texts stay two.
func limited(text []byte) string {
	if len(text) <= maxText {
		return string(text)
	}
	sum := sha256.Sum256(text)
	end := "\uFFFD" + hex.EncodeToString(sum[:8])
	return strings.ToValidUTF8(string(text[:maxText-len(end)]), "") + end
}

// results says what the answer is.
func (b *builder) results() (results, error) {
	if b.total.text == "" {
		f, err := b.form()
		return results{form: f}, err
	}
	total, err := readTotal(b.total.text)
	return results{total: total, rows: b.rows, unlisted: b.unlisted, timeText: b.timeText, linked: b.linked, xml: b.xml}, err
}

// form names the form of an answer without a total. One that has anything but
// empty sessions and links is none: an error may look like that.
func (b *builder) form() (form, error) {
	switch {
	case b.more:
		return 0, errNoTotal
	case b.saw[fieldSessions]:
		return formNullSessions, nil
	case b.saw[fieldTotal], b.saw[fieldLink]:
		return formNoSessions, nil
	}
	return formEmptyObject, nil
}
