package intersight

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"iam_session_exporter/internal/session"
)

// filterKey is a key of the configuration and the property that it stands for.
type filterKey struct {
	key      string
	property property
}

func filterKeys() []filterKey {
	return []filterKey{
		{"role", propRole},
		{"user_id_or_email", propUserIDOrEmail},
		{"client_ip_address", propClientIPAddress},
		{"status", propStatus},
		{"account_moid", propAccountMoid},
		{"login_type", propLoginType},
	}
}

// FilterKeys are the properties by which sessions can be filtered, by the names
// that the configuration has for them.
func FilterKeys() []string {
	var keys []string
	for _, k := range filterKeys() {
		keys = append(keys, k.key)
	}
	return keys
}

// rowFilter says which sessions are listed. A nil one fits all. Its values may be
// users: they are in $filter and nowhere else.
type rowFilter struct {
	expression string // of $filter
	conditions []condition
}

// condition is that a property has one of some values, or that it has none of them.
type condition struct {
	key      string
	property property
	values   [][]byte
	exclude  bool
}

func newRowFilter(o Options) (*rowFilter, error) {
	f := &rowFilter{}
	for _, c := range o.Filter {
		if err := f.add(c, false); err != nil {
			return nil, fmt.Errorf("filter: %w", err)
		}
	}
	for _, c := range o.Exclude {
		if err := f.add(c, true); err != nil {
			return nil, fmt.Errorf("exclude: %w", err)
		}
	}
	if len(f.conditions) == 0 {
		return nil, nil
	}
	var terms []string
	for _, c := range f.conditions {
		terms = append(terms, c.expression())
	}
	f.expression = strings.Join(terms, " and ")
	return f, nil
}

func (f *rowFilter) add(c session.Condition, exclude bool) error {
	at := slices.IndexFunc(filterKeys(), func(k filterKey) bool { return k.key == c.Key })
	if at < 0 {
		return fmt.Errorf("%q is no key; keys: %s", c.Key, strings.Join(FilterKeys(), ", "))
	}
	if len(c.Values) == 0 {
		return fmt.Errorf("%s has no value", c.Key)
	}
	cond := condition{key: c.Key, property: filterKeys()[at].property, exclude: exclude}
	for _, v := range c.Values {
		cond.values = append(cond.values, []byte(v))
	}
	f.conditions = append(f.conditions, cond)
	return nil
}

// expression is the condition in OData. A property that is null is in no list, so
// that not() of it is true.
func (c *condition) expression() string {
	literals := make([]string, len(c.values))
	for i, v := range c.values {
		literals[i] = "'" + strings.ReplaceAll(string(v), "'", "''") + "'"
	}
	e := c.property.String() + " eq " + literals[0]
	if len(literals) > 1 {
		e = c.property.String() + " in (" + strings.Join(literals, ",") + ")"
	}
	if c.exclude {
		e = "not (" + e + ")"
	}
	return e
}

// String names the condition's key, for people.
func (c *condition) String() string {
	if c.exclude {
		return "not " + c.key
	}
	return c.key
}

// keys names what is filtered by, for people.
func (f *rowFilter) keys() []string {
	if f == nil {
		return nil
	}
	var keys []string
	for i := range f.conditions {
		keys = append(keys, f.conditions[i].String())
	}
	return keys
}

// odata is the expression of $filter; "" where there is none.
func (f *rowFilter) odata() string {
	if f == nil {
		return ""
	}
	return f.expression
}

// uses reports whether the filter is about a property.
func (f *rowFilter) uses(p property) bool {
	return f != nil && slices.ContainsFunc(f.conditions, func(c condition) bool { return c.property == p })
}

// keysOf returns the keys of those properties that the filter is about.
func (f *rowFilter) keysOf(names []string) []string {
	var keys []string
	for _, k := range filterKeys() {
		if f.uses(k.property) && slices.Contains(names, k.property.String()) {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// names returns the properties that the filter is about.
func (f *rowFilter) names() []string {
	var names []string
	for _, k := range filterKeys() {
		if f.uses(k.property) {
			names = append(names, k.property.String())
		}
	}
	return names
}

// misfit is a row that the filter should have kept back.
type misfit struct{ condition *condition }

func (m *misfit) Error() string {
	return "a session is listed that does not fit what it is filtered by: " + m.condition.String()
}

// check returns a *misfit for a row that does not fit.
func (f *rowFilter) check(row *fields) error {
	if f == nil {
		return nil
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; !c.fits(row[c.property].text()) {
			return &misfit{c}
		}
	}
	return nil
}

// fits reports whether a text can be that of a row which the API found to fit.
// Whether it compares letters with regard to case is not documented: a text that
// differs from a value in nothing else may be listed, wanted or not.
func (c *condition) fits(text []byte) bool {
	for _, v := range c.values {
		if bytes.Equal(v, text) {
			return !c.exclude
		}
	}
	return c.exclude || slices.ContainsFunc(c.values, func(v []byte) bool { return bytes.EqualFold(v, text) })
}
