package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/go-openapi/strfmt"
	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/common/model"

	"iam_session_exporter/internal/notify"
)

// bodies is an Alertmanager that accepts everything, and keeps what it got.
type bodies chan []byte

func (b bodies) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	b <- body
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// What the exporter sends is valid to Alertmanager's own models, and says there what
// it says here: whatever is in the annotations.
func TestAlertmanagersModelsTakeWhatIsSent(t *testing.T) {
	sent := make(bodies, 10)
	n := notify.New(notify.Options{Logger: log.NewNopLogger(), Transport: func(notify.Alertmanager) (http.RoundTripper, error) { return sent, nil }})
	defer n.Stop(t.Context())
	now := time.Now()
	labels := map[string]string{"alertname": "IAMUserBreakGlass", "severity": "critical", "category": "security", "source": "prod", "api": "oam", "subject": "u-abcdefghijklmnop"}
	hostile := []string{"", "alice@example.com", `"}]`, "\x00\x1b[31m\r\n", "\xff\xfe", "\u202ecod.exe", "</script>", "{{ .Labels }}", strings.Repeat("ü", 512), "\U0001f600\u2028"}
	var alerts []notify.Alert
	for _, ends := range []time.Time{now.Add(30 * time.Minute), now} {
		for i, text := range hostile {
			a := notify.Alert{
				Labels: map[string]string{"n": string(rune('a'+i)) + ends.Format("150405")}, Annotations: map[string]string{"summary": "A break-glass account is in use", "user": text},
				StartsAt: now.Add(-time.Hour), EndsAt: ends, GeneratorURL: "https://exporter.example.com/prometheus/?a=b&c=d",
			}
			for name, value := range labels {
				a.Labels[name] = value
			}
			alerts = append(alerts, a)
		}
	}
	alerts = append(alerts, notify.Alert{Labels: labels, StartsAt: now, EndsAt: now.Add(time.Hour)})
	if err := n.Update(notify.Config{ResendDelay: time.Minute, Alertmanagers: []notify.Alertmanager{{URL: "http://alertmanager:9093", Timeout: time.Second}}}); err != nil {
		t.Fatal(err)
	}
	if got := postable(t, <-sent); len(got) != 0 {
		t.Errorf("at the start: %d alerts, want none", len(got))
	}
	n.Send(alerts)
	got := postable(t, <-sent)
	if len(got) != len(alerts) {
		t.Fatalf("%d alerts, want %d", len(got), len(alerts))
	}
	for i, p := range got {
		want := alerts[i]
		a := amalert.Alert{Alert: model.Alert{StartsAt: time.Time(p.StartsAt), EndsAt: time.Time(p.EndsAt), GeneratorURL: string(p.GeneratorURL), Labels: labelSet(p.Labels), Annotations: labelSet(p.Annotations)}}
		if err := a.Validate(); err != nil {
			t.Errorf("%q: %v", want.Annotations, err)
		}
		if a.Labels.Fingerprint() != labelSet(want.Labels).Fingerprint() {
			t.Errorf("labels %v, want %v", a.Labels, want.Labels)
		}
		if user := strings.ToValidUTF8(want.Annotations["user"], "\ufffd\ufffd"); string(a.Annotations["user"]) != user {
			t.Errorf("user %q, want %q", a.Annotations["user"], user)
		}
		if !a.StartsAt.Equal(want.StartsAt) || !a.EndsAt.Equal(want.EndsAt) || a.GeneratorURL != want.GeneratorURL {
			t.Errorf("from %s to %s by %q, want %s, %s and %q", a.StartsAt, a.EndsAt, a.GeneratorURL, want.StartsAt, want.EndsAt, want.GeneratorURL)
		}
		if resolved := !want.EndsAt.After(now); a.Resolved() != resolved {
			t.Errorf("resolved is %t, want %t", a.Resolved(), resolved)
		}
	}
}

// A real Alertmanager takes a request without alerts, shows what fires, and shows it
// no more once it has ended.
func TestARealAlertmanagerTakesWhatIsSent(t *testing.T) {
	a := runAlertmanager(t, "route: {receiver: none}\nreceivers: [{name: none}]\n")
	n := notify.New(notify.Options{Logger: log.NewNopLogger()})
	defer n.Stop(t.Context())
	if err := n.Update(notify.Config{ResendDelay: time.Minute, Alertmanagers: []notify.Alertmanager{{URL: a.url, Timeout: 10 * time.Second}}}); err != nil {
		t.Fatal(err)
	}
	await(t, "a request without alerts is accepted", func() error {
		if !n.Accepting() {
			return errors.New("not accepted")
		}
		return nil
	})
	const alerts = 100 // two requests
	send := func(ends time.Time) {
		var list []notify.Alert
		for i := range alerts {
			list = append(list, notify.Alert{
				Labels:      alert("IAMUserBreakGlass", "critical", "security", "subject", fmt.Sprint("u-", i)),
				Annotations: map[string]string{"user": "\x00\"}]{{ . }}</script>\u202e\xff"},
				StartsAt:    time.Now().Add(-time.Hour), EndsAt: ends,
			})
		}
		n.Send(list)
	}
	shown := func(want int) func() error {
		return func() error {
			if got := len(a.inhibited()); got != want {
				return fmt.Errorf("%d alerts, want %d", got, want)
			}
			return nil
		}
	}
	send(time.Now().Add(time.Hour))
	await(t, "all fire", shown(alerts))
	send(time.Now())
	await(t, "none fires", shown(0))
	if !n.Accepting() {
		t.Error("Alertmanager refused a request; want that it accepts all")
	}
}

// postable is what Alertmanager reads in a body, which must be valid to it.
func postable(t *testing.T, body []byte) models.PostableAlerts {
	t.Helper()
	var alerts models.PostableAlerts
	if err := json.Unmarshal(body, &alerts); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if err := alerts.Validate(strfmt.Default); err != nil {
		t.Errorf("%v: %s", err, body)
	}
	return alerts
}

func labelSet(m map[string]string) model.LabelSet {
	s := model.LabelSet{}
	for name, value := range m {
		s[model.LabelName(name)] = model.LabelValue(value)
	}
	return s
}
