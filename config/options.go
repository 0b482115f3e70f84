package config

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	yaml "go.yaml.in/yaml/v3"
)

// Options are what can be set of a source of one API only. They are a pointer to
// a struct whose exported fields are all that they hold.
type Options interface {
	// Keys returns the keys that set the options, in the order in which they are
	// shown.
	Keys() []Option
}

// Option is a key of the configuration and the variable that it sets: the one
// place that says how it is read, shown and documented. Each mapping has a table
// of them; what is in no table is not a key.
type Option struct {
	Key     string
	Example string // a value; "": it would be too long
	Doc     string // what it means, its unit and default

	read   func(*object)
	show   func() any    // nil: nothing shows it by its table
	values func() schema // those that it takes, as far as a schema can say; nil: it is refused

	required bool
	missing  string // what to do if a required one is missing; "": read says it
	besides  string // the key beside which it can't be given; "": none
}

// must is the Option as a required one.
func (k Option) must(missing string) Option {
	k.required, k.missing = true, missing
	return k
}

// not is the Option as one that can't be given beside another one.
func (k Option) not(other string) Option {
	k.besides = other
	return k
}

// shown is the Option with the value that it sets.
func (k Option) shown(show func() any) Option {
	k.show = show
	return k
}

// read reads the keys of a table.
func (o *object) read(keys []Option) {
	for _, k := range keys {
		if k.values != nil {
			o.known = append(o.known, k.Key)
		}
		k.read(o)
		if k.missing != "" && !o.given(k.Key) {
			o.fail(k.Key, "is missing; %s", k.missing)
		}
		if k.besides != "" && o.has(k.Key) && o.has(k.besides) {
			o.fail(k.Key, "%s is also set (line %d); remove one", k.besides, o.fields[k.besides].line)
		}
	}
}

// Names is an Option that is a list of names, none of them twice.
func Names(v *[]string, key, what, example, doc string) Option {
	return Option{Key: key, Example: example, Doc: doc, values: distinctTexts,
		read: func(o *object) { *v = o.names(key, what, example) }, show: func() any { return append([]string{}, *v...) }}
}

// Text is an Option that is a text, by default an empty one.
func Text(v *string, key, what, example, doc string) Option {
	return Option{Key: key, Example: example, Doc: doc, values: anyText,
		read: func(o *object) { *v, _ = o.text(key, what) }, show: func() any { return *v }}
}

// Duration is an Option that is a time, 0 included.
func Duration(v *time.Duration, key string, otherwise time.Duration, example, doc string) Option {
	return Option{Key: key, Example: example, Doc: doc, values: anyDuration,
		read: func(o *object) { *v = o.duration(key, otherwise, true) }, show: func() any { return model.Duration(*v) }}
}

// period is an Option that is a time of a second or more.
func period(v *time.Duration, key string, otherwise time.Duration, example, doc string) Option {
	return Option{Key: key, Example: example, Doc: doc, values: durationOfSeconds,
		read: func(o *object) { *v = o.atLeastSecond(key, otherwise) }, show: func() any { return model.Duration(*v) }}
}

// Integer is an Option that is a whole number within bounds.
func Integer(v *int, key string, otherwise, low, high int, example, doc string) Option {
	return Option{Key: key, Example: example, Doc: doc, values: wholeNumber(low, high),
		read: func(o *object) { *v = o.integer(key, otherwise, low, high) }, show: func() any { return *v }}
}

// Boolean is an Option that is true or false.
func Boolean(v *bool, key string, otherwise bool, doc string) Option {
	return Option{Key: key, Example: strconv.FormatBool(otherwise), Doc: doc, values: trueOrFalse,
		read: func(o *object) { *v = o.boolean(key, otherwise) }, show: func() any { return *v }}
}

// word is an Option that is one of some words.
func word(v *string, key, otherwise string, words []string, doc string) Option {
	return Option{Key: key, Example: otherwise, Doc: doc, values: oneWord(words),
		read: func(o *object) { *v = o.oneOf(key, otherwise, words...) }, show: func() any { return *v }}
}

// custom is an Option that is read in its own way.
func custom(key, example, doc string, values func() schema, read func(*object)) Option {
	return Option{Key: key, Example: example, Doc: doc, values: values, read: read}
}

// below is an Option that is a mapping with a table of its own. A missing one is
// read as an empty one.
func below(key, example, doc string, keys []Option, rules ...schema) Option {
	return custom(key, example, doc, func() schema { return mapping(keys, rules...) }, func(o *object) {
		b := o.object(key)
		b.read(keys)
		b.close()
	})
}

// inline is a key that would hold a secret, which belongs into a file that
// another key names.
func inline(key, instead string) Option {
	return Option{Key: key, read: func(o *object) { o.inline(key, instead) }}
}

// reference is a key that would name a secret in a secret manager.
func reference(key, instead string) Option {
	return Option{Key: key, read: func(o *object) { o.reference(key, instead) }}
}

// options reads the options of the API. Those that only others have are no
// unknown keys: foreignOptions refuses them.
func (o *object) options(api *API) (own Options) {
	for _, a := range o.d.apis {
		if a.Options == nil {
			continue
		}
		options := a.Options()
		keys := options.Keys()
		if a.Name == api.Name {
			o.read(keys)
			own = options
		}
		for _, k := range keys {
			o.known = append(o.known, k.Key)
		}
	}
	return own
}

// foreignOptions refuses the options of other APIs than the source's.
func (o *object) foreignOptions(api *API) {
	if api.Name == "" {
		return
	}
	for _, a := range o.d.apis {
		for _, k := range a.foreignTo(api) {
			if !o.has(k.Key) {
				continue
			}
			why := api.NoOption[k.Key]
			if why == "" {
				why = api.NoOption[""]
			}
			if why != "" {
				why = ", " + why
			}
			o.fail(k.Key, "is for api: %s only%s; remove it", a.Name, why)
		}
	}
}

// foreignTo lists the options of an API that another one lacks.
func (a *API) foreignTo(other *API) []Option {
	if a.Name == other.Name {
		return nil
	}
	own := other.keys()
	return slices.DeleteFunc(a.keys(), func(k Option) bool {
		return slices.ContainsFunc(own, func(mine Option) bool { return mine.Key == k.Key })
	})
}

// keys are those of the options of an API.
func (a *API) keys() []Option {
	if a.Options == nil {
		return nil
	}
	return a.Options().Keys()
}

// names reads a list of names, none of them empty and none of them twice.
func (o *object) names(key, what, example string) []string {
	var names []string
	vs, _ := o.values(key, example)
	for _, v := range vs {
		s, ok := o.d.text(v, what)
		switch {
		case !ok:
		case s == "":
			o.d.failAt(v, "is empty; write %s, or remove it", what)
		case slices.Contains(names, s):
			o.d.failAt(v, "%s is listed twice; remove one", quote(s))
		default:
			names = append(names, s)
		}
	}
	return names
}

// appendTo adds the options to a source as YAML has it.
func appendTo(source *yaml.Node, options Options) error {
	for _, k := range options.Keys() {
		n := new(yaml.Node)
		if err := n.Encode(k.show()); err != nil {
			return err
		}
		source.Content = append(source.Content, text(k.Key), n)
	}
	return nil
}
