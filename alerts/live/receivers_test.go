//go:build alerting

package live

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// received is what came to the receivers.
type received struct {
	mu  sync.Mutex
	all map[string]*notified // by what
	// last is the last message on alerts, chat the text of the last one to /chat.
	last []byte
	chat string
}

// notified is what was sent of an alert: when each of its episodes began, and
// whether that it resolved; how often the one and the other, and the last annotations.
type notified struct {
	began       []time.Time
	resolved    bool
	told, ended int
	annotations map[string]string
}

// what names an alert: its name, severity, source and instance, those it has.
func what(labels map[string]string) string {
	return strings.Join(strings.Fields(labels["alertname"]+" "+labels["severity"]+" "+labels["source"]+" "+labels["instance"]), " ")
}

func (r *received) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var m struct {
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
			StartsAt            time.Time
		}
		Attachments []struct{ Text string }
	}
	body, _ := io.ReadAll(req.Body) // what is cut off can't be decoded
	if err := json.Unmarshal(body, &m); err != nil {
		m.Alerts = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(m.Alerts) > 0 {
		r.last = body
	}
	for _, a := range m.Attachments {
		r.chat = a.Text
	}
	for _, a := range m.Alerts {
		k := strings.TrimPrefix(req.URL.Path, "/") + " " + what(a.Labels)
		if strings.Contains(a.Annotations["description"], "<no value>") || a.Annotations["runbook_url"] == "" {
			k += " badly described"
		}
		n := r.all[k]
		if n == nil {
			n = &notified{}
			r.all[k] = n
		}
		n.annotations = a.Annotations
		if a.Status == "resolved" {
			n.ended++
		} else {
			n.told++
		}
		switch {
		case a.Status == "resolved":
			n.resolved = true
		case !slices.ContainsFunc(n.began, a.StartsAt.Equal):
			n.began = append(n.began, a.StartsAt)
		}
	}
}

func (r *received) has(k string, resolved bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.all[k]; n == nil || len(n.began) == 0 || resolved && !n.resolved {
		return fmt.Errorf("not of %q; of %q", k, slices.Sorted(maps.Keys(r.all)))
	}
	return nil
}

// names lists what was told to fire, once for each episode. Alertmanager may tell
// with a message on others of the group that something has resolved which it had
// held back; that is no alarm.
func (r *received) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for k, n := range r.all {
		for range n.began {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// of is what was sent of an alert.
func (r *received) of(k string) notified {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.all[k]; n != nil {
		return *n
	}
	return notified{}
}
