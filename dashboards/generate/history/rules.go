package history

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// What the rules would have made of the past, had they been evaluated then.

const evaluation = time.Minute

type rule struct {
	Record        string            `yaml:"record,omitempty"`
	Alert         string            `yaml:"alert,omitempty"`
	Expr          string            `yaml:"expr"`
	For           time.Duration     `yaml:"for,omitempty"`
	KeepFiringFor time.Duration     `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`
}

// judge records what the rules record, and which alerts fired.
func (s *Story) judge(ctx context.Context, file, dir, data string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var rules struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(b, &rules); err != nil {
		return err
	}
	var recording, alerting []rule
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				recording = append(recording, r)
			} else {
				alerting = append(alerting, r)
			}
		}
	}
	for i, level := range levels(recording) {
		if err := s.record(ctx, level, filepath.Join(dir, fmt.Sprintf("level%d.yml", i)), dir, data); err != nil {
			return err
		}
	}
	return s.alert(ctx, alerting, dir, data)
}

var recorded = regexp.MustCompile(`\b\w+:\w+:\w+\b`)

// levels puts rules behind those that they read. What a rule has recorded itself is
// not there for it.
func levels(rules []rule) (all [][]rule) {
	done := map[string]bool{}
	for len(rules) > 0 {
		var now, later []rule
		for _, r := range rules {
			if slices.ContainsFunc(recorded.FindAllString(r.Expr, -1), func(name string) bool { return name != r.Record && !done[name] }) {
				later = append(later, r)
			} else {
				now = append(now, r)
			}
		}
		for _, r := range now {
			done[r.Record] = true
		}
		if len(now) == 0 {
			now, later = later, nil // they read each other
		}
		all, rules = append(all, now), later
	}
	return all
}

// record computes what recording rules would have recorded.
func (s *Story) record(ctx context.Context, rules []rule, file, dir, data string) error {
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "past", "rules": rules}}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return err
	}
	p, err := start(ctx, dir, data)
	if err != nil {
		return err
	}
	for _, l := range s.Looks {
		err = errors.Join(err, run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "rules", "--url="+p.URL, "--output-dir="+data,
			"--eval-interval="+evaluation.String(), "--start="+unix(s.End.Add(-l.From)), "--end="+unix(s.End.Add(-l.To)), file))
	}
	return errors.Join(err, p.Close())
}

// alert writes the alerts of the last look.
func (s *Story) alert(ctx context.Context, rules []rule, dir, data string) (err error) {
	p, err := start(ctx, dir, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	name := filepath.Join(dir, "alerts.om")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	begin := s.End.Add(-s.Looks[len(s.Looks)-1].From)
	for _, r := range rules {
		holds, err := p.holds(ctx, r.Expr, begin, s.End)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Alert, err)
		}
		for _, h := range holds {
			r.fire(out, h, begin, s.End)
		}
	}
	fmt.Fprintln(out, "# EOF")
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		return err
	}
	return blocks(ctx, name, data)
}

// held is when the condition of an alert held, for a set of labels.
type held struct {
	labels map[string]string
	at     map[int64]bool
}

// holds asks when a condition held.
func (p *Prometheus) holds(ctx context.Context, expr string, begin, end time.Time) (all []held, err error) {
	b, err := p.get(ctx, "/api/v1/query_range?"+url.Values{
		"query": {expr}, "start": {unix(begin)}, "end": {unix(end)}, "step": {strconv.Itoa(int(evaluation.Seconds()))},
	}.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, err
	}
	for _, r := range answer.Data.Result {
		delete(r.Metric, "__name__")
		h := held{labels: r.Metric, at: map[int64]bool{}}
		for _, v := range r.Values {
			h.at[int64(v[0].(float64))] = true
		}
		all = append(all, h)
	}
	return all, nil
}

// fire writes an alert as Prometheus does while it is pending and while it fires.
func (r rule) fire(w io.Writer, h held, begin, end time.Time) {
	labels := maps.Clone(r.Labels)
	maps.Copy(labels, h.labels)
	labels["alertname"] = r.Alert
	var since, gone time.Time
	firing := false
	for at := begin; !at.After(end); at = at.Add(evaluation) {
		switch {
		case h.at[at.Unix()]:
			gone = time.Time{}
			if since.IsZero() {
				since = at
			}
			firing = firing || at.Sub(since) >= r.For
		case !firing:
			since = time.Time{}
		case gone.IsZero():
			gone = at
		}
		if firing && !gone.IsZero() && at.Sub(gone) >= r.KeepFiringFor {
			since, gone, firing = time.Time{}, time.Time{}, false
		}
		if since.IsZero() {
			continue
		}
		state := "pending"
		if firing {
			state = "firing"
		}
		var text strings.Builder
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			fmt.Fprintf(&text, "%s=%q,", name, labels[name])
		}
		fmt.Fprintf(w, "ALERTS{%salertstate=%q} 1 %d\n", &text, state, at.Unix())
		fmt.Fprintf(w, "ALERTS_FOR_STATE{%s} %d %d\n", strings.TrimSuffix(text.String(), ","), since.Unix(), at.Unix())
	}
}
