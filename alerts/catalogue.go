package alerts

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Alert is one alerting rule. Several may have the same name, one a severity.
type Alert struct {
	Name      string
	Severity  string // critical, warning or info
	Category  string // security or operations
	Summary   string // one sentence
	Expr      string // PromQL
	For       string // how long it must hold; "" is at once
	Threshold string // what the last comparison of Expr with a number says, such as "> 900"; "" without one
}

// comparison finds where an expression is held against a number.
var comparison = regexp.MustCompile(`(?:==|!=|>=|<=|>|<)\s*(?:bool\s+)?-?[0-9][0-9.e]*`)

// Catalogue returns the alerts of Rules, in their order.
func Catalogue() ([]Alert, error) {
	var file struct {
		Groups []struct {
			Rules []struct {
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
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			a := Alert{Name: r.Alert, Severity: r.Labels["severity"], Category: r.Labels["category"], Summary: r.Annotations["summary"], Expr: r.Expr, For: r.For}
			if found := comparison.FindAllString(r.Expr, -1); len(found) > 0 {
				a.Threshold = found[len(found)-1]
			}
			all = append(all, a)
		}
	}
	return all, nil
}
