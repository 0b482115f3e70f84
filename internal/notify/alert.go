package notify

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Alert is the state of one alert. Its labels are its identity: a state takes the
// place of the one before with the same labels.
type Alert struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time // required. Not after now: the alert is resolved
	GeneratorURL string    // absolute, or empty
}

// hidden is how an alert prints: annotations name users.
const hidden = "<alert>"

// Format prints a fixed word.
func (Alert) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText writes a fixed word, also in JSON.
func (Alert) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// resolvedRetention is how long a resolved alert is owed, that of
// https://github.com/prometheus/compliance/blob/main/alert_generator/specification.md
const resolvedRetention = 15 * time.Minute

// state is an Alert as it is sent.
type state struct {
	key      string // the labels, in JSON
	severity string // of them
	body     []byte // the alert, in JSON
	until    time.Time

	resolved  bool
	postponed bool // a request with it failed, and others go first
}

// encode returns an alert as it is sent. It fails if a time can't be written.
func encode(a Alert, now time.Time) (*state, error) {
	labels := maps.Clone(a.Labels)
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" }) // the same to Alertmanager
	key, err := json.Marshal(labels)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Labels       json.RawMessage   `json:"labels"`
		Annotations  map[string]string `json:"annotations,omitempty"`
		StartsAt     time.Time         `json:"startsAt,omitzero"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL,omitempty"`
	}{key, a.Annotations, a.StartsAt.UTC(), a.EndsAt.UTC(), a.GeneratorURL})
	if err != nil {
		return nil, err
	}
	s := &state{key: string(key), severity: labels["severity"], body: body, until: a.EndsAt}
	if !a.EndsAt.After(now) {
		s.resolved, s.until = true, a.EndsAt.Add(resolvedRetention)
	}
	return s, nil
}

// over reports whether nobody is owed the state any more.
func (s *state) over(now time.Time) bool { return !s.until.After(now) }
