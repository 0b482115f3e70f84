package alerts

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Alert is one alerting rule. Several may have the same name, one a severity.
type Alert struct {
	Name      string
	Severity  string // critical, warning or info
	Category  string // security or operations
	Summary   string // one sentence
	Expr      string // PromQL
	For       string // how long it must hold, by `for` or by what it reads of a recording rule; "" is at once
	Threshold string // the comparison of Expr with a number that decides, such as "> 900", and how many times more than before; "" without one
}

// comparison finds where an expression is held against a number.
var comparison = regexp.MustCompile(`(?:==|!=|>=|<=|>|<)\s*(?:bool\s+)?-?[0-9][0-9.e]*`)

// Catalogue returns the alerts of Rules, in their order.
func Catalogue() ([]Alert, error) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Record      string
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(Rules, &file); err != nil {
		return nil, fmt.Errorf("rules.yml: %w", err)
	}
	var all []Alert
	records := map[string]string{} // expressions
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				records[r.Record] = r.Expr
				continue
			}
			a := Alert{Name: r.Alert, Severity: r.Labels["severity"], Category: r.Labels["category"], Summary: r.Annotations["summary"], Expr: r.Expr, For: r.For}
			read := recorded.ReplaceAllStringFunc(r.Expr, func(name string) string { return records[name] })
			if m := heldFor.FindStringSubmatch(r.Expr + read); m != nil && a.For == "" {
				a.For = m[1]
			}
			a.Threshold = threshold(r.Expr, read)
			all = append(all, a)
		}
	}
	return all, nil
}

var (
	// noThreshold finds what rules need to be listed, whether a counter was reset,
	// whether there is a limit, and whether the exporter sends alerts itself.
	noThreshold = regexp.MustCompile(`(?s:unless on \(instance, source\)\s*\(\s*last_over_time.*?\) == 1)|source:iam_source_listed_ratio:max > 0\.95|resets\([^)]*\) == 0|_limit\[5m\]\)\) > 0`)
	// times finds how many times more than before it must be.
	times = regexp.MustCompile(`>\s*([0-9][0-9.e]*)\s*\*`)
	// least finds the number of a comparison with what may only be larger.
	least = regexp.MustCompile(`>\s*clamp_min\((?s:.*),\s*([0-9][0-9.e]*)\s*\)`)
	// recorded finds what a rule reads of recording rules.
	recorded = regexp.MustCompile(`\b\w+:\w+:\w+`)
	// heldFor finds how long what a rule waits for must have been recorded.
	heldFor = regexp.MustCompile(`:held\[\w+\] offset (\w+)\) == 1`)
)

// threshold returns the first comparison with a number other than 0 and 1, which
// are states; without one, the first of all. A factor follows it. read is the
// expression with what the recording rules in it are.
func threshold(expr, read string) string {
	if m := least.FindStringSubmatch(read); m != nil {
		return "> " + m[1]
	}
	found := comparison.FindAllString(noThreshold.ReplaceAllString(expr, ""), -1)
	for _, c := range found {
		if strings.HasSuffix(c, " 0") || strings.HasSuffix(c, " 1") {
			continue
		}
		if m := times.FindStringSubmatch(expr); m != nil {
			c += ", and > " + m[1] + " times as many as before"
		}
		return c
	}
	if len(found) > 0 {
		return found[0]
	}
	return ""
}
