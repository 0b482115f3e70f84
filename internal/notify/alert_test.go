package notify

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
)

var noon = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

// What is sent, to the byte.
func TestEncode(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	s, err := encode(Alert{
		Labels:      map[string]string{"subject": "u-abc", "alertname": "IAMUserBreakGlass", "empty": ""},
		Annotations: map[string]string{"user": "\"}]\\ \n\x00 \u202e \xff </script> {{ .Labels }} ü"},
		StartsAt:    noon.In(berlin), EndsAt: noon.Add(90*time.Minute + 250*time.Millisecond),
		GeneratorURL: "https://exporter.example.com/?a=1&b=2",
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"labels":{"alertname":"IAMUserBreakGlass","subject":"u-abc"},` +
		`"annotations":{"user":"\"}]\\ \n\u0000 ` + "\u202e" + ` \ufffd \u003c/script\u003e {{ .Labels }} ü"},` +
		`"startsAt":"2026-03-09T12:00:00Z","endsAt":"2026-03-09T13:30:00.25Z",` +
		`"generatorURL":"https://exporter.example.com/?a=1\u0026b=2"}`
	if got := string(s.body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := s.key, `{"alertname":"IAMUserBreakGlass","subject":"u-abc"}`; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	s, err = encode(Alert{Labels: map[string]string{"a": "b"}, EndsAt: noon}, noon)
	if got, want := string(s.body), `{"labels":{"a":"b"},"endsAt":"2026-03-09T12:00:00Z"}`; got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if _, err := encode(Alert{EndsAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, noon); err == nil {
		t.Error("a year of five digits: no error")
	}
}

// How long a state is owed.
func TestUntil(t *testing.T) {
	for ends, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, time.Nanosecond: time.Nanosecond,
		0: 15 * time.Minute, -time.Minute: 14 * time.Minute, -time.Hour: -45 * time.Minute,
	} {
		s, err := encode(Alert{EndsAt: noon.Add(ends)}, noon)
		if err != nil || !s.until.Equal(noon.Add(want)) {
			t.Errorf("ends after %s: owed for %s, %v; want %s", ends, s.until.Sub(noon), err, want)
		}
		if s.over(noon) != (want <= 0) {
			t.Errorf("ends after %s: over is %t, want %t", ends, s.over(noon), want <= 0)
		}
	}
}

// The same labels are the same alert, in whatever order they were set.
func TestLabelsAreTheIdentity(t *testing.T) {
	key := func(labels ...string) string {
		a := Alert{Labels: map[string]string{}}
		for i := 0; i+1 < len(labels); i += 2 {
			a.Labels[labels[i]] = labels[i+1]
		}
		s, err := encode(a, noon)
		if err != nil {
			t.Fatal(err)
		}
		return s.key
	}
	if a, b := key("a", "1", "b", "2"), key("b", "2", "a", "1", "c", ""); a != b {
		t.Errorf("%s and %s; want the same", a, b)
	}
	if a, b := key("a", `1","b":"2`), key("a", "1", "b", "2"); a == b {
		t.Errorf("%s twice; want two keys", a)
	}
}

// An alert prints as a fixed word, wherever it is.
func TestAnAlertDoesNotPrint(t *testing.T) {
	a := Alert{Labels: map[string]string{"subject": canary}, Annotations: map[string]string{"user": canary}, GeneratorURL: canary}
	in := struct {
		A Alert
		P *Alert
		L []Alert
	}{a, &a, []Alert{a}}
	var text strings.Builder
	for _, x := range []any{a, &a, in, &in, []*Alert{&a}, map[string]Alert{"a": a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&text, verb, x)
		}
		b, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		text.Write(b)
		log.NewLogfmtLogger(&text).Log("alert", x)
		log.NewJSONLogger(&text).Log("alert", x)
		slog.New(slog.NewTextHandler(&text, nil)).Info("", "alert", x)
	}
	if got := text.String(); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) || !strings.Contains(got, hidden) {
		t.Errorf("got %s; want nothing but %s", got, hidden)
	}
}
