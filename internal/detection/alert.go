package detection

import (
	"maps"
	"time"
)

// Alert is what is sent to Alertmanager.
type Alert struct {
	Labels       map[string]string
	Annotations  Annotations
	StartsAt     time.Time
	EndsAt       time.Time
	GeneratorURL string // "": none
}

// ReservedLabels are those that the configuration may not add: each alert has them,
// or Prometheus gives them a meaning.
func ReservedLabels() []string {
	return []string{"alertname", "severity", "category", "source", "api", "subject", "instance", "job"}
}

func (c *compiled) labels(k key) map[string]string {
	l := maps.Clone(c.settings.Labels)
	if l == nil {
		l = make(map[string]string, 6)
	}
	l["alertname"], l["severity"], l["category"] = k.alert, k.severity, "security"
	l["source"], l["api"], l["subject"] = c.source.Name, string(c.source.API), k.subject
	return l
}

func (c *compiled) alert(k key, a Annotations, starts, ends time.Time) Alert {
	out := Alert{Labels: c.labels(k), Annotations: a, StartsAt: starts, EndsAt: ends}
	if c.settings.ExternalURL != "" {
		out.GeneratorURL = c.settings.ExternalURL + "/"
	}
	return out
}
