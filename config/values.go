package config

import (
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// schema is a JSON schema (draft 7) of a value. Its patterns mean the same in Go
// and in ECMAScript, with and without the flag u.
type schema map[string]any

const (
	// A text holds no control characters.
	textPattern = `^[^\x00-\x1f\x7f-\x9f]*$`
	// Some of the characters of a text are no blanks.
	someText = `^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`

	durationPattern = `^(([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?|0)$`
	moreThanZero    = `[1-9]`
	aSecond         = `[1-9][0-9]*([ywdhs]|m$|m[^s])|[1-9][0-9]{3,}ms`

	hostLabel    = `[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?`
	namePattern  = hostLabel + `(\.` + hostLabel + `)*`
	hostPattern  = `(` + namePattern + `|\[[0-9A-Fa-f:.]+\])(:` + port + `)?`
	port         = `0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
	octet        = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	cidrPattern  = `^(` + octet + `(\.` + octet + `){3}(/(3[0-2]|[12]?[0-9]))?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$`
	tokenPattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
)

// textLike is a text of which a pattern holds, or a number, which counts as its
// digits.
func textLike(pattern string) schema {
	return schema{"type": []string{"string", "number"}, "pattern": pattern}
}

// textOnly is a text of which a pattern holds, and that no number can be.
func textOnly(pattern string) schema { return schema{"type": "string", "pattern": pattern} }

func anyText() schema { return textLike(textPattern) }

// says is a schema with what editors say about a text of which its pattern does not
// hold, instead of the pattern.
func (s schema) says(what string) schema {
	return s.with(schema{"patternErrorMessage": "must be " + what})
}

// without is a schema whose texts do not fit a pattern.
func (s schema) without(pattern string) schema {
	return s.with(schema{"not": schema{"type": "string", "pattern": pattern}})
}

// with is a schema that has what another one has, too.
func (s schema) with(more schema) schema {
	s = maps.Clone(s)
	maps.Copy(s, more)
	return s
}

func trueOrFalse() schema { return schema{"type": "boolean"} }

func wholeNumber(low, high int) func() schema {
	return func() schema { return schema{"type": "integer", "minimum": low, "maximum": high} }
}

func oneWord(words []string) func() schema {
	return func() schema { return schema{"type": "string", "enum": words} }
}

// anyDuration takes a number only if it is 0, which needs no unit.
func anyDuration() schema {
	return duration().with(schema{"type": []string{"string", "integer"}, "minLength": 1, "minimum": 0, "maximum": 0})
}

func duration() schema { return textOnly(durationPattern).says("a duration such as 10s") }

func positiveDuration() schema {
	return duration().with(schema{"allOf": []schema{schema{"pattern": moreThanZero}.says("more than 0")}})
}

func durationOfSeconds() schema {
	return duration().with(schema{"allOf": []schema{schema{"pattern": aSecond}.says("1s or more")}})
}

// fileName is the name of a file, in which ${VAR} is an environment variable.
func fileName() schema {
	return textLike(`^(\$+\{[A-Za-z_][A-Za-z0-9_]*\}|\$+[^${\x00-\x1f\x7f-\x9f]|[^$\x00-\x1f\x7f-\x9f])*\$*$`).
		says("the name of a file, in which ${VAR} is an environment variable").without(`^\s*$|^~/|-----BEGIN`)
}

// urlOf is a URL with a scheme, and with a path if paths are allowed.
func urlOf(paths bool, schemes ...string) schema {
	path, says := `/*`, schemes[0]+"://HOST or "+schemes[0]+"://HOST:PORT"
	if paths {
		says += ", with or without a path"
		path = `(/[^?#@\x00-\x1f\x7f-\x9f]*)?`
	}
	for i, s := range schemes {
		schemes[i] = anyCase(s)
	}
	return textOnly(`^\s*(` + strings.Join(schemes, "|") + `)://` + hostPattern + path + `\s*$`).says(says)
}

// anyCase is a pattern of a word in capital and small letters.
func anyCase(word string) string {
	var b strings.Builder
	for _, c := range word {
		lower, upper := strings.ToLower(string(c)), strings.ToUpper(string(c))
		if lower == upper {
			b.WriteString(lower)
			continue
		}
		b.WriteString("[" + upper + lower + "]")
	}
	return b.String()
}

// listOf is a list, which may be left empty.
func listOf(item schema) schema {
	return schema{"type": []string{"array", "null"}, "items": item}
}

// fullList is a list of one or more.
func fullList(item schema) schema {
	return schema{"type": "array", "items": item, "minItems": 1}
}

// distinctTexts is a list of texts, none of them empty and none of them twice.
func distinctTexts() schema { return listOf(notEmpty()).with(schema{"uniqueItems": true}) }

func notEmpty() schema { return anyText().with(schema{"minLength": 1}) }

// anyMapping has keys that fit a pattern, but not one of those of refused keys.
func anyMapping(keys string, values schema, refused ...string) schema {
	patterns := schema{keys: values}
	for _, p := range refused {
		patterns[p] = false
	}
	return schema{"type": []string{"object", "null"}, "patternProperties": patterns, "additionalProperties": false}
}

// words is a pattern of some words.
func words(of []string) string { return "^(" + strings.Join(of, "|") + ")$" }

// mapping has the keys of a table, and no others. Rules are what holds between
// them.
func mapping(keys []Option, rules ...schema) schema {
	// Nothing is given here, so that each variable gets its default.
	nothing := &object{d: &decoder{}}
	properties, dependencies := schema{}, schema{}
	var required []string
	for _, k := range keys {
		k.read(nothing)
		if k.values == nil {
			continue
		}
		properties[k.Key] = k.described()
		if k.required {
			required = append(required, k.Key)
		}
		if k.besides != "" {
			dependencies[k.besides] = refuse(k.Key)
		}
	}
	s := schema{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["type"], s["required"] = "object", required
	}
	if len(dependencies) > 0 {
		s["dependencies"] = dependencies
	}
	if len(rules) > 0 {
		s["allOf"] = rules
	}
	return s
}

// described is what values a key takes and what they mean.
func (k Option) described() schema {
	s := k.values()
	s["description"] = k.Doc
	var example any
	if err := yaml.Unmarshal([]byte(k.Example), &example); err == nil && example != nil && k.Example != "{}" {
		s["examples"] = []any{example}
	}
	if k.show != nil && !k.required {
		if v := k.show(); v != nil {
			s["default"] = v
		}
	}
	return s
}

// need is a mapping that gives keys.
func need(keys ...string) schema { return schema{"required": keys} }

// refuse is a mapping that does not give keys.
func refuse(keys ...string) schema {
	refused := schema{}
	for _, k := range keys {
		refused[k] = false
	}
	return schema{"properties": refused}
}

// has is a mapping that gives a key a value.
func has(key string, value schema) schema {
	return schema{"required": []string{key}, "properties": schema{key: value}}
}

// when holds where then does, or cond does not.
func when(cond, then schema) schema { return schema{"if": cond, "then": then} }

func not(s schema) schema { return schema{"not": s} }

// needOne is a mapping that gives at least one of the keys.
func needOne(keys ...string) schema {
	var each []schema
	for _, k := range keys {
		each = append(each, need(k))
	}
	return schema{"anyOf": each}
}

// needSome is a mapping in which at least one of the lists is not empty.
func needSome(keys ...string) schema {
	var each []schema
	for _, k := range keys {
		each = append(each, has(k, schema{"type": "array", "minItems": 1}))
	}
	return schema{"anyOf": each}
}

// apart allows one of the keys at most.
func apart(keys ...string) schema {
	one := schema{}
	for i, k := range keys {
		one[k] = refuse(slices.Delete(slices.Clone(keys), i, i+1)...)
	}
	return schema{"dependencies": one}
}
