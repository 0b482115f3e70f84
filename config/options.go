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
// place that says how it is read, shown and documented.
type Option struct {
	Key     string
	Example string // a value
	Doc     string // what it means, its unit and default

	read func(*object)
	show func() any
}

// Names is an Option that is a list of names, none of them twice.
func Names(v *[]string, key, what, example, doc string) Option {
	return Option{key, example, doc, func(o *object) { *v = o.names(key, what, example) }, func() any { return append([]string{}, *v...) }}
}

// Text is an Option that is a text, by default an empty one.
func Text(v *string, key, what, example, doc string) Option {
	return Option{key, example, doc, func(o *object) { *v, _ = o.text(key, what) }, func() any { return *v }}
}

// Duration is an Option that is a time, 0 included.
func Duration(v *time.Duration, key string, otherwise time.Duration, example, doc string) Option {
	return Option{key, example, doc, func(o *object) { *v = o.duration(key, otherwise, true) }, func() any { return model.Duration(*v) }}
}

// Integer is an Option that is a whole number within bounds.
func Integer(v *int, key string, otherwise, low, high int, example, doc string) Option {
	return Option{key, example, doc, func(o *object) { *v = o.integer(key, otherwise, low, high) }, func() any { return *v }}
}

// Boolean is an Option that is true or false.
func Boolean(v *bool, key string, otherwise bool, doc string) Option {
	return Option{key, strconv.FormatBool(otherwise), doc, func(o *object) { *v = o.boolean(key, otherwise) }, func() any { return *v }}
}

// options reads the options of the API. Those that only others have are no
// unknown keys: foreignOptions refuses them.
func (o *object) options(api *API) (own Options) {
	for _, a := range o.d.apis {
		if a.Options == nil {
			continue
		}
		options := a.Options()
		for _, k := range options.Keys() {
			o.known = append(o.known, k.Key)
			if a.Name == api.Name {
				k.read(o)
			}
		}
		if a.Name == api.Name {
			own = options
		}
	}
	return own
}

// foreignOptions refuses the options of other APIs than the source's.
func (o *object) foreignOptions(api *API, own Options) {
	for _, a := range o.d.apis {
		if a.Options == nil || a.Name == api.Name || api.Name == "" {
			continue
		}
		for _, k := range a.Options().Keys() {
			isOwn := own != nil && slices.ContainsFunc(own.Keys(), func(mine Option) bool { return mine.Key == k.Key })
			if o.has(k.Key) && !isOwn {
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
