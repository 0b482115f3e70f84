package detection

import (
	"maps"
	"slices"
	"time"
)

// Tuning is how a detection is set, for privileged users or for all others. A
// detection has some of the fields, by its Keys.
type Tuning struct {
	Enabled  bool
	Notify   bool   // false: for metrics and the page only
	Severity string // "": that of the level reached

	Warning, Critical int // levels; 0: none

	Max    int           // more of them are too many
	MaxAge time.Duration // older ones are too old
	For    time.Duration // only sessions that are at least this old count
	After  time.Duration // a longer absence is a long one

	Users  []string // patterns
	Roles  []string
	Expect []Expect
	Stores []string
	Hours  *Hours // nil: not given

	// Alone: max was given for privileged users.
	Alone bool
}

// Expect says from which networks some users log in.
type Expect struct {
	Users    []string `yaml:"users,omitempty,flow"` // patterns
	Roles    []string `yaml:"roles,omitempty,flow"`
	Networks []string `yaml:"networks,flow"`
}

// Key is a key of the configuration of a detection. Field returns a pointer to
// the field that it sets, from whose type follows what values it takes.
type Key struct {
	Name  string
	Kind  Kind
	Doc   string
	Field func(*Tuning) any
}

// Kind is what values a key has.
type Kind uint8

const (
	KindBool     Kind = iota // bool
	KindSeverity             // string, of Severities
	KindLevel                // int, 0: none
	KindCount                // int
	KindDuration             // time.Duration
	KindUsers                // []string, patterns
	KindRoles                // []string
	KindStores               // []string
	KindExpect               // []Expect
	KindHours                // *Hours
)

// CommonKeys are the keys that each detection has.
func CommonKeys() []Key {
	return []Key{
		{"enabled", KindBool, "false: not looked for", func(t *Tuning) any { return &t.Enabled }},
		{"severity", KindSeverity, "info, warning or critical", func(t *Tuning) any { return &t.Severity }},
		{"notify", KindBool, "false: shown on the page and in metrics, not sent", func(t *Tuning) any { return &t.Notify }},
	}
}

// AllKeys lists the keys of a detection, those in common first.
func (d *Detection) AllKeys() []Key { return append(CommonKeys(), d.Keys...) }

// Values are values of keys, by name: of the types that their Kinds say.
type Values map[string]any

// Override is what a configuration gives of a detection.
type Override struct{ General, Privileged Values }

// Over returns what is left of under where o does not give a value itself.
func (o Override) Over(under Override) Override {
	return Override{General: merged(under.General, o.General), Privileged: merged(under.Privileged, o.Privileged)}
}

func merged(under, over Values) Values {
	out := maps.Clone(under)
	if out == nil {
		out = Values{}
	}
	maps.Copy(out, over)
	return out
}

// Tunings are both settings of a detection.
type Tunings struct{ General, Privileged Tuning }

// Full returns all values of a detection: its defaults with what is given. Those for
// privileged users are only the ones in which they differ.
func (d *Detection) Full(given Override) Override {
	base := Values{"enabled": true, "notify": true}
	if !d.levels {
		base["severity"] = Warning
	}
	return given.Over(Override{General: merged(base, d.General), Privileged: d.Privileged})
}

// Tune returns the settings of a detection: its defaults with what is given.
func (d *Detection) Tune(given Override) Tunings {
	full := d.Full(given)
	var t Tunings
	d.apply(&t.General, full.General)
	d.apply(&t.Privileged, full.General)
	d.apply(&t.Privileged, full.Privileged)
	_, t.Privileged.Alone = full.Privileged["max"]
	return t
}

func (d *Detection) apply(t *Tuning, vs Values) {
	for _, k := range d.AllKeys() {
		v, ok := vs[k.Name]
		if !ok {
			continue
		}
		switch p := k.Field(t).(type) {
		case *bool:
			*p = v.(bool)
		case *string:
			*p = v.(string)
		case *int:
			*p = v.(int)
		case *time.Duration:
			*p = v.(time.Duration)
		case *[]string:
			*p = v.([]string)
		case *[]Expect:
			*p = v.([]Expect)
		case **Hours:
			*p = v.(*Hours)
		}
	}
}

// Values returns what settings of a detection say, by key.
func (d *Detection) Values(t *Tuning) Values {
	vs := Values{}
	for _, k := range d.AllKeys() {
		switch p := k.Field(t).(type) {
		case *bool:
			vs[k.Name] = *p
		case *string:
			if *p != "" { // else that of the level reached
				vs[k.Name] = *p
			}
		case *int:
			vs[k.Name] = *p
		case *time.Duration:
			vs[k.Name] = *p
		case *[]string:
			vs[k.Name] = *p
		case *[]Expect:
			vs[k.Name] = *p
		case **Hours:
			vs[k.Name] = *p
		}
	}
	return vs
}

// On reports whether a detection that is set so looks for anything.
func (d *Detection) On(t *Tuning) bool { return t.Enabled && (d.given == nil || d.given(t)) }

// On reports whether a detection is on, for some users at least.
func (t *Tunings) On(d *Detection) bool { return d.On(&t.General) || d.On(&t.Privileged) }

// severities are those that an alert of the detection can have.
func (d *Detection) severities(t *Tuning) []string {
	switch {
	case t.Severity != "":
		return []string{t.Severity}
	case !d.levels:
		return nil
	}
	var out []string
	if t.Warning > 0 {
		out = append(out, Warning)
	}
	if t.Critical > 0 {
		out = append(out, Critical)
	}
	return out
}

// Severities are those that alerts of the detection can have, lowest first.
func (d *Detection) Severities(t *Tunings) []string {
	var all []string
	for _, s := range Severities() {
		if slices.Contains(d.severities(&t.General), s) || slices.Contains(d.severities(&t.Privileged), s) {
			all = append(all, s)
		}
	}
	return all
}
