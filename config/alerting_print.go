package config

import (
	"fmt"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// alertingView is the block alerting as YAML has it.
type alertingView struct {
	Alertmanagers []Alertmanager    `yaml:"alertmanagers"`
	KeyFile       string            `yaml:"key_file"`
	Details       string            `yaml:"details"`
	Interval      model.Duration    `yaml:"interval"`
	ResendDelay   model.Duration    `yaml:"resend_delay"`
	Hold          model.Duration    `yaml:"hold"`
	KeepFiringFor model.Duration    `yaml:"keep_firing_for"`
	MaxAlerts     int               `yaml:"max_alerts"`
	DashboardURL  string            `yaml:"dashboard_url"`
	Labels        map[string]string `yaml:"labels"`
	rulesView     `yaml:",inline"`
	Exceptions    []exceptionView `yaml:"exceptions"`
}

type sourceAlertingView struct {
	Enabled   bool `yaml:"enabled"`
	rulesView `yaml:",inline"`
}

type rulesView struct {
	Privileged      detection.Who `yaml:"privileged"`
	ServiceAccounts []string      `yaml:"service_accounts,flow"`
	SharedNetworks  []string      `yaml:"shared_networks,flow"`
	Detections      yaml.Node     `yaml:"detections"`
}

type alertmanagerView struct {
	URL     string                      `yaml:"url"`
	Timeout model.Duration              `yaml:"timeout"`
	HTTP    promconfig.HTTPClientConfig `yaml:",inline"`
}

type exceptionView struct {
	Users          []string  `yaml:"users,omitempty,flow"`
	Roles          []string  `yaml:"roles,omitempty,flow"`
	IdentityStores []string  `yaml:"identity_stores,omitempty,flow"`
	Networks       []string  `yaml:"networks,omitempty,flow"`
	Detections     []string  `yaml:"detections,omitempty,flow"`
	Sources        []string  `yaml:"sources,omitempty,flow"`
	Until          yaml.Node `yaml:"until"`
	Reason         string    `yaml:"reason"`
}

type hoursView struct {
	Days     []string `yaml:"days,flow"`
	From     string   `yaml:"from"`
	To       string   `yaml:"to"`
	TimeZone string   `yaml:"time_zone"`
}

// MarshalYAML returns the block as it may be written; see Config's.
func (a Alerting) MarshalYAML() (any, error) {
	v := alertingView{
		Alertmanagers: a.Alertmanagers, KeyFile: a.KeyFile, Details: a.Details,
		Interval: model.Duration(a.Interval), ResendDelay: model.Duration(a.ResendDelay), Hold: model.Duration(a.Hold),
		KeepFiringFor: model.Duration(a.KeepFiringFor), MaxAlerts: a.MaxAlerts, DashboardURL: a.DashboardURL, Labels: a.Labels,
		rulesView: a.view(^session.Facts(0)),
	}
	for _, x := range a.Exceptions {
		v.Exceptions = append(v.Exceptions, exceptionView{x.Users, x.Roles, x.IdentityStores, x.Networks, x.Detections, x.Sources, untilNode(x.Until), x.Reason})
	}
	return v, nil
}

// MarshalYAML returns the Alertmanager as Config's does.
func (m Alertmanager) MarshalYAML() (any, error) {
	return withHTTP(alertmanagerView{m.URL, model.Duration(m.Timeout), withoutValues(m.HTTP)})
}

// view shows each detection with all its settings, in the order of their table. It
// leaves out those that are on but impossible without a fact, as the block of a
// source may not have them, and those that nothing is said of and that look for
// nothing.
func (r Rules) view(facts session.Facts) rulesView {
	all := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, d := range detection.All() {
		given, ok := r.Detections[d.Key]
		e := Explain(d, given)
		if e.On && !facts.Has(d.Needs) {
			continue
		}
		if _, said := given.General["enabled"]; !e.On && !said && e.Settings["enabled"] == true {
			delete(e.Settings, "enabled") // nothing says what is looked for
			if !ok {
				continue
			}
		}
		all.Content = append(all.Content, text(d.Key), e.node())
	}
	return rulesView{r.Privileged, r.ServiceAccounts, r.SharedNetworks, all}
}

func settingsNode(d *detection.Detection, vs detection.Values) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
	for _, k := range d.AllKeys() {
		v, ok := vs[k.Name]
		if !ok {
			continue
		}
		n := new(yaml.Node)
		if err := n.Encode(settingValue(v)); err != nil {
			n = text(err.Error())
		}
		m.Content = append(m.Content, text(k.Name), n)
	}
	return m
}

// settingValue is the value of a setting as YAML has it.
func settingValue(v any) any {
	switch x := v.(type) {
	case time.Duration:
		return model.Duration(x)
	case *detection.Hours:
		return hours(x)
	}
	return v
}

func hours(h *detection.Hours) *hoursView {
	if h == nil {
		return nil
	}
	v := &hoursView{From: clock(h.From), To: clock(h.To), TimeZone: h.Zone.String()}
	for _, d := range h.Days {
		v.Days = append(v.Days, dayNames[d])
	}
	return v
}

// untilNode is the date at whose end a time is, or the time.
func untilNode(t time.Time) yaml.Node {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: t.Format(time.RFC3339Nano)}
	if t.Equal(t.Truncate(24 * time.Hour)) {
		n.Value = t.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return n
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// appendTo adds what a source gives of its own to the source as YAML has it.
func (a *Alerting) appendTo(source *yaml.Node, s Source) error {
	if a == nil {
		return nil
	}
	own, ok := a.Sources[s.Name]
	if !ok {
		return nil
	}
	n := new(yaml.Node)
	if err := n.Encode(sourceAlertingView{own.Enabled, own.view(factsOf(s.API))}); err != nil {
		return err
	}
	source.Content = append(source.Content, text("alerting"), n)
	return nil
}
