package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// values is the content of values.yml: the keys and the kinds of values of the
// shipped file are all there are.
type values = map[string]any

var severities = []string{"critical", "warning", "info"}

// What the values of a part of the file must match, beyond their kind.
const (
	durationPattern = `^[1-9][0-9]*(s|m|h|d)$`
	urlPattern      = `^https?://[!$-&(->@-z|~]+$` // visible ASCII, but for what YAML, Prometheus or a path could take for its own
	jobPattern      = `^[^"\\\x00-\x1f\x7f]+$`     // it is put between quotation marks
)

// merge returns the defaults with a user's own values in their place, and links
// that are not empty.
func merge(defaults, own []byte, runbooks, grafana string) (values, error) {
	v := values{}
	if err := yaml.Unmarshal(defaults, &v); err != nil {
		return nil, err
	}
	var doc yaml.Node
	all := yaml.NewDecoder(bytes.NewReader(own))
	if err := all.Decode(&doc); err != nil && err != io.EOF {
		return nil, err
	}
	if err := all.Decode(new(yaml.Node)); err != io.EOF {
		return nil, cmp.Or(err, errors.New("more than one document"))
	}
	if len(doc.Content) == 1 { // an empty file has no content
		if err := override(v, doc.Content[0], ""); err != nil {
			return nil, err
		}
	}
	if links, ok := v["links"].(map[string]any); ok {
		for name, link := range map[string]string{"runbooks": runbooks, "grafana": grafana} {
			if link != "" {
				links[name] = link
			}
		}
	}
	return v, check(v)
}

// override puts the values of a mapping in the place of the defaults.
func override(defaults map[string]any, own *yaml.Node, at string) error {
	if own.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s has to be a mapping", own.Line, strings.TrimSuffix(at, "."))
	}
	var all []error
	seen := map[string]bool{}
	for i := 0; i < len(own.Content); i += 2 {
		key, value := own.Content[i], own.Content[i+1]
		name := at + key.Value
		old, known := defaults[key.Value]
		switch {
		case !known:
			all = append(all, fmt.Errorf("line %d: unknown key %s", key.Line, name))
			continue
		case seen[key.Value]:
			all = append(all, fmt.Errorf("line %d: %s is there twice", key.Line, name))
			continue
		}
		seen[key.Value] = true
		if below, ok := old.(map[string]any); ok {
			all = append(all, override(below, value, name+"."))
			continue
		}
		var v any
		if err := value.Decode(&v); err != nil {
			return err
		}
		if kind(v) != kind(old) {
			all = append(all, fmt.Errorf("line %d: %s has to be a %s", value.Line, name, kind(old)))
			continue
		}
		defaults[key.Value] = v
	}
	return errors.Join(all...)
}

// kind is the type of a value in the words of JSON Schema.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case int, float64:
		return "number"
	default:
		return "object"
	}
}

// check returns why rules can't be made from the values.
func check(v values) error {
	all := slices.Concat(checkJob(v), checkLinks(v), checkSeverities(v), checkThresholds(v), checkDurations(v))
	slices.SortFunc(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(all...)
}

func checkJob(v values) (all []error) {
	job, _ := v["job"].(string)
	if _, err := regexp.Compile(job); err != nil || !regexp.MustCompile(jobPattern).MatchString(job) {
		all = append(all, fmt.Errorf("job: %q is not a regular expression without quotation marks and backslashes", job))
	}
	return all
}

// checkLinks also removes slashes from the ends of links.
func checkLinks(v values) (all []error) {
	links, _ := v["links"].(map[string]any)
	for name, link := range links {
		s, _ := link.(string)
		s = strings.TrimRight(s, "/")
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || !regexp.MustCompile(urlPattern).MatchString(s) {
			all = append(all, fmt.Errorf("links.%s: %q is not an address such as https://example.com/runbooks", name, s))
		}
		links[name] = s
	}
	return all
}

func checkSeverities(v values) (all []error) {
	each(v["severities"], "severities", func(at string, x any) {
		if s, _ := x.(string); !slices.Contains(severities, s) {
			all = append(all, fmt.Errorf("%s: %q is not one of %s", at, s, strings.Join(severities, ", ")))
		}
	})
	for name, two := range levels(v["severities"]) {
		critical, warning := rank(two["critical"]), rank(two["warning"])
		switch {
		case two["critical"] == two["warning"]:
			all = append(all, fmt.Errorf("severities.%s: its two levels need two severities", name))
		case critical > warning && warning >= 0:
			all = append(all, fmt.Errorf("severities.%s: critical is %s, below warning, which is %s", name, two["critical"], two["warning"]))
		}
	}
	return all
}

func checkThresholds(v values) (all []error) {
	for name, two := range levels(v["thresholds"]) {
		if critical, warning := number(two["critical"]), number(two["warning"]); critical < warning {
			all = append(all, fmt.Errorf("thresholds.%s: critical is %v, below warning, which is %v", name, critical, warning))
		}
	}
	each(v["thresholds"], "thresholds", func(at string, x any) {
		if n, ok := x.(int); ok && n < 0 {
			all = append(all, fmt.Errorf("%s: %d is below 0", at, n))
		} else if f, ok := x.(float64); ok && !(f >= 0 && f < 1e12) { // NaN, too
			all = append(all, fmt.Errorf("%s: %v is not a number from 0 on", at, f))
		}
	})
	return all
}

func checkDurations(v values) (all []error) {
	each(v["for"], "for", func(at string, x any) {
		s, _ := x.(string)
		if _, err := model.ParseDuration(s); err != nil || !regexp.MustCompile(durationPattern).MatchString(s) { // the pattern has no largest one
			all = append(all, fmt.Errorf("%s: %q is not a duration such as 5m", at, s))
		}
	})
	return all
}

// levels returns the alerts that have a value for critical and one for warning.
func levels(part any) map[string]map[string]any {
	all := map[string]map[string]any{}
	alerts, _ := part.(map[string]any)
	for name, of := range alerts {
		if two, ok := of.(map[string]any); ok && two["critical"] != nil && two["warning"] != nil {
			all[name] = two
		}
	}
	return all
}

// rank is the place of a severity, the highest first; -1: it is none.
func rank(x any) int {
	s, _ := x.(string)
	return slices.Index(severities, s)
}

func number(x any) float64 {
	if n, ok := x.(int); ok {
		return float64(n)
	}
	f, _ := x.(float64)
	return f
}

// each calls f with each value that is not a mapping, and its name.
func each(v any, at string, f func(string, any)) {
	m, ok := v.(map[string]any)
	if !ok {
		f(at, v)
		return
	}
	for name, below := range m {
		each(below, at+"."+name, f)
	}
}
